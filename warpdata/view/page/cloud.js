// Points, cameras as frustums, and their pictures, drawn by WebGL.

import { clipFromWorld, unproject, centre } from "./pose.js";

const POINTS = {
  vertex: `#version 300 es
    uniform mat4 clip; uniform float size; in vec3 position; in vec3 colour; out vec3 shade;
    void main() { gl_Position = clip * vec4(position, 1.0); gl_PointSize = size; shade = colour; }`,
  fragment: `#version 300 es
    precision mediump float; in vec3 shade; out vec4 seen; void main() { seen = vec4(shade, 1.0); }`,
};
const PICTURE = {
  vertex: `#version 300 es
    uniform mat4 clip; in vec3 position; in vec2 place; out vec2 at;
    void main() { gl_Position = clip * vec4(position, 1.0); at = place; }`,
  fragment: `#version 300 es
    precision mediump float; uniform sampler2D picture; in vec2 at; out vec4 seen; void main() { seen = texture(picture, at); }`,
};
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];
const HEADER_BYTES = 32; // a number, four unused bytes, the origin as three doubles

function program(gl, { vertex, fragment }) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  return made;
}

export class Cloud {
  constructor(canvas, [width, height]) {
    this.canvas = canvas;
    this.size = [width, height];
    const gl = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
    if (!gl) throw new Error("this browser has no WebGL 2, which points are drawn with");
    this.gl = gl;
    this.points = program(gl, POINTS);
    this.picture = program(gl, PICTURE);
    this.count = 0;
    this.origin = [0, 0, 0];
    this.views = [];
    gl.enable(gl.DEPTH_TEST);
    gl.clearColor(0.06, 0.065, 0.07, 1);
  }

  buffer(values) {
    const made = this.gl.createBuffer();
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, made);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, values, this.gl.STATIC_DRAW);
    return made;
  }

  attribute(of, name, buffer, size, type, normalised = false) {
    const place = this.gl.getAttribLocation(of, name);
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.enableVertexAttribArray(place);
    this.gl.vertexAttribPointer(place, size, type, normalised, 0, 0);
  }

  // Points as the server sends them; the first ones also decide where numbers are small.
  setPoints(data, views, reach) {
    const header = new DataView(data);
    this.count = header.getUint32(0, true);
    this.origin = [8, 16, 24].map((at) => header.getFloat64(at, true));
    this.positions = this.buffer(new Float32Array(data, HEADER_BYTES, 3 * this.count));
    this.colours = this.buffer(new Uint8Array(data, HEADER_BYTES + 12 * this.count, 3 * this.count));
    this.setViews(views, reach);
  }

  // Frustums that reach so far.
  setViews(views, reach) {
    const near = (point) => point.map((value, index) => value - this.origin[index]);
    const [width, height] = this.size;
    const lines = [];
    this.quads = views.map(({ K, transform_matrix: pose }) => {
      const corners = CORNERS.map(([x, y]) => near(unproject([x * width, y * height], reach, pose, K)));
      const at = near(centre(pose));
      corners.forEach((corner, index) => lines.push(...at, ...corner, ...corner, ...corners[(index + 1) % 4]));
      const order = [0, 1, 2, 0, 2, 3];
      return this.buffer(new Float32Array(order.flatMap((corner) => corners[corner])));
    });
    this.places = this.buffer(new Float32Array([0, 1, 2, 0, 2, 3].flatMap((corner) => CORNERS[corner])));
    this.views = views;
    this.lines = this.buffer(new Float32Array(lines));
    this.lineColours = this.buffer(new Uint8Array(views.flatMap(() => Array(16).fill([255, 200, 90]).flat())));
    this.textures ??= views.map(() => null);
  }

  setPicture(view, bitmap) {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
    gl.generateMipmap(gl.TEXTURE_2D);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    this.textures[view] = texture;
  }

  // What a camera sees; the frustum of the view that it stands at is not drawn.
  draw(pose, K, depth, { standingAt = null, showCameras = true, pointSize = 2 } = {}) {
    const { gl, canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round((width * this.size[1]) / this.size[0]));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (!this.count) return;
    const at = centre(pose).map((value, index) => value - this.origin[index]);
    const local = pose.map((row, index) => (index < 3 ? [row[0], row[1], row[2], at[index]] : row));
    const clip = clipFromWorld(local, K, this.size, depth / 500, depth * 200);
    gl.useProgram(this.points);
    gl.uniformMatrix4fv(gl.getUniformLocation(this.points, "clip"), false, clip);
    gl.uniform1f(gl.getUniformLocation(this.points, "size"), pointSize * ratio);
    this.attribute(this.points, "position", this.positions, 3, gl.FLOAT);
    this.attribute(this.points, "colour", this.colours, 3, gl.UNSIGNED_BYTE, true);
    gl.drawArrays(gl.POINTS, 0, this.count);
    if (!showCameras) return;
    this.attribute(this.points, "position", this.lines, 3, gl.FLOAT);
    this.attribute(this.points, "colour", this.lineColours, 3, gl.UNSIGNED_BYTE, true);
    this.views.forEach((_, view) => { if (view !== standingAt) gl.drawArrays(gl.LINES, view * 16, 16); });
    gl.useProgram(this.picture);
    gl.uniformMatrix4fv(gl.getUniformLocation(this.picture, "clip"), false, clip);
    this.attribute(this.picture, "place", this.places, 2, gl.FLOAT);
    this.views.forEach((_, view) => {
      if (view === standingAt || !this.textures[view]) return;
      gl.bindTexture(gl.TEXTURE_2D, this.textures[view]);
      this.attribute(this.picture, "position", this.quads[view], 3, gl.FLOAT);
      gl.drawArrays(gl.TRIANGLES, 0, 6);
    });
  }
}

// Pictures side by side that are zoomed, moved and probed together: one pixel is the same pixel in all of them.

import { element } from "./dom.js";

const WINDOW = 11; // pixels that the magnified window shows across
const MOST_SCALE = 64;

export async function loadPicture(address, signal) {
  const response = await fetch(address, { signal });
  if (!response.ok) throw new Error(await response.text());
  // Exactly the pixels of the file: no colour management, no premultiplied alpha.
  return createImageBitmap(await response.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

export class Panels {
  // columns: [{ name, caption }]; probe(x, y) is called when the probed pixel changes.
  constructor(columns, { probe = () => {} } = {}) {
    this.probe = probe;
    this.pixel = null;
    this.scale = 0; // screen pixels a picture's pixel takes; 0 fits the picture
    this.centre = { x: 0, y: 0 };
    this.size = { width: 0, height: 0 };
    this.panels = columns.map((column) => this.makePanel(column));
    this.element = element("div", { class: "panels", style: { "--columns": columns.length } },
      this.panels.map(({ figure }) => figure));
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.element);
  }

  makePanel({ name, caption }) {
    const picture = element("canvas", { class: "picture", tabIndex: -1 });
    const magnified = element("canvas", { class: "window", width: WINDOW * 8, height: WINDOW * 8, "aria-hidden": "true" });
    const value = element("output", {});
    const figure = element("figure", { class: "panel", "data-name": name },
      element("figcaption", {}, caption ?? name), picture, element("div", { class: "reading" }, magnified, value));
    const panel = { name, figure, picture, magnified, value, bitmap: null, other: null, split: 1 };
    picture.addEventListener("pointermove", (event) => this.pointerMoved(panel, event));
    picture.addEventListener("pointerdown", (event) => this.pointerPressed(panel, event));
    picture.addEventListener("wheel", (event) => this.wheelTurned(panel, event), { passive: false });
    return panel;
  }

  // The grid on which pixels are counted, where it is not the first picture's own.
  setSize(width, height) {
    this.size = { width, height };
    this.centre = { x: width / 2, y: height / 2 };
    this.element.style.setProperty("--aspect", width / height);
    this.element.classList.toggle("several", this.panels.length > 1);
  }

  // A panel's picture; `other` is shown right of `split` (a share of the width) over it.
  set(name, bitmap, { other = null, split = 1 } = {}) {
    const panel = this.panels.find((one) => one.name === name);
    Object.assign(panel, { bitmap, other, split });
    if (!this.size.width) this.setSize(bitmap.width, bitmap.height);
    this.draw();
  }

  setSplit(name, split) {
    this.panels.find((one) => one.name === name).split = split;
    this.draw();
  }

  // Why a panel shows no picture.
  setProblem(name, text) {
    const panel = this.panels.find((one) => one.name === name);
    panel.picture.replaceWith(element("div", { class: "missing" }, text));
  }

  show(name, shown) {
    this.panels.find((one) => one.name === name).figure.hidden = !shown;
    const visible = this.panels.filter(({ figure }) => !figure.hidden).length;
    this.element.style.setProperty("--columns", visible);
    this.element.classList.toggle("several", visible > 1);
    this.draw();
  }

  // Screen pixels a picture's pixel takes in a panel, and where the picture's corner lies.
  placing(panel) {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(panel.picture.clientWidth * ratio));
    const height = Math.max(1, Math.round((width * this.size.height) / (this.size.width || 1)));
    const fit = width / (this.size.width || 1);
    const scale = this.scale ? Math.max(this.scale, fit) : fit;
    const halfWidth = width / 2 / scale;
    const halfHeight = height / 2 / scale;
    const x = Math.min(Math.max(this.centre.x, halfWidth), this.size.width - halfWidth);
    const y = Math.min(Math.max(this.centre.y, halfHeight), this.size.height - halfHeight);
    return { width, height, scale, left: width / 2 - x * scale, top: height / 2 - y * scale, ratio };
  }

  draw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      for (const panel of this.panels) if (!panel.figure.hidden && panel.bitmap) this.drawPanel(panel);
    });
  }

  drawPanel(panel) {
    const { picture, bitmap, other, split } = panel;
    const { width, height, scale, left, top } = this.placing(panel);
    if (picture.width !== width || picture.height !== height) Object.assign(picture, { width, height });
    const context = picture.getContext("2d");
    context.imageSmoothingEnabled = scale < 2;
    context.clearRect(0, 0, width, height);
    context.drawImage(bitmap, left, top, this.size.width * scale, this.size.height * scale);
    if (other) {
      const at = Math.round(width * split);
      context.save();
      context.beginPath();
      context.rect(at, 0, width - at, height);
      context.clip();
      context.drawImage(other, left, top, this.size.width * scale, this.size.height * scale);
      context.restore();
      context.fillStyle = "#fff";
      context.fillRect(at - 1, 0, 2, height);
    }
    if (this.pixel) {
      this.drawCross(context, left + (this.pixel.x + 0.5) * scale, top + (this.pixel.y + 0.5) * scale, width, height);
      this.drawWindow(panel);
    }
  }

  drawCross(context, x, y, width, height) {
    context.lineWidth = 1;
    for (const [style, offset] of [["#000a", 1], ["#fffc", 0]]) {
      context.strokeStyle = style;
      context.beginPath();
      context.moveTo(0, Math.round(y) + 0.5 + offset);
      context.lineTo(width, Math.round(y) + 0.5 + offset);
      context.moveTo(Math.round(x) + 0.5 + offset, 0);
      context.lineTo(Math.round(x) + 0.5 + offset, height);
      context.stroke();
    }
  }

  // The pixels around the probed one, large, with a frame around it.
  drawWindow({ magnified, bitmap }) {
    const context = magnified.getContext("2d");
    const side = magnified.width / WINDOW;
    const half = (WINDOW - 1) / 2;
    context.imageSmoothingEnabled = false;
    context.fillStyle = "#000";
    context.fillRect(0, 0, magnified.width, magnified.height);
    context.drawImage(bitmap, (half - this.pixel.x) * side, (half - this.pixel.y) * side,
      this.size.width * side, this.size.height * side);
    context.strokeStyle = "#fff";
    context.strokeRect(half * side - 0.5, half * side - 0.5, side + 1, side + 1);
    context.strokeStyle = "#000";
    context.strokeRect(half * side - 1.5, half * side - 1.5, side + 3, side + 3);
  }

  pixelAt(panel, event) {
    const { left, top, scale, ratio } = this.placing(panel);
    const box = panel.picture.getBoundingClientRect();
    return {
      x: Math.floor(((event.clientX - box.left) * ratio - left) / scale),
      y: Math.floor(((event.clientY - box.top) * ratio - top) / scale),
    };
  }

  setPixel({ x, y }) {
    const inside = {
      x: Math.min(Math.max(x, 0), this.size.width - 1),
      y: Math.min(Math.max(y, 0), this.size.height - 1),
    };
    if (this.pixel && this.pixel.x === inside.x && this.pixel.y === inside.y) return;
    this.pixel = inside;
    this.draw();
    this.probe(inside.x, inside.y);
  }

  movePixel(dx, dy) {
    const from = this.pixel ?? { x: Math.floor(this.size.width / 2), y: Math.floor(this.size.height / 2) };
    this.setPixel({ x: from.x + dx, y: from.y + dy });
    if (this.scale) this.centre = { x: this.pixel.x, y: this.pixel.y };
  }

  pointerMoved(panel, event) {
    if (this.dragging) {
      const { scale, ratio } = this.placing(panel);
      this.centre = {
        x: this.dragging.centre.x - ((event.clientX - this.dragging.x) * ratio) / scale,
        y: this.dragging.centre.y - ((event.clientY - this.dragging.y) * ratio) / scale,
      };
      this.draw();
    } else if (panel.bitmap) {
      this.setPixel(this.pixelAt(panel, event));
    }
  }

  pointerPressed(panel, event) {
    if (!panel.bitmap) return;
    this.setPixel(this.pixelAt(panel, event));
    if (!this.scale) return;
    panel.picture.setPointerCapture(event.pointerId);
    this.dragging = { x: event.clientX, y: event.clientY, centre: { ...this.centre } };
    const end = () => { this.dragging = null; };
    panel.picture.addEventListener("pointerup", end, { once: true });
    panel.picture.addEventListener("pointercancel", end, { once: true });
  }

  wheelTurned(panel, event) {
    if (!panel.bitmap) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 1.25 : 0.8, this.pixelAt(panel, event));
  }

  // Larger or smaller, around a pixel (the probed one by default).
  zoom(factor, around = this.pixel ?? this.centre) {
    const panel = this.panels.find(({ figure, bitmap }) => !figure.hidden && bitmap);
    if (!panel) return;
    const { scale, width } = this.placing(panel);
    const fit = width / this.size.width;
    const next = Math.min(scale * factor, MOST_SCALE);
    this.centre = {
      x: around.x + 0.5 + (this.centre.x - around.x - 0.5) * (scale / next),
      y: around.y + 0.5 + (this.centre.y - around.y - 0.5) * (scale / next),
    };
    this.scale = next <= fit ? 0 : next;
    this.draw();
  }

  fit() {
    this.scale = 0;
    this.draw();
  }

  close() {
    this.resized.disconnect();
    cancelAnimationFrame(this.drawing);
    this.drawing = -1; // nothing is drawn any more
    for (const { bitmap } of this.panels) bitmap?.close?.();
  }

  // Keys that move the probed pixel and zoom.
  get keys() {
    const move = (keys, dx, dy, about) => ({
      keys, about, run: (event) => { const step = event.shiftKey ? 10 : 1; this.movePixel(dx * step, dy * step); },
    });
    return [
      move(["ArrowLeft", "a", "A"], -1, 0, "probe the pixel to the left; with shift ten pixels"),
      move(["ArrowRight", "d", "D"], 1, 0, "to the right"),
      move(["ArrowUp", "w", "W"], 0, -1, "above"),
      move(["ArrowDown", "s", "S"], 0, 1, "below"),
      { keys: ["+", "="], about: "larger", run: () => this.zoom(1.5) },
      { keys: ["-"], about: "smaller", run: () => this.zoom(1 / 1.5) },
      { keys: ["0"], about: "the whole picture", run: () => this.fit() },
    ];
  }
}

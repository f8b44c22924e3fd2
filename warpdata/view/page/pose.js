// Camera poses: camera to world, 4 x 4 row by row, OpenGL axes (x right, y up, looking along -z), as transforms.json has them.

export const add = (a, b) => a.map((value, index) => value + b[index]);
export const scaled = (a, factor) => a.map((value) => value * factor);
export const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
export const unit = (a) => scaled(a, 1 / (Math.hypot(...a) || 1));
export const cross = (a, b) => [
  a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0],
];

export const axis = (pose, column) => [pose[0][column], pose[1][column], pose[2][column]];
export const centre = (pose) => axis(pose, 3);
export const forward = (pose) => scaled(axis(pose, 2), -1);

export function poseOf(right, up, back, at) {
  return [0, 1, 2].map((row) => [right[row], up[row], back[row], at[row]]).concat([[0, 0, 0, 1]]);
}

// Moved along its own axes.
export function moved(pose, [x, y, z]) {
  const step = add(add(scaled(axis(pose, 0), x), scaled(axis(pose, 1), y)), scaled(axis(pose, 2), z));
  return poseOf(axis(pose, 0), axis(pose, 1), axis(pose, 2), add(centre(pose), step));
}

function turnedVector(vector, about, angle) {
  const cosine = Math.cos(angle);
  const along = scaled(about, dot(about, vector) * (1 - cosine));
  return add(add(scaled(vector, cosine), scaled(cross(about, vector), Math.sin(angle))), along);
}

// Turned about an axis through a point.
export function turned(pose, about, angle, point) {
  const [right, up, back] = [0, 1, 2].map((column) => turnedVector(axis(pose, column), about, angle));
  const arm = turnedVector(add(centre(pose), scaled(point, -1)), about, angle);
  const straight = unit(back);
  const level = unit(cross(up, straight));
  return poseOf(level, cross(straight, level), straight, add(point, arm));
}

// Column-major, as WebGL takes it: clip from world for a pinhole K of a picture of this size.
export function clipFromWorld(pose, K, [width, height], near, far) {
  const projection = [
    [(2 * K[0][0]) / width, 0, 1 - (2 * K[0][2]) / width, 0],
    [0, (2 * K[1][1]) / height, (2 * K[1][2]) / height - 1, 0],
    [0, 0, -(far + near) / (far - near), (-2 * far * near) / (far - near)],
    [0, 0, -1, 0],
  ];
  const at = centre(pose);
  const camFromWorld = [0, 1, 2].map((column) => {
    const direction = axis(pose, column);
    return [...direction, -dot(direction, at)];
  }).concat([[0, 0, 0, 1]]);
  const made = new Float32Array(16);
  for (let row = 0; row < 4; row += 1) {
    for (let column = 0; column < 4; column += 1) {
      made[column * 4 + row] = projection[row].reduce((sum, value, inner) => sum + value * camFromWorld[inner][column], 0);
    }
  }
  return made;
}

// Where a world point is seen, in pixels of the picture; null behind the camera.
export function project(point, pose, K) {
  const offset = add(point, scaled(centre(pose), -1));
  const depth = -dot(axis(pose, 2), offset);
  if (depth <= 0) return null;
  return [K[0][2] + (K[0][0] * dot(axis(pose, 0), offset)) / depth, K[1][2] - (K[1][1] * dot(axis(pose, 1), offset)) / depth];
}

// The world point that a pixel sees at a depth along the axis.
export function unproject([u, v], depth, pose, K) {
  const x = ((u - K[0][2]) / K[0][0]) * depth;
  const y = (-(v - K[1][2]) / K[1][1]) * depth;
  return centre(moved(pose, [x, y, -depth]));
}

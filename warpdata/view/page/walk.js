// Moving a camera by pointer and keys: around what it looks at, nearer, farther, aside.

import { add, axis, centre, forward, moved, scaled, turned } from "./pose.js";

const CLICK_PX = 4; // a pointer that moves less between down and up has clicked

export class Walk {
  // depth: of what is looked at; up: direction that stays up; changed(pose) after every step; clicked(event).
  constructor(canvas, pose, { depth, up, changed, clicked }) {
    Object.assign(this, { canvas, pose, depth, up, changed, clicked });
    canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    canvas.addEventListener("pointermove", (event) => this.dragged(event));
    canvas.addEventListener("pointerup", (event) => this.released(event));
    canvas.addEventListener("pointercancel", () => { this.from = null; });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.step([0, 0, Math.sign(event.deltaY) * 0.06]);
    }, { passive: false });
  }

  set(pose) {
    this.pose = pose;
    this.changed(pose);
  }

  // A step along the camera's own axes, as a share of the depth.
  step(shares) {
    this.set(moved(this.pose, scaled(shares, this.depth)));
  }

  orbit(horizontal, vertical) {
    const pivot = add(centre(this.pose), scaled(forward(this.pose), this.depth));
    const around = turned(this.pose, this.up, horizontal, pivot);
    this.set(turned(around, axis(around, 0), vertical, pivot));
  }

  pressed(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({ preventScroll: true });
    this.from = { x: event.clientX, y: event.clientY, way: 0, aside: event.button === 2 || event.shiftKey };
  }

  dragged(event) {
    if (!this.from) return;
    const dx = (event.clientX - this.from.x) / this.canvas.clientWidth;
    const dy = (event.clientY - this.from.y) / this.canvas.clientWidth;
    this.from.way += Math.hypot(event.clientX - this.from.x, event.clientY - this.from.y);
    Object.assign(this.from, { x: event.clientX, y: event.clientY });
    if (this.from.aside) this.step([-dx, dy, 0]);
    else this.orbit(-2.5 * dx, -2.5 * dy);
  }

  released(event) {
    if (this.from && this.from.way < CLICK_PX) this.clicked(event);
    this.from = null;
  }

  get keys() {
    const way = (keys, shares, about) => ({
      keys, about, run: (event) => this.step(scaled(shares, event.shiftKey ? 0.15 : 0.03)),
    });
    const turn = (key, horizontal, vertical, about) => ({ keys: [key], about, run: () => this.orbit(0.05 * horizontal, 0.05 * vertical) });
    return [
      way(["w", "W"], [0, 0, -1], "ahead; with shift in large steps"),
      way(["s", "S"], [0, 0, 1], "back"),
      way(["a", "A"], [-1, 0, 0], "to the left"),
      way(["d", "D"], [1, 0, 0], "to the right"),
      way(["e", "E"], [0, 1, 0], "up"),
      way(["q", "Q"], [0, -1, 0], "down"),
      turn("ArrowLeft", -1, 0, "around what is looked at"),
      turn("ArrowRight", 1, 0, "the other way round"),
      turn("ArrowUp", 0, -1, "over it"),
      turn("ArrowDown", 0, 1, "under it"),
    ];
  }
}

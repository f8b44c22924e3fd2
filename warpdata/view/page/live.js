// The warp of training from where the camera stands: one picture after another, and how to get exactly this one elsewhere.

import { Refused, tell } from "./api.js";
import { element, shortNumber } from "./dom.js";

const STILL_MS = 350; // after so long without a move it is said how to repeat the picture

export class Live {
  constructor(base, { size, views, unit }, signal) {
    Object.assign(this, { base, size, signal, wanted: null, busy: false });
    this.canvas = element("canvas", { class: "picture live", width: size[0], height: size[1] });
    this.numbers = element("output", { class: "numbers" });
    this.repeat = element("div", { class: "repeat" });
    this.controls = this.makeControls(views, unit);
    this.element = element("figure", { class: "panel", "data-name": "live" },
      element("figcaption", {}, "what training sees from here"), this.canvas, this.numbers);
  }

  makeControls(views, unit) {
    const again = () => { this.options = this.read(); if (this.pose) this.show(this.pose); };
    const range = (min, max, step, value) => element("input", { type: "range", min, max, step, value, oninput: again });
    const said = (input, text) => {
      const value = element("span", { class: "value" });
      const update = () => { value.textContent = text(Number(input.value)); };
      input.addEventListener("input", update);
      update();
      return value;
    };
    this.reference = element("select", { onchange: again, "aria-label": "reference" },
      element("option", { value: "" }, "nearest"), views.map(({ name }) => element("option", { value: name }, name)));
    this.sigma = range("0", "80", "1", "20");
    this.threshold = range("1", "10", "0.01", "1.01");
    this.version = element("select", { onchange: again, "aria-label": "version" },
      element("option", { value: "2" }, "2"), element("option", { value: "1" }, "1"));
    this.s0 = range("-1", "100", "1", "-1");
    this.edge = range("-1", "50", "1", "-1");
    const s0Text = (value) => (value < 0 ? "auto" : `${shortNumber(this.s0Of(value))} ${unit}`);
    const edgeText = (value) => (value < 0 ? "auto" : value === 0 ? "off" : `${value} %`);
    this.s0Label = element("label", {}, "s0", this.s0, said(this.s0, s0Text));
    const made = element("div", { class: "bar controls" },
      element("label", {}, "reference", this.reference),
      element("label", {}, "sigma", this.sigma, said(this.sigma, (value) => `${value} px`)),
      element("label", {}, "confidence from", this.threshold, said(this.threshold, shortNumber)),
      element("label", {}, "edge filter", this.edge, said(this.edge, edgeText)),
      element("label", {}, "version", this.version), this.s0Label);
    this.options = this.read();
    return made;
  }

  // From a step of the slider to scene units: 0.1 mm to 1 m of a scene of metres, in equal ratios.
  s0Of(step) {
    return 1e-4 * 10 ** (step / 25);
  }

  read() {
    const s0 = Number(this.s0.value);
    const edge = Number(this.edge.value);
    const version = Number(this.version.value);
    this.s0Label.hidden = version !== 1;
    return {
      reference: this.reference.value || null,
      sigma: Number(this.sigma.value),
      confidence_threshold: Number(this.threshold.value),
      edge_threshold: edge < 0 ? "auto" : edge === 0 ? "off" : edge / 100,
      version,
      s0: s0 < 0 || version !== 1 ? "auto" : this.s0Of(s0),
    };
  }

  // Asks for the picture from a pose; while one is under way the last pose that was asked for waits.
  show(pose) {
    this.pose = pose;
    this.wanted = { ...this.options, transform_matrix: pose };
    clearTimeout(this.still);
    this.still = setTimeout(() => this.tellHow(), STILL_MS);
    if (!this.busy) this.next();
  }

  async next() {
    this.busy = true;
    while (this.wanted && !this.signal.aborted) {
      const asked = this.wanted;
      this.wanted = null;
      try {
        await this.draw(asked);
      } catch (error) {
        if (!this.signal.aborted) this.numbers.textContent = error.message;
      }
    }
    this.busy = false;
  }

  async draw(asked) {
    const response = await fetch(`/api/${this.base}/warp`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(asked), signal: this.signal,
    });
    if (!response.ok) throw new Refused(await response.text());
    const found = JSON.parse(response.headers.get("x-numbers"));
    const [width, height] = this.size;
    const pixels = new Uint8ClampedArray(await response.arrayBuffer());
    this.canvas.getContext("2d", { colorSpace: "srgb" }).putImageData(new ImageData(pixels, width, height), 0, 0);
    this.numbers.textContent = `reference ${found.reference}   holes ${(100 * found.hole_fraction).toFixed(1)} %   `
      + `coverage ${(100 * found.coverage).toFixed(1)} %   ${found.backend}, ${found.ms} ms`;
    this.canvas.dataset.shown = String(Number(this.canvas.dataset.shown ?? 0) + 1);
  }

  async tellHow() {
    if (!this.pose || this.signal.aborted) return;
    try {
      const { file, camera, command, python, gives } = await tell(`${this.base}/repeat`, { ...this.options, transform_matrix: this.pose });
      this.repeat.replaceChildren(
        element("p", { class: "quiet" }, `To make exactly this picture, ${gives}: save the camera as ${file}, and`),
        element("pre", { "data-name": "command" }, command),
        element("details", {}, element("summary", {}, file), element("pre", { "data-name": "camera" }, camera)),
        element("details", {}, element("summary", {}, "the same in Python"),
          element("pre", { "data-name": "python" }, pythonText(python))));
    } catch (error) {
      if (!this.signal.aborted) this.repeat.replaceChildren(element("p", { class: "bad" }, error.message));
    }
  }
}

function pythonText(call) {
  const groups = ["FilterOptions", "GeometryOptions", "RenderOptions", "SizeOptions"].filter((name) => call.includes(name));
  return [
    "from pathlib import Path",
    ...(groups.length ? [`from warpdata.config import ${groups.join(", ")}`] : []),
    "from warpdata.run.splat import splat",
    "from warpdata.run.splat_options import SplatOptions",
    "",
    call,
  ].join("\n");
}

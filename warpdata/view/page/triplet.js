// One triplet, large: its pictures side by side, a slider between splat and target, their difference; and its pixels.

import { ask, pictureAddress, tell } from "./api.js";
import { element, say, shortNumber } from "./dom.js";
import { setKeys } from "./keys.js";
import { Panels, loadPicture } from "./panels.js";
import { address, go } from "./route.js";

const MODES = [["columns", "side by side"], ["slider", "slider"], ["difference", "difference"]];
let mode = "columns"; // stays from triplet to triplet

export async function showTriplet(main, { data, items, choice, signal }) {
  const [number] = items;
  const base = `${data}/triplets/${number}`;
  const sample = await ask(base, {}, { signal });
  const questions = choiceOf(choice);
  let asking = new AbortController();

  const probe = async (x, y) => {
    asking.abort();
    asking = new AbortController();
    try {
      showValues(panels, await ask(`${base}/probe`, { x, y }, { signal: asking.signal }));
    } catch (error) {
      if (error.name !== "AbortError") say(error.message);
    }
  };
  const columns = sample.roles.map((role) => ({ name: role }));
  const panels = new Panels([...columns, { name: "slider", caption: "splat | target" }, { name: "difference", caption: "target − splat; black where no point is seen" }], { probe });
  signal.addEventListener("abort", () => { asking.abort(); panels.close(); });

  const title = element("h1", {}, sample.id);
  const page = element("div", { class: "one" });
  const flag = element("span", { class: "flag" }, "rejected");
  const slider = element("input", { type: "range", min: "0", max: "1", step: "0.002", value: "0.5", "aria-label": "splat or target",
    oninput: () => panels.setSplit("slider", Number(slider.value)) });
  const gain = element("input", { type: "range", min: "1", max: "16", step: "1", value: "4", "aria-label": "gain",
    oninput: () => drawDifference() });
  const sliderLabel = element("label", { class: "grow" }, "splat", slider, "target");
  const gainLabel = element("label", {}, "times", gain);
  const buttons = MODES.map(([name, text]) => element("button", { type: "button", onclick: () => setMode(name) }, text));
  const back = () => go({ data, choice: { ...choice, at: number } });
  const move = async (where) => {
    const found = await ask(`${base}/beside`, { ...questions, where }, { signal });
    if (found.number === null) say(where === "unmarked" ? "no more that is not rejected" : "there is no more");
    else go({ data, items: [found.number], choice });
  };
  page.replaceChildren(
    element("div", { class: "bar" },
      element("a", { href: address({ data, choice: { ...choice, at: number } }) }, "‹ all"),
      title, flag, element("span", { class: "quiet" }, sample.reference ? `${sample.reference} → ${sample.target}` : sample.target)),
    element("div", { class: "bar" }, buttons, sliderLabel, gainLabel,
      element("button", { type: "button", onclick: () => mark(!sample.rejected) }, "reject / take back"),
      element("button", { type: "button", onclick: () => move("before") }, "‹"),
      element("button", { type: "button", onclick: () => move("after") }, "›")),
    panels.element,
    facts(sample),
  );
  main.replaceChildren(page);
  showMark();
  setMode(mode);
  setKeys([
    { keys: ["Escape", "Backspace"], about: "back to all", run: back },
    { keys: ["."], about: "the next triplet", run: () => move("after") },
    { keys: [","], about: "the one before", run: () => move("before") },
    { keys: ["n"], about: "the next one that is not rejected", run: () => move("unmarked") },
    { keys: ["x"], about: "reject it", run: () => mark(true) },
    { keys: ["u"], about: "take the rejection back", run: () => mark(false) },
    ...MODES.map(([name, text], index) => ({ keys: [String(index + 1)], about: text, run: () => setMode(name) })),
    ...panels.keys,
  ]);

  const bitmaps = {};
  await Promise.all(sample.roles.map(async (role) => {
    try {
      bitmaps[role] = await loadPicture(pictureAddress(data, number, role, "picture"), signal);
      panels.set(role, bitmaps[role]);
    } catch (error) {
      if (!signal.aborted) panels.setProblem(role, error.message);
    }
  }));
  if (signal.aborted) return;
  if (bitmaps.splats && bitmaps.target) {
    panels.set("slider", bitmaps.splats, { other: bitmaps.target, split: Number(slider.value) });
    drawDifference();
  }

  function setMode(name) {
    mode = name;
    for (const role of sample.roles) panels.show(role, name === "columns");
    panels.show("slider", name === "slider");
    panels.show("difference", name === "difference");
    sliderLabel.hidden = name !== "slider";
    gainLabel.hidden = name !== "difference";
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(MODES[index][0] === name)));
  }

  function drawDifference() {
    if (bitmaps.splats && bitmaps.target) panels.set("difference", difference(bitmaps, Number(gain.value)));
  }

  async function mark(rejected) {
    const result = await tell(`${data}/triplets/marks`, { [rejected ? "reject" : "accept"]: [number] });
    sample.rejected = rejected;
    showMark();
    say(`${sample.id} is ${rejected ? "rejected" : "not rejected"}; ${result.rejected} are rejected in all`);
  }

  function showMark() {
    page.classList.toggle("rejected", sample.rejected);
    flag.hidden = !sample.rejected;
  }
}

export function choiceOf({ keep, sort, descending, which }) {
  return { keep, sort, descending, which };
}

function showValues(panels, { x, y, pictures }) {
  for (const { name, value } of panels.panels) {
    const lines = name in pictures
      ? [pictures[name].says]
      : ["splats", "target"].filter((role) => role in pictures).map((role) => `${role} ${pictures[role].says}`);
    value.textContent = [`(${x}, ${y})`, ...lines].join("\n");
    value.dataset.values = JSON.stringify(pictures[name]?.values ?? null);
  }
}

// Mid-grey where both are equal; brighter where the target is. Where the splat shows no point, black.
function difference({ splats, target, coverage }, gain) {
  const { width, height } = splats;
  const pixelsOf = (bitmap) => {
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, width, height);
  };
  const made = pixelsOf(splats);
  const wanted = pixelsOf(target).data;
  const seen = coverage ? pixelsOf(coverage).data : null;
  for (let at = 0; at < made.data.length; at += 4) {
    const isHole = seen !== null && seen[at] < 255;
    for (let channel = at; channel < at + 3; channel += 1) {
      made.data[channel] = isHole ? 0 : 128 + gain * (wanted[channel] - made.data[channel]);
    }
    made.data[at + 3] = 255;
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(made, 0, 0);
  return canvas;
}

function facts(sample) {
  const rows = [
    ...Object.entries(sample.scores).map(([name, value]) => [name, shortNumber(value)]),
    ["size", sample.size.join(" × ")],
    ["geometry", sample.geometry.model],
    ["licence of the pictures", sample.geometry.source_license],
    ["licence of the weights", sample.geometry.weights_license],
    ["prompt", sample.prompt],
  ].filter(([, value]) => value);
  return element("table", { class: "facts" }, rows.map(([name, value]) => element("tr", {}, element("td", {}, name), element("td", {}, String(value)))));
}

// One scene: its points and cameras in 3-D, and beside them the warp from the same camera.

import { ask } from "./api.js";
import { Cloud } from "./cloud.js";
import { element, say, shortNumber } from "./dom.js";
import { setKeys } from "./keys.js";
import { Live } from "./live.js";
import { loadPicture } from "./panels.js";
import { add, axis, centre, project, unit } from "./pose.js";
import { go } from "./route.js";
import { showView } from "./view.js";
import { Walk } from "./walk.js";

const MOST_PICTURES = 48; // views whose pictures stand in their frustums
const CLICK_PX = 30; // how near a click must be to a camera

export async function showScene(main, route) {
  const { data, items, about, signal } = route;
  const [number] = items;
  if (items.length > 1) {
    await showView(main, route);
    return;
  }
  const base = `${data}/scenes/${number}`;
  main.replaceChildren(element("p", { class: "quiet", role: "status" }, "reading the scene …"));
  const scene = await ask(base, {}, { signal });
  const { views, size } = scene;
  let at = 0; // the view that the camera stands at, null in between

  const canvas = element("canvas", { class: "picture cloud", tabIndex: 0, "aria-label": "points and cameras" });
  canvas.style.setProperty("aspect-ratio", `${size[0]} / ${size[1]}`);
  const overlay = element("img", { class: "overlay", alt: "", hidden: true });
  const status = element("output", {});
  const live = new Live(base, scene, signal);
  const colour = select("colour", [["picture", "pictures"], ["confidence", "confidence"], ["view", "source view"]], () => loadPoints());
  const of = select("points of", [["", "all views"], ...views.map(({ name }, index) => [String(index), name])], () => loadPoints());
  const over = select("over it", [["", "nothing"], ["picture", "this view's picture"], ["depth", "its depth"]], () => showOverlay());
  const opacity = element("input", { type: "range", min: "0", max: "1", step: "0.01", value: "0.6", "aria-label": "opacity",
    oninput: () => overlay.style.setProperty("opacity", opacity.value) });
  const cameras = element("input", { type: "checkbox", checked: true, onchange: () => draw() });
  const scale = element("span", { class: "scale", hidden: true });
  const strip = element("div", { class: "strip" }, views.map(({ name }, index) => element("button", {
    type: "button", title: name, onclick: () => standAt(index),
  }, element("img", { src: `/api/${base}/${index}/picture`, alt: name, loading: "lazy" }))));

  main.replaceChildren(
    element("div", { class: "bar" },
      about.scenes > 1 ? element("button", { type: "button", onclick: () => go({ data }) }, "‹ all") : null,
      element("h1", {}, scene.id),
      element("span", { class: "quiet" }, [`${views.length} views`, `read as ${scene.source}`, scene.estimator, scene.licence].filter(Boolean).join(", "))),
    element("div", { class: "bar" }, colour.label, of.label, element("label", {}, cameras, "cameras"), over.label, opacity, scale,
      element("button", { type: "button", onclick: () => probeView() }, "probe its pixels")),
    element("div", { class: "panels several", style: { "--columns": 2 } },
      element("figure", { class: "panel", "data-name": "cloud" },
        element("figcaption", {}, "points and cameras"),
        element("div", { class: "stack" }, canvas, overlay), status),
      live.element),
    strip, live.controls, live.repeat, leftOut(scene.left_out));

  const cloud = new Cloud(canvas, size);
  const up = unit(views.map(({ transform_matrix: pose }) => axis(pose, 1)).reduce(add));
  const walk = new Walk(canvas, views[0].transform_matrix, {
    depth: scene.median_depth,
    up,
    changed: (pose) => {
      at = null;
      showOverlay();
      draw();
      live.show(pose);
    },
    clicked: (event) => {
      const box = canvas.getBoundingClientRect();
      const place = [((event.clientX - box.left) * size[0]) / box.width, ((event.clientY - box.top) * size[1]) / box.height];
      const distances = views.map(({ transform_matrix: pose }, index) => {
        const seen = index === at ? null : project(centre(pose), walk.pose, intrinsics());
        return seen ? Math.hypot(seen[0] - place[0], seen[1] - place[1]) : Infinity;
      });
      const nearest = distances.indexOf(Math.min(...distances));
      if (distances[nearest] * (box.width / size[0]) < CLICK_PX) standAt(nearest);
    },
  });
  const resized = new ResizeObserver(() => draw());
  resized.observe(canvas);
  signal.addEventListener("abort", () => resized.disconnect());
  const turn = (step) => standAt(((at ?? 0) + step + views.length) % views.length);
  setKeys([
    { keys: ["Escape", "Backspace"], about: "back to all scenes", run: () => about.scenes > 1 && go({ data }) },
    { keys: ["]", "."], about: "stand at the next view", run: () => turn(1) },
    { keys: ["[", ","], about: "stand at the view before", run: () => turn(-1) },
    { keys: ["Enter"], about: "probe the pixels of the view that is stood at", run: () => probeView() },
    { keys: ["c"], about: "cameras on and off", run: () => { cameras.checked = !cameras.checked; draw(); } },
    ...walk.keys,
  ]);
  standAt(0);
  loadPoints();
  loadPictures();

  function select(text, options, changed) {
    const made = element("select", { onchange: changed }, options.map(([value, name]) => element("option", { value }, name)));
    return { input: made, label: element("label", {}, text, made) };
  }

  function probeView() {
    if (at === null) say("stand at a view first: click on a camera or a thumbnail");
    else go({ data, items: [number, at] });
  }

  // Those of the view that is stood at, else of the first: live pictures take the reference's.
  function intrinsics() {
    return views[at ?? 0].K;
  }

  function draw() {
    if (draw.asked) return;
    draw.asked = requestAnimationFrame(() => {
      draw.asked = 0;
      cloud.draw(walk.pose, intrinsics(), scene.median_depth, { standingAt: at, showCameras: cameras.checked });
      [...strip.children].forEach((button, index) => button.setAttribute("aria-pressed", String(index === at)));
    });
  }

  function standAt(view) {
    walk.pose = views[view].transform_matrix;
    at = view;
    showOverlay();
    draw();
    live.show(walk.pose);
  }

  async function showOverlay() {
    const kind = over.input.value;
    overlay.hidden = at === null || !kind;
    scale.hidden = overlay.hidden || kind !== "depth";
    if (overlay.hidden) return;
    const view = at;
    overlay.style.setProperty("opacity", opacity.value);
    overlay.src = `/api/${base}/${view}/${kind}`;
    if (kind !== "depth") return;
    const response = await fetch(overlay.src, { signal });
    const [near, far] = JSON.parse(response.headers.get("x-scale") ?? "[0, 0]");
    scale.replaceChildren(`${shortNumber(near)}`, element("span", { class: "turbo" }), `${shortNumber(far)} ${scene.unit}`);
  }

  async function loadPoints() {
    status.textContent = "reading points …";
    const query = new URLSearchParams({ colour: colour.input.value, ...(of.input.value && { view: of.input.value }) });
    const response = await fetch(`/api/${base}/points?${query}`, { signal });
    if (!response.ok) {
      status.textContent = await response.text();
      return;
    }
    cloud.setPoints(await response.arrayBuffer(), views, scene.median_depth * 0.08);
    canvas.dataset.points = String(cloud.count);
    status.textContent = `${cloud.count.toLocaleString()} points`;
    draw();
  }

  async function loadPictures() {
    for (let view = 0; view < Math.min(views.length, MOST_PICTURES) && !signal.aborted; view += 1) {
      try {
        const bitmap = await loadPicture(`/api/${base}/${view}/picture`, signal);
        cloud.textures ??= views.map(() => null);
        cloud.setPicture(view, bitmap);
        draw();
      } catch (error) {
        if (!signal.aborted) say(error.message);
      }
    }
  }
}

function leftOut(reasons) {
  const entries = Object.entries(reasons);
  if (!entries.length) return "";
  return element("details", {}, element("summary", { class: "quiet" }, `${entries.length} left out`),
    element("ul", {}, entries.map(([name, reason]) => element("li", {}, `${name}: ${reason}`))));
}

// One view of a scene, large: picture, depth and confidence at the same pixel.

import { ask } from "./api.js";
import { element, say } from "./dom.js";
import { setKeys } from "./keys.js";
import { Panels, loadPicture } from "./panels.js";
import { go } from "./route.js";

const ROLES = ["picture", "depth", "confidence"];

export async function showView(main, { data, items, signal }) {
  const [number, view] = items;
  const scene = await ask(`${data}/scenes/${number}`, {}, { signal });
  if (!scene.views[view]) throw new Error(`${scene.id} has ${scene.views.length} views with depth`);
  const base = `${data}/scenes/${number}/${view}`;
  let asking = new AbortController();
  const probe = async (x, y) => {
    asking.abort();
    asking = new AbortController();
    try {
      const { pictures } = await ask(`${base}/probe`, { x, y }, { signal: asking.signal });
      for (const { name, value } of panels.panels) {
        value.textContent = `(${x}, ${y})\n${pictures[name].says}`;
        value.dataset.values = JSON.stringify(pictures[name].values);
      }
    } catch (error) {
      if (error.name !== "AbortError") say(error.message);
    }
  };
  const panels = new Panels(ROLES.map((name) => ({ name })), { probe });
  panels.setSize(...scene.size);
  signal.addEventListener("abort", () => { asking.abort(); panels.close(); });
  const back = () => go({ data, items: [number] });
  const move = (step) => {
    if (scene.views[view + step]) go({ data, items: [number, view + step] });
    else say("there is no more");
  };
  main.replaceChildren(
    element("div", { class: "bar" },
      element("button", { type: "button", onclick: back }, "‹ scene"),
      element("h1", {}, `${scene.id} / ${scene.views[view].name}`),
      element("button", { type: "button", onclick: () => move(-1) }, "‹"),
      element("button", { type: "button", onclick: () => move(1) }, "›")),
    panels.element);
  setKeys([
    { keys: ["Escape", "Backspace"], about: "back to the scene", run: back },
    { keys: ["."], about: "the next view", run: () => move(1) },
    { keys: [","], about: "the view before", run: () => move(-1) },
    ...panels.keys,
  ]);
  await Promise.all(ROLES.map(async (role) => {
    try {
      panels.set(role, await loadPicture(`/api/${base}/arrays/${role}`, signal));
    } catch (error) {
      if (!signal.aborted) panels.setProblem(role, error.message);
    }
  }));
}

// The page: a tab for each thing that is looked at, and below it the view of what is chosen.

import { ask } from "./api.js";
import { element, say } from "./dom.js";
import { setKeys, showKeys } from "./keys.js";
import { address, readRoute } from "./route.js";
import { showGrid } from "./grid.js";
import { showTriplet } from "./triplet.js";
import { showRow, showRows } from "./columns.js";
import { showItem, showItems } from "./items.js";
import { showScene } from "./scene.js";
import { showScenes } from "./scenes.js";

// Kind of what is looked at -> the view of all of it, and of one item.
const VIEWS = {
  triplets: [showGrid, showTriplet],
  columns: [showRows, showRow],
  items: [showItems, showItem],
  scenes: [showScenes, showScene],
};

let leaving = new AbortController();

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const route = readRoute();
  const main = document.getElementById("main");
  setKeys([]);
  try {
    const { data } = await ask("about", {}, { signal });
    const about = data[route.data];
    if (!about) {
      location.hash = "#/0";
      return;
    }
    document.title = `${about.title} – warpdata view`;
    document.getElementById("tabs").replaceChildren(...data.map((one, number) => element(
      "a",
      { href: address({ data: number }), title: one.title, "aria-current": number === route.data ? "page" : null },
      `\u200e${one.title}`,
    )));
    const [showAll, showOne] = VIEWS[about.kind];
    await (route.items.length ? showOne : showAll)(main, { ...route, about, signal });
  } catch (error) {
    if (signal.aborted) return;
    main.replaceChildren(element("p", { class: "bad" }, error.message));
  }
}

window.addEventListener("hashchange", show);
window.addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name !== "AbortError") say(event.reason?.message ?? String(event.reason));
});
document.getElementById("help").addEventListener("click", showKeys);
show();

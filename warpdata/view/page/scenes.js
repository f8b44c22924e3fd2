// All scenes of a folder.

import { ask } from "./api.js";
import { element } from "./dom.js";
import { setKeys } from "./keys.js";
import { address, go } from "./route.js";

const PAGE = 60;

export async function showScenes(main, { data, choice, signal }) {
  const start = Number(choice.start ?? 0);
  const { total, scenes } = await ask(`${data}/scenes`, { start, count: PAGE }, { signal });
  if (total === 1) {
    go({ data, items: [0] }, { replace: true });
    return;
  }
  const toPage = (begin) => {
    if (begin >= 0 && begin < total) go({ data, choice: { start: begin || "" } });
  };
  const cards = scenes.map(({ number, id }) => element("a", { class: "card", href: address({ data, items: [number] }) },
    element("img", { src: `/api/${data}/scenes/${number}/thumbnail`, alt: id, loading: "lazy",
      onerror: (event) => event.target.replaceWith(element("span", { class: "bad" }, "cannot be read")) }),
    element("div", { class: "about" }, element("b", {}, id))));
  main.replaceChildren(
    element("div", { class: "bar" },
      element("span", { class: "quiet", role: "status" }, `${start + 1}–${start + scenes.length} of ${total} scenes`),
      element("button", { type: "button", disabled: start <= 0, onclick: () => toPage(start - PAGE) }, "‹ before"),
      element("button", { type: "button", disabled: start + PAGE >= total, onclick: () => toPage(start + PAGE) }, "after ›")),
    element("div", { class: "grid" }, cards));
  setKeys([
    { keys: ["PageDown", "]"], about: "the next page", run: () => toPage(start + PAGE) },
    { keys: ["PageUp", "["], about: "the page before", run: () => toPage(start - PAGE) },
  ]);
}

// Items of SpaceVista: frames with their marks, the question and the answer.

import { ask } from "./api.js";
import { element } from "./dom.js";
import { setKeys } from "./keys.js";
import { address, go } from "./route.js";

const PAGE = 30;

function pictureAddress(data, item, frame, { drawn = true, large = false } = {}) {
  return `/api/${data}/items/${item}/${frame}/picture?drawn=${drawn ? 1 : 0}&large=${large ? 1 : 0}`;
}

function unreadable(event) {
  event.target.replaceWith(element("span", { class: "bad" }, "cannot be read"));
}

export async function showItems(main, { data, choice, signal }) {
  const start = Number(choice.start ?? 0);
  const { total, items, tasks } = await ask(`${data}/items`, { start, count: PAGE, task: choice.task }, { signal });
  const toPage = (begin) => {
    if (begin >= 0 && begin < total) go({ data, choice: { ...choice, start: begin || "" } });
  };
  const task = element("select", { name: "task", onchange: () => go({ data, choice: { task: task.value } }) },
    element("option", { value: "" }, "all tasks"),
    tasks.filter(([name]) => name).map(([name, count]) => element("option", { value: name, selected: name === choice.task },
      `${name} (${count})`)));
  const cards = items.map(({ number, id, task: kind, asked }) => element("a",
    { class: "card", href: address({ data, items: [number], choice: { task: choice.task } }) },
    element("img", { src: pictureAddress(data, number, 0), alt: id, loading: "lazy", onerror: unreadable }),
    element("div", { class: "about" }, element("b", {}, id), element("span", { class: "quiet" }, kind)),
    element("div", { class: "asked" }, asked)));
  main.replaceChildren(
    element("div", { class: "bar" },
      element("label", {}, "task", task),
      element("span", { class: "quiet", role: "status" }, items.length ? `${start + 1}–${start + items.length} of ${total} items` : "none"),
      element("button", { type: "button", disabled: start <= 0, onclick: () => toPage(start - PAGE) }, "‹ before"),
      element("button", { type: "button", disabled: start + PAGE >= total, onclick: () => toPage(start + PAGE) }, "after ›")),
    element("div", { class: "grid" }, cards));
  let chosen = 0;
  const choose = (index) => {
    cards[chosen]?.classList.remove("chosen");
    chosen = Math.min(Math.max(index, 0), cards.length - 1);
    cards[chosen]?.classList.add("chosen");
    cards[chosen]?.scrollIntoView({ block: "nearest" });
  };
  choose(0);
  setKeys([
    { keys: ["ArrowRight"], about: "the next item", run: () => choose(chosen + 1) },
    { keys: ["ArrowLeft"], about: "the item before", run: () => choose(chosen - 1) },
    { keys: ["Enter"], about: "show it large", run: () => cards[chosen]?.click() },
    { keys: ["PageDown", "]"], about: "the next page", run: () => toPage(start + PAGE) },
    { keys: ["PageUp", "["], about: "the page before", run: () => toPage(start - PAGE) },
  ]);
}

export async function showItem(main, { data, items: [number], choice, signal }) {
  const item = await ask(`${data}/items/${number}`, {}, { signal });
  const first = item.frames.findIndex(({ marks }) => marks > 0);
  let frame = Math.max(0, first);
  let drawn = true;
  const large = element("img", { alt: "the frame", onerror: unreadable });
  const about = element("figcaption", { class: "quiet", role: "status" });
  const marksButton = element("button", { type: "button", onclick: () => toggle() }, "marks");
  const strip = item.frames.map(({ path, marks }, place) => element("button",
    { type: "button", title: path, class: marks ? "marked" : "", onclick: () => choose(place) },
    element("img", { src: pictureAddress(data, number, place), alt: `frame ${place + 1}`, loading: "lazy", onerror: unreadable })));
  const choose = (place) => {
    if (!item.frames.length) return;
    frame = Math.min(Math.max(place, 0), item.frames.length - 1);
    const { path, marks } = item.frames[frame];
    large.src = pictureAddress(data, number, frame, { drawn, large: true });
    about.textContent = `frame ${frame + 1} of ${item.frames.length}, ${marks} marks: ${path}`;
    strip.forEach((button, k) => button.setAttribute("aria-pressed", String(k === frame)));
    strip[frame].scrollIntoView({ block: "nearest", inline: "nearest" });
    marksButton.setAttribute("aria-pressed", String(drawn));
  };
  const toggle = () => {
    drawn = !drawn;
    choose(frame);
  };
  const toItem = (next) => {
    if (next >= 0 && next < item.total) go({ data, items: [next], choice });
  };
  const back = () => go({ data, choice });
  main.replaceChildren(
    element("div", { class: "bar" },
      element("button", { type: "button", onclick: back }, "‹ all"),
      element("h1", {}, item.id),
      element("span", { class: "quiet" }, [item.task, item.input_type].filter(Boolean).join(", ")),
      marksButton),
    element("figure", { class: "frame panel" }, item.frames.length ? large : element("div", { class: "missing" }, "no frames"), about),
    element("div", { class: "strip" }, strip),
    element("p", { class: "said" }, element("b", {}, "Question\n"), item.question),
    element("p", { class: "said" }, element("b", {}, "Answer\n"), item.answer),
    item.problems.length ? element("ul", {}, item.problems.map((one) => element("li", { class: "bad" }, one))) : "");
  choose(frame);
  setKeys([
    { keys: ["ArrowRight"], about: "the next frame", run: () => choose(frame + 1) },
    { keys: ["ArrowLeft"], about: "the frame before", run: () => choose(frame - 1) },
    { keys: ["m"], about: "marks on and off", run: toggle },
    { keys: ["."], about: "the next item", run: () => toItem(number + 1) },
    { keys: [","], about: "the item before", run: () => toItem(number - 1) },
    { keys: ["Escape"], about: "back to all", run: back },
  ]);
}

// All triplets, a page at a time: thumbnails of splat and target, sorted and chosen by scores and marks.

import { ask, askUntilRead, pictureAddress, tell } from "./api.js";
import { element, say, shortNumber } from "./dom.js";
import { setKeys } from "./keys.js";
import { address, go } from "./route.js";

const PAGE = 60;
const SHOWN_SCORES = [["psnr", "dB"], ["hole_fraction", "holes"]];

export async function showGrid(main, { data, choice, about, signal }) {
  const start = Number(choice.start ?? 0);
  const count = element("span", { class: "quiet", role: "status" }, "…");
  const grid = element("div", { class: "grid" });
  const bar = controls({ data, choice, about });
  main.replaceChildren(bar.form, element("div", { class: "bar" }, count, bar.pages), grid);
  setKeys([]);

  const waiting = ({ read, expected }) => {
    count.textContent = `reading the manifest: ${read.toLocaleString()} of ${expected.toLocaleString()}`;
  };
  let page;
  try {
    page = await askUntilRead(`${data}/triplets`, { ...choice, start, count: PAGE }, waiting, signal);
  } catch (error) {
    if (signal.aborted) return;
    count.className = "bad";
    count.textContent = error.message;
    setKeys([{ keys: ["/"], about: "write a condition", run: () => bar.keep.focus() }]);
    return;
  }
  const { total, samples } = page;
  count.textContent = total
    ? `${(start + 1).toLocaleString()}–${(start + samples.length).toLocaleString()} of ${total.toLocaleString()}`
    : "none";
  bar.showPages(start, total);

  let chosen = Math.max(0, samples.findIndex(({ number }) => number === Number(choice.at)));
  const cards = samples.map((sample) => card(data, choice, sample));
  grid.replaceChildren(...cards);

  const choose = (index) => {
    cards[chosen]?.classList.remove("chosen");
    chosen = Math.min(Math.max(index, 0), cards.length - 1);
    cards[chosen]?.classList.add("chosen");
    cards[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const mark = async (rejected) => {
    const sample = samples[chosen];
    if (!sample) return;
    const result = await tell(`${data}/triplets/marks`, { [rejected ? "reject" : "accept"]: [sample.number] });
    sample.rejected = rejected;
    showMark(cards[chosen], rejected);
    say(`${sample.id} is ${rejected ? "rejected" : "not rejected"}; ${result.rejected} are rejected in all`);
  };
  const toPage = (begin) => {
    if (begin >= 0 && begin < total) go({ data, choice: { ...choice, start: begin || "", at: "" } });
  };
  const nextUnmarked = async () => {
    const index = samples.findIndex((sample, place) => place > chosen && !sample.rejected);
    if (index >= 0) choose(index);
    else toPage(start + PAGE);
  };
  choose(chosen);
  bar.onPage((step) => toPage(start + step * PAGE));
  setKeys([
    { keys: ["ArrowRight"], about: "the next triplet", run: () => choose(chosen + 1) },
    { keys: ["ArrowLeft"], about: "the one before", run: () => choose(chosen - 1) },
    { keys: ["ArrowDown"], about: "the one below", run: () => choose(chosen + columns()) },
    { keys: ["ArrowUp"], about: "the one above", run: () => choose(chosen - columns()) },
    { keys: ["Enter"], about: "show it large", run: () => cards[chosen]?.click() },
    { keys: ["x"], about: "reject it", run: () => mark(true) },
    { keys: ["u"], about: "take the rejection back", run: () => mark(false) },
    { keys: ["n"], about: "the next one that is not rejected", run: nextUnmarked },
    { keys: ["PageDown", "]"], about: "the next page", run: () => toPage(start + PAGE) },
    { keys: ["PageUp", "["], about: "the page before", run: () => toPage(start - PAGE) },
    { keys: ["/"], about: "write a condition", run: () => bar.keep.focus() },
  ]);
}

function card(data, choice, sample) {
  const pictures = ["splats", "target"].map((role) => (sample.roles.includes(role)
    ? element("img", {
      src: pictureAddress(data, sample.number, role, "thumbnail"), alt: `${role} of ${sample.id}`, loading: "lazy",
      onerror: (event) => event.target.replaceWith(element("span", { class: "bad" }, `${role} cannot be read`)),
    })
    : element("span", { class: "quiet" }, sample.problem ?? `no ${role}`)));
  const scores = SHOWN_SCORES.filter(([name]) => name in sample.scores)
    .map(([name, unit]) => `${shortNumber(sample.scores[name])} ${unit}`);
  const made = element(
    "a",
    { class: "card", href: address({ data, items: [sample.number], choice: { ...choice, at: "" } }) },
    element("div", { class: "pair" }, pictures),
    element("div", { class: "about" }, element("b", {}, sample.id || "damaged line"), element("span", { class: "quiet" }, scores.join(", "))),
  );
  showMark(made, sample.rejected);
  return made;
}

function showMark(made, rejected) {
  made.classList.toggle("rejected", rejected);
  made.querySelector(".flag")?.remove();
  if (rejected) made.querySelector(".about").append(element("span", { class: "flag" }, "rejected"));
}

// The form above the grid: condition, order, marks; and the buttons of the pages.
function controls({ data, choice, about }) {
  const keep = element("input", {
    type: "search", name: "keep", value: choice.keep ?? "", placeholder: "psnr < 15 or hole_fraction > 0.5", "aria-label": "condition",
  });
  const option = (value, text, chosen) => element("option", { value, selected: value === chosen }, text);
  const scores = [...new Set([...about.scores, ...(choice.sort ? [choice.sort] : [])])];
  const sort = element("select", { name: "sort" },
    option("", "manifest", choice.sort ?? ""), scores.map((name) => option(name, name, choice.sort)));
  const descending = element("select", { name: "descending", "aria-label": "direction" },
    option("", "least first", choice.descending ?? ""), option("1", "greatest first", choice.descending));
  const which = element("select", { name: "which" }, option("", "all", choice.which ?? ""),
    option("unmarked", "not rejected", choice.which), option("rejected", "rejected", choice.which));
  const apply = (event) => {
    event.preventDefault();
    const values = { keep: keep.value, sort: sort.value, descending: descending.value, which: which.value };
    go({ data, choice: values });
  };
  const form = element("form", { class: "bar", onsubmit: apply, onchange: apply },
    element("label", { class: "grow" }, "show", keep), element("label", {}, "by", sort), descending, element("label", {}, "of", which));
  const before = element("button", { type: "button", disabled: true }, "‹ before");
  const after = element("button", { type: "button", disabled: true }, "after ›");
  // What the manifest's scores are is known once it is read.
  if (!about.complete) refreshScores(sort, choice);
  return {
    form,
    keep,
    pages: element("span", {}, before, " ", after),
    showPages(start, total) {
      before.disabled = start <= 0;
      after.disabled = start + PAGE >= total;
    },
    onPage(move) {
      before.onclick = () => move(-1);
      after.onclick = () => move(1);
    },
  };

  async function refreshScores(select, { sort: chosen }) {
    for (;;) {
      await new Promise((resolve) => { setTimeout(resolve, 400); });
      if (!select.isConnected) return;
      const now = (await ask("about")).data[data];
      if (!now.complete && !now.problem) continue;
      const known = new Set([...select.options].map(({ value }) => value));
      select.append(...now.scores.filter((name) => !known.has(name)).map((name) => option(name, name, chosen)));
      return;
    }
  }
}

// Folders side by side: a row for each name, a column for each folder, gaps where one has no such name.

import { ask, tell } from "./api.js";
import { element, say } from "./dom.js";
import { setKeys } from "./keys.js";
import { Panels, loadPicture } from "./panels.js";
import { address, go } from "./route.js";

const PAGE = 30;

export async function showRows(main, { data, choice, about, signal }) {
  const start = Number(choice.start ?? 0);
  const { total, rows } = await ask(`${data}/columns`, { start, count: PAGE, gaps: choice.gaps }, { signal });
  const toPage = (begin) => {
    if (begin >= 0 && begin < total) go({ data, choice: { ...choice, start: begin || "", at: "" } });
  };
  const which = element("select", { onchange: () => go({ data, choice: { gaps: which.value } }) },
    element("option", { value: "" }, `all ${about.rows}`),
    element("option", { value: "1", selected: choice.gaps === "1" }, `the ${about.gaps} with a gap`));
  const head = element("tr", {}, element("th", {}, ""), about.columns.map((name) => element("th", {}, name)));
  const lines = rows.map((row) => line(data, choice, row));
  main.replaceChildren(
    element("div", { class: "bar" },
      element("label", {}, "show", which),
      element("span", { class: "quiet", role: "status" }, rows.length ? `${start + 1}–${start + rows.length} of ${total}` : "none"),
      element("button", { type: "button", disabled: start <= 0, onclick: () => toPage(start - PAGE) }, "‹ before"),
      element("button", { type: "button", disabled: start + PAGE >= total, onclick: () => toPage(start + PAGE) }, "after ›")),
    element("div", { class: "scroll" }, element("table", { class: "rows" }, element("thead", {}, head), element("tbody", {}, lines))),
  );
  let chosen = Math.max(0, rows.findIndex(({ number }) => number === Number(choice.at)));
  const choose = (index) => {
    lines[chosen]?.classList.remove("chosen");
    chosen = Math.min(Math.max(index, 0), lines.length - 1);
    lines[chosen]?.classList.add("chosen");
    lines[chosen]?.scrollIntoView({ block: "nearest" });
  };
  choose(chosen);
  const mark = async (rejected) => {
    if (rows[chosen] && await markRow(data, rows[chosen], rejected)) lines[chosen].classList.toggle("rejected", rejected);
  };
  const nextUnmarked = () => {
    const index = rows.findIndex((row, place) => place > chosen && !row.rejected);
    if (index >= 0) choose(index);
    else toPage(start + PAGE);
  };
  setKeys([
    ...(about.marks ? markKeys(mark, nextUnmarked) : []),
    { keys: ["ArrowDown"], about: "the next row", run: () => choose(chosen + 1) },
    { keys: ["ArrowUp"], about: "the row before", run: () => choose(chosen - 1) },
    { keys: ["Enter"], about: "show it large", run: () => rows[chosen] && go({ data, items: [rows[chosen].number], choice: { gaps: choice.gaps } }) },
    { keys: ["PageDown", "]"], about: "the next page", run: () => toPage(start + PAGE) },
    { keys: ["PageUp", "["], about: "the page before", run: () => toPage(start - PAGE) },
  ]);
}

// Tiles of an area are marked in its own list, which `prepare dem` and `--source dem` go by.
async function markRow(data, row, rejected) {
  try {
    const result = await tell(`${data}/columns/marks`, { [rejected ? "reject" : "accept"]: [row.number] });
    row.rejected = rejected;
    say(`${row.name} is ${rejected ? "rejected" : "not rejected"}; ${result.rejected} are rejected in all`);
    return true;
  } catch (error) {
    say(error.message);
    return false;
  }
}

function markKeys(mark, nextUnmarked) {
  return [
    { keys: ["x"], about: "reject the tile", run: () => mark(true) },
    { keys: ["u"], about: "take the rejection back", run: () => mark(false) },
    { keys: ["n"], about: "the next one that is not rejected", run: nextUnmarked },
  ];
}

function line(data, choice, row) {
  const large = address({ data, items: [row.number], choice: { gaps: choice.gaps } });
  const cells = row.there.map((there, column) => element("td", {}, there
    ? element("a", { href: large }, element("img", {
      src: `/api/${data}/columns/${row.number}/${column}/thumbnail`, alt: row.name, loading: "lazy",
      onerror: (event) => event.target.replaceWith(element("span", { class: "bad" }, "cannot be read")),
    }))
    : element("div", { class: "missing" }, "missing")));
  return element("tr", { class: row.rejected ? "rejected" : null }, element("th", { scope: "row" }, element("a", { href: large }, row.name)), cells);
}

export async function showRow(main, { data, items, choice, about, signal }) {
  const [number] = items;
  const base = `${data}/columns/${number}`;
  const row = await ask(base, {}, { signal });
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
  const panels = new Panels(about.columns.map((caption, column) => ({ name: String(column), caption: captionOf(caption, row.columns[column]) })), { probe });
  signal.addEventListener("abort", () => { asking.abort(); panels.close(); });
  if (row.size[0]) panels.setSize(...row.size);
  const move = (step) => {
    const next = number + step;
    if (next < 0 || next >= about.rows) say("there is no more");
    else go({ data, items: [next], choice });
  };
  const back = () => go({ data, choice: { ...choice, start: Math.floor(number / PAGE) * PAGE || "", at: number } });
  const flag = element("span", { class: "flag", hidden: !row.rejected }, "rejected");
  const mark = async (rejected) => {
    if (await markRow(data, row, rejected)) flag.hidden = !rejected;
  };
  const nextUnmarked = async () => {
    const found = await ask(`${base}/unmarked`, {}, { signal });
    if (found.number === null) say("no more that is not rejected");
    else go({ data, items: [found.number], choice });
  };
  main.replaceChildren(
    element("div", { class: "bar" },
      element("button", { type: "button", onclick: back }, "‹ all"), element("h1", {}, row.name), flag,
      about.marks ? element("button", { type: "button", onclick: () => mark(!row.rejected) }, "reject / take back") : null,
      element("button", { type: "button", onclick: () => move(-1) }, "‹"),
      element("button", { type: "button", onclick: () => move(1) }, "›")),
    panels.element,
  );
  setKeys([
    { keys: ["Escape", "Backspace"], about: "back to all", run: back },
    ...(about.marks ? markKeys(mark, nextUnmarked) : []),
    { keys: ["."], about: "the next row", run: () => move(1) },
    { keys: [","], about: "the row before", run: () => move(-1) },
    ...panels.keys,
  ]);
  await Promise.all(row.columns.map(async ({ there, problem }, column) => {
    if (!there || problem) {
      panels.setProblem(String(column), problem ?? "missing");
      return;
    }
    const bitmap = await loadPicture(`/api/${base}/${column}/picture`, signal);
    panels.set(String(column), bitmap);
  }));
}

function captionOf(folder, { file, size }) {
  return [folder, file, size && size.join(" × ")].filter(Boolean).join("  ·  ");
}

function showValues({ panels }, { columns }) {
  panels.forEach(({ value }, column) => {
    const found = columns[column];
    value.textContent = found ? `(${found.x}, ${found.y})\n${found.says}` : "";
    value.dataset.values = JSON.stringify(found?.values ?? null);
  });
}

// Keys of the view that is shown, and the list of them.

import { element } from "./dom.js";

let bindings = [];

// Each binding: { keys: ["x"], about: "what it does", run: (event) => ... }.
export function setKeys(list) {
  bindings = list;
}

function isTyping(target) {
  return target instanceof HTMLElement && (target.matches("input:not([type=range]), select, textarea"));
}

export function showKeys() {
  const dialog = document.getElementById("keys");
  const rows = bindings.flatMap(({ keys, about }) => [
    element("dt", {}, keys.map((key) => (key === " " ? "space" : key)).join("  ")),
    element("dd", {}, about),
  ]);
  const close = element("button", { type: "button", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(element("h1", {}, "Keys"), element("dl", { class: "keys" }, rows), close);
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (document.getElementById("keys").open) return;
  if (event.key === "?") {
    showKeys();
    return;
  }
  const found = bindings.find(({ keys }) => keys.includes(event.key));
  if (found) {
    event.preventDefault();
    found.run(event);
  }
});

// The address of what is shown, in the part after #: `#/<data>` or `#/<data>/<item>`, and choices after a `?`.
// So "back", reloading and bookmarks do what they do everywhere.

export function readRoute() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [data, ...items] = path.split("/").map((part) => (/^\d+$/.test(part) ? Number(part) : null));
  return { data: data ?? 0, items: items.filter((item) => item !== null), choice: Object.fromEntries(new URLSearchParams(query)) };
}

export function address({ data, items = [], choice = {} }) {
  const kept = Object.entries(choice).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(kept).toString();
  return `#/${[data, ...items].join("/")}${query ? `?${query}` : ""}`;
}

export function go(route, { replace = false } = {}) {
  if (replace) {
    history.replaceState(null, "", address(route));
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = address(route);
  }
}

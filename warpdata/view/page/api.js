// Questions to the server. Everything has a number; no path is ever sent.

const NOT_YET = 503;

export class Refused extends Error {}

function address(path, values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== "" && value !== null && value !== undefined) query.set(name, value);
  }
  const text = query.toString();
  return `/api/${path}${text ? `?${text}` : ""}`;
}

async function answer(response) {
  if (!response.ok) throw new Refused(await response.text());
  return response.json();
}

export async function ask(path, values = {}, { signal } = {}) {
  return answer(await fetch(address(path, values), { signal }));
}

// As `ask`, again and again while the server is still reading what it needs; `waiting` is told how far it is.
export async function askUntilRead(path, values, waiting, signal) {
  for (;;) {
    const response = await fetch(address(path, values), { signal });
    if (response.status !== NOT_YET) return answer(response);
    const about = await response.json();
    if (about.problem) throw new Refused(about.problem);
    waiting(about);
    await new Promise((resolve) => { setTimeout(resolve, 200); });
  }
}

export async function tell(path, body) {
  const headers = { "content-type": "application/json" };
  return answer(await fetch(`/api/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

export function pictureAddress(data, number, role, kind) {
  return `/api/${data}/triplets/${number}/${role}/${kind}`;
}

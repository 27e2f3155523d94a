/** Where the reader is: `#/page?filters`. The address holds everything that a view shows, so that it can be sent on. */

const listeners = new Set();

/** The place that the address names; its page is empty where it names none. */
export function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { page: path, params: new URLSearchParams(query) };
}

/** The address of a place. */
export function to(page, params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== "" && value != null));
  return `#/${page}${query.size ? `?${query}` : ""}`;
}

/** The address of this place with some parameters changed; null takes one away. */
export function changed(changes) {
  const { page, params } = here();
  return to(page, { ...Object.fromEntries(params), ...changes });
}

/** Go to an address of ours. With `quietly` the step is not one that "back" takes back. */
export function go(address, { quietly = false } = {}) {
  if (address === location.hash) return;
  history[quietly ? "replaceState" : "pushState"](null, "", address);
  listeners.forEach((listener) => listener(here()));
}

/** Hear of every change of place. */
export function onMove(listener) {
  listeners.add(listener);
}

window.addEventListener("popstate", () => listeners.forEach((listener) => listener(here())));

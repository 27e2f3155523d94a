/** Calls to Wallify's API, with the session's cookie and, for what changes something, its CSRF token. */

import { language } from "./translation.js";

/** Where the API is: this file lies at BASE/monitor/VERSION/api.js. */
export const BASE = new URL("../../", import.meta.url);

/** The session as the server describes it; null while nobody is signed in. */
export const session = { current: null };

/** What the API said when it refused. */
export class Problem extends Error {
  constructor({ status = 0, code = "unreachable", message, details = {} }) {
    super(message);
    Object.assign(this, { status, code, details });
  }
}

export const get = (path, query, options) => call("GET", path, { query, ...options });
export const post = (path, body, options) => call("POST", path, { body, ...options });
export const patch = (path, body, options) => call("PATCH", path, { body, ...options });
export const remove = (path, options) => call("DELETE", path, options);

/** True when this deployment answers a route such as `GET /queues`. */
export const has = (route) => session.current?.routes.includes(route) ?? false;

/** True when the session's token has the scope. */
export const may = (scope) => session.current?.scopes.some((one) => one === scope || one === "admin") ?? false;

/**
 * What the API answers, parsed; Problem if it refuses or cannot be reached.
 * @param {string} method
 * @param {string} path
 * @param {{query?: object, body?: unknown, signal?: AbortSignal}} options
 */
export async function call(method, path, { query, body, signal } = {}) {
  const response = await reach(address(path, query), {
    method,
    signal,
    headers: { ...headers(method), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const told = await response.json().catch(() => ({}));
  if (response.ok) return told;
  if (response.status === 401) window.dispatchEvent(new Event("signed-out"));
  throw new Problem({ status: response.status, ...told });
}

/** Headers that a request needs beside its own. */
export function headers(method) {
  const common = { "Accept-Language": language, Accept: "application/json" };
  return method === "GET" ? common : { ...common, "X-CSRF-Token": session.current?.csrf ?? "" };
}

/** The address of a path of ours; query values that are empty are left out. */
export function address(path, query = {}) {
  const url = new URL(path.replace(/^\//, ""), BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== "" && value !== null && value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

async function reach(url, request) {
  try {
    return await fetch(url, { credentials: "same-origin", cache: "no-store", ...request });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ message: "Wallify cannot be reached." });
  }
}

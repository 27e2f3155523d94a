/** The small things that every view is made of. */

import { h, icon } from "./dom.js";
import { t } from "./translation.js";

/** The states of a task, in Celery's words and in the reader's, with the icon that goes with them. */
export const STATES = {
  PENDING: "Waiting",
  STARTED: "Running",
  RETRY: "Retrying",
  SUCCESS: "Done",
  PARTIAL: "Partly done",
  FAILURE: "Failed",
  REVOKED: "Cancelled",
};

/** The kinds of work, in words. */
export const TYPES = {
  process_image: "Process image",
  bulk_process_images: "Bulk upload",
  generate_thumbnails: "Make thumbnails",
  cleanup_orphaned_files: "Clean up",
  update_collection_stats: "Recount statistics",
  optimize_images: "Optimise images",
  delete_images: "Delete images",
  rename_collection: "Rename a collection",
  change_privacy: "Open or close a collection",
};

export const typeWords = (type) => t(TYPES[type] ?? type);

/** A task's state as a small coloured label. */
export function chip(status) {
  return h("span", { class: "chip", data: { state: status } }, t(STATES[status] ?? status));
}

/**
 * A button with words, an icon, or both; `label` names one that has no words. Other options are its attributes.
 * @param {string} words
 * @param {{symbol?: string, label?: string, kind?: string, on?: (event: Event) => unknown, [attribute: string]: unknown}} options
 */
export function button(words, { symbol, label, kind = "", on, ...rest } = {}) {
  const attributes = { type: "button", class: `button ${kind}`, "aria-label": label, title: label, on: { click: on }, ...rest };
  return h("button", attributes, symbol && icon(symbol), words && h("span", {}, words));
}

/**
 * A link that looks like a button. Other options are its attributes.
 * @param {string} words
 * @param {string} href
 * @param {{symbol?: string, kind?: string, [attribute: string]: unknown}} options
 */
export function linkButton(words, href, { symbol, kind = "", ...rest } = {}) {
  return h("a", { class: `button ${kind}`, href, ...rest }, symbol && icon(symbol), words && h("span", {}, words));
}

let fields = 0;

/**
 * A form field with its label.
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [hint]
 */
export function field(label, control, hint) {
  const id = control.id || `f${(fields += 1)}`;
  control.id = id;
  const told = hint && h("small", { id: `${id}-hint` }, hint);
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, told);
}

/** A choice of few: `options` are [value, words]. */
export function select(options, value, on, attributes = {}) {
  const choices = options.map(([key, words]) => h("option", { value: key }, words));
  const made = h("select", { on: { change: (event) => on?.(event.target.value) }, ...attributes }, choices);
  made.value = value ?? "";
  return made;
}

/** How far something is: `value` of 0 to 1. */
export function meter(value, label) {
  const percent = Math.round(100 * value);
  const attributes = { role: "progressbar", "aria-valuenow": percent, "aria-valuemin": 0, "aria-valuemax": 100 };
  return h("div", { class: "meter", "aria-label": label, ...attributes }, h("i", { style: { width: `${percent}%` } }));
}

/** What stands where there is nothing to show. */
export function empty(symbol, title, words, ...actions) {
  return h("div", { class: "empty" }, icon(symbol), h("h2", {}, title), words && h("p", {}, words), actions);
}

/** Where a deployment does not have what a view shows. */
export function unavailable(what) {
  return empty("auto", t("Not available on this deployment"), t("{what} will be here once the API has them.", { what }));
}

/** The head of a page: its title, what it says beside it, and its actions. */
export function heading(title, note, ...actions) {
  return h("header", { class: "heading" }, h("h1", { tabindex: -1 }, title), note, h("div", { class: "actions" }, actions));
}

/** A job's report as facts, those about what was taken away first. */
export function numbersOf(result) {
  const plain = Object.entries(result).filter(([, value]) => ["number", "string", "boolean"].includes(typeof value));
  const first = plain.filter(([name]) => TAKEN[name]).sort(([one], [other]) => PLACES.indexOf(one) - PLACES.indexOf(other));
  const rest = plain.filter(([name]) => !TAKEN[name]);
  return [...first, ...rest].map(([name, value]) => [t(TAKEN[name] ?? name.replaceAll("_", " ")), String(value)]);
}

const TAKEN = { taken: "Objects taken away", seen: "Objects seen", cap: "Limit of this run" };
const PLACES = Object.keys(TAKEN);

/** What the API says about a picture's file, a sentence each; nothing where it says nothing. */
export function remarks(warnings) {
  return warnings?.length > 0 && h("div", { class: "note warn" }, icon("alert"), h("ul", { "aria-label": t("Warnings") }, warnings.map((one) => h("li", {}, one))));
}

/** Name and value pairs; those without a value are left out. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** A box that stays grey until its content comes. */
export const skeleton = (kind = "") => h("div", { class: `skeleton ${kind}`, "aria-hidden": "true" });

/** A button that puts a text on the clipboard. */
export function copyButton(words, text, options = {}) {
  return button(words, { symbol: "copy", on: () => copy(text), ...options });
}

/** Put a text on the clipboard. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("Copied"));
  } catch {
    toast(t("The browser does not allow copying here."), { bad: true });
  }
}

const toasts = h("div", { class: "toasts", role: "status", "aria-live": "polite" });

/**
 * Say something in passing; `action` is [words, listener].
 * @param {string} words
 * @param {{bad?: boolean, action?: [string, () => unknown]}} options
 */
export function toast(words, { bad = false, action } = {}) {
  // Above the page only what is in an open dialog can be seen and pressed.
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(toasts);
  const one = h("div", { class: `toast${bad ? " bad" : ""}` }, icon(bad ? "alert" : "check"), h("span", {}, words));
  if (action) one.append(button(action[0], { kind: "plain", on: () => [one.remove(), action[1]()] }));
  toasts.append(one);
  setTimeout(() => one.remove(), bad || action ? 8000 : 3500);
}

/** Say what went wrong. */
export function complain(error) {
  if (error.name !== "AbortError" && error.status !== 401) toast(t(error.message), { bad: true });
}

/** A region that tells of an error where content should be. */
export function trouble(error, again) {
  return empty("alert", t("This could not be loaded"), t(error.message), button(t("Try again"), { symbol: "retry", on: again }));
}

/** Panel in the corner of the page with the progress of uploads. */

import { fill, h, icon, sync } from "./dom.js";
import { bytes } from "./format.js";
import { button, meter } from "./parts.js";
import { t, tn } from "./translation.js";

const SAID = { waiting: "Waiting", sending: "Sending", working: "Processing", done: "Done", duplicate: "Already there", failed: "Failed", stopped: "Stopped" };
const COLOUR = { done: "SUCCESS", duplicate: "SUCCESS", failed: "FAILURE", stopped: "REVOKED", sending: "STARTED", working: "STARTED" };
const OVER = ["done", "duplicate", "failed", "stopped"];
const FIRST = { failed: 0, sending: 1, working: 2, waiting: 3 };
const MOST = 60;

const list = h("ul", { class: "tray-list" });
const title = h("b", { role: "status" });
const bar = h("div", { class: "tray-bar" });
const fold = h("button", { type: "button", class: "button plain small", "aria-expanded": "true", "aria-label": t("Show or hide the files") }, icon("down"));
const close = h("button", { type: "button", class: "button plain small", "aria-label": t("Close") }, icon("close"));
const element = h("section", { class: "tray", "aria-label": t("Uploads"), hidden: true }, h("header", {}, title, fold, close), bar, list);

fold.addEventListener("click", () => fold.setAttribute("aria-expanded", String((list.hidden = !list.hidden) === false)));

/** Show these uploads. The buttons call `again(upload)`, `stop(upload)` and `clear()`. */
export function showUploads(files, { again, stop, clear }) {
  if (!element.isConnected) document.body.append(element);
  element.hidden = !files.length;
  const over = files.filter((one) => OVER.includes(one.state)).length;
  const failed = files.filter((one) => one.state === "failed").length;
  close.hidden = over < files.length;
  close.onclick = clear;
  fill(title, over < files.length ? t("{done} of {all} uploaded", { done: over, all: files.length }) : finished(files.length, failed));
  fill(bar, meter(total(files), t("All uploads")));
  const shown = [...files].sort((a, b) => (FIRST[a.state] ?? 4) - (FIRST[b.state] ?? 4)).slice(0, MOST);
  const byId = new Map(files.map((one) => [one.id, one]));
  const lines = shown.map(({ id, file, state, sent, error }) => ({ id, name: file.name, size: file.size, state, sent: Math.round(100 * sent), error }));
  sync(list, lines, (line) => line.id, (line) => row(line, { again: () => again(byId.get(line.id)), stop: () => stop(byId.get(line.id)) }));
}

function finished(all, failed) {
  if (failed) return tn("One upload failed", "{n} uploads failed", failed);
  return tn("One file uploaded", "{n} files uploaded", all);
}

function total(files) {
  const part = ({ state, sent }) => (OVER.includes(state) ? 1 : state === "working" ? 0.95 : 0.9 * sent);
  return files.reduce((sum, one) => sum + part(one), 0) / Math.max(1, files.length);
}

function row({ name, size, state, sent, error }, { again, stop }) {
  const act = state === "failed" || state === "stopped"
    ? button("", { symbol: "retry", kind: "plain small", label: t("Try {name} again", { name }), on: again })
    : ["waiting", "sending"].includes(state) && button("", { symbol: "close", kind: "plain small", label: t("Stop {name}", { name }), on: stop });
  const said = state === "sending" ? `${sent}\u00a0%` : t(SAID[state]);
  return h("li", { data: { state: COLOUR[state] ?? "" } },
    h("div", { class: "tray-name" }, h("span", {}, name), h("small", { class: "muted" }, error ? t(error) : bytes(size))),
    h("span", { class: "tray-state" }, said), act,
    state === "sending" && meter(sent / 100, t("Progress")));
}

/** Tasks as a table, which on a phone becomes a list. */

import { h, icon } from "./dom.js";
import { ago, at, took } from "./format.js";
import { chip, meter, typeWords } from "./parts.js";
import { changed, go, to } from "./router.js";
import { t } from "./translation.js";

const COLUMNS = [
  ["File", "name"],
  ["State", "status"],
  ["Collection", "collection"],
  ["Created", "created_at"],
  ["Waited", "queue_wait_ms", "num"],
  ["Ran", "runtime_ms", "num"],
  ["Attempts", "attempts", "num"],
];
const VALUE = {
  name: (task) => nameOf(task).toLocaleLowerCase(),
  collection: (task) => task.subject.collection ?? "",
};

/** What a task is called. */
export function nameOf(task) {
  const { filename, collection } = task.subject;
  return filename || (task.children ? t("{n} files", { n: task.children }) : collection) || typeWords(task.type);
}

/** The tasks in the order that the reader chose, as far as they are loaded. */
export function sorted(tasks, { by, up }) {
  const value = VALUE[by] ?? ((task) => task[by] ?? -1);
  const sign = up ? 1 : -1;
  return [...tasks].sort((a, b) => sign * (value(a) > value(b) ? 1 : value(a) < value(b) ? -1 : 0));
}

/** The table's head; a press on a column sorts by it. */
export function head(order, changedOrder) {
  const cells = COLUMNS.map(([words, by, kind]) => {
    const current = order.by === by;
    const turn = () => {
      Object.assign(order, { by, up: current ? !order.up : by === "name" || by === "collection" });
      changedOrder();
    };
    const arrow = current && h("span", { class: "arrow", "aria-hidden": "true" }, order.up ? " ↑" : " ↓");
    const sort = current ? (order.up ? "ascending" : "descending") : false;
    return h("th", { role: "columnheader", scope: "col", class: kind, "aria-sort": sort }, h("button", { type: "button", on: { click: turn } }, t(words), arrow));
  });
  return h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, cells));
}

/** One task. */
export function row(task) {
  const cell = (kind, ...children) => h("td", { role: "cell", class: kind }, children);
  const link = h("a", { class: "cover", href: to("tasks", { task: task.task_id }), data: { focus: "open" } }, nameOf(task));
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    go(changed({ task: task.task_id }));
  });
  const busy = task.status === "STARTED" && meter(task.progress.percent / 100, t("Progress"));
  const why = task.error && task.status !== "SUCCESS" && h("small", { class: "why" }, task.error.message);
  return h("tr", { role: "row", data: { state: task.status } },
    cell("t-name", h("div", {}, task.children ? icon("folder") : null, link), h("small", { class: "muted" }, why || typeWords(task.type))),
    cell("t-state", chip(task.status), busy),
    cell("t-collection", task.subject.collection ?? "–"),
    cell("t-created", time(task.created_at)),
    cell("t-wait num", took(task.queue_wait_ms)),
    cell("t-ran num", took(task.runtime_ms)),
    cell("t-tries num", `${task.attempts}`));
}

/** A moment in words that stay true: `tick()` says it anew. */
export function time(iso) {
  const made = h("time", { datetime: iso, title: at(iso), data: { at: iso } }, ago(iso));
  made.tick = () => { made.textContent = ago(iso); };
  return made;
}

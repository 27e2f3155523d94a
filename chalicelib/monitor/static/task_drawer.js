/** One task, whole: how it went, what came of it, and what can be done about it. */

import { get, has, may, post } from "./api.js";
import { confirm, drawer } from "./dialogs.js";
import { fill, h, icon } from "./dom.js";
import { at, bytes, took } from "./format.js";
import { live } from "./live.js";
import { button, chip, complain, copyButton, facts, linkButton, meter, numbersOf, remarks, skeleton, toast, trouble, typeWords } from "./parts.js";
import { still } from "./pictures.js";
import { to } from "./router.js";
import { nameOf, time } from "./task_table.js";
import { t, tn } from "./translation.js";

const CHILDREN = 50;

/** Show the task; answers { id, close }. */
export function openTask(id, closed) {
  let print = "";
  let task = null;
  const sheet = drawer(t("Task"), () => [watch.stop(), closed()]);
  fill(sheet.body, skeleton("tall"));
  const watch = live(look, () => (task?.ready ? 30 : 1.5), (error) => error && !task && fill(sheet.body, trouble(error, watch.now)));

  async function look(signal) {
    task = await get(`/task/status/${encodeURIComponent(id)}`, {}, { signal });
    const children = task.children ? (await get("/tasks", { parent: id, limit: CHILDREN }, { signal })).tasks : [];
    const told = JSON.stringify([task, children.map((child) => [child.task_id, child.status])]);
    if (told === print) return;
    print = told;
    sheet.say(nameOf(task));
    fill(sheet.body, parts(task, children, watch.now));
  }

  return { id, close: sheet.close };
}

function parts(task, children, again) {
  const image = task.result?.thumbnails?.length ? task.result : null;
  return [
    h("div", { class: "task-top" }, image && still(image, { sizes: "96px", lazy: false }),
      h("div", { class: "stack" }, h("div", {}, chip(task.status)), h("p", { class: "muted" }, typeWords(task.type)))),
    task.cancel_requested && !task.ready && h("p", { class: "note" }, t("It was asked to stop and will do so at its next step.")),
    task.error && failure(task),
    remarks([...new Set([...task.warnings, ...(image?.warnings ?? [])])]),
    actions(task, again),
    timeline(task),
    task.children > 0 && family(task, children),
    image && result(image),
    task.status === "PARTIAL" && task.error && h("section", {}, h("h3", {}, t("Result")), facts(numbersOf(task.result ?? {}))),
    about(task),
  ];
}

function failure({ error, status }) {
  const code = h("code", {}, error.code);
  const words = status === "RETRY" ? t("The last try failed; another one follows.") : error.retryable && t("Another try may succeed.");
  return h("div", { class: "note bad" }, icon("alert"), h("div", {}, h("b", {}, error.message), h("div", {}, code), because(error.details), because(error.cause), words && h("small", { class: "muted" }, words),
    error.trace && h("details", {}, h("summary", {}, t("Traceback")), h("pre", {}, error.trace))));
}

/** What the API tells beside an error's sentence: a limit and the value, the types that are taken, what is misconfigured. */
function because(told) {
  const shown = (fact) => Array.isArray(fact) ? fact.join(", ") : typeof fact === "object" ? JSON.stringify(fact) : String(fact);
  const pairs = Object.entries(told || {}).map(([name, fact]) => [name, shown(fact)]);
  return pairs.length > 0 && facts(pairs);
}

function actions(task, again) {
  const made = [];
  if (!task.ready && !task.cancel_requested && may("tasks")) {
    made.push(button(t("Cancel task"), { symbol: "stop", on: () => cancel(task, again) }));
  }
  if (["FAILURE", "REVOKED", "PARTIAL"].includes(task.status) && has("POST /task/retry/{task_id}") && may("tasks")) {
    made.push(button(t("Try again"), { symbol: "retry", kind: "primary", on: () => retry(task) }));
  }
  if (task.parent_id) made.push(linkButton(t("Parent task"), to("tasks", { task: task.parent_id }), { symbol: "tasks" }));
  made.push(copyButton(t("Copy id"), task.task_id));
  return h("div", { class: "row-actions" }, made);
}

async function cancel(task, again) {
  const words = task.children ? t("Its files that are not finished are cancelled too.") : t("What it has made so far is removed.");
  const done = await confirm(t("Cancel this task?"), words, {
    yes: t("Cancel task"), danger: true, act: () => post(`/task/cancel/${task.task_id}`),
  });
  if (done) [toast(done.ready ? t("Cancelled") : t("It will stop at its next step")), again()];
}

async function retry(task) {
  try {
    const fresh = await post(`/task/retry/${task.task_id}`);
    toast(t("A new task tries again"));
    location.hash = to("tasks", { task: fresh.task_id });
  } catch (error) {
    complain(error);
  }
}

function timeline(task) {
  const step = (state, words, iso, note) => iso && h("li", { data: { state } }, h("b", {}, words), h("span", { class: "muted" }, at(iso)), note && h("small", { class: "muted" }, note));
  const waited = task.queue_wait_ms !== null && t("after waiting {time}", { time: took(task.queue_wait_ms) });
  const ran = task.runtime_ms !== null && t("after running {time}", { time: took(task.runtime_ms) });
  const tries = t("Try {n} of {most}", { n: task.attempts, most: task.max_attempts });
  const now = !task.ready && h("li", { class: "now", data: { state: task.status } }, h("b", {}, t(task.progress.stage.replaceAll("_", " "))),
    task.progress.total > 0 && [meter(task.progress.percent / 100, t("Progress")), h("small", { class: "muted" }, `${task.progress.current} / ${task.progress.total}`)]);
  return h("section", {}, h("h3", {}, t("Timeline")), h("ol", { class: "timeline" },
    step("PENDING", t("Created"), task.created_at),
    task.queued_at !== task.created_at && step("PENDING", t("Queued"), task.queued_at),
    step("STARTED", `${t("Started")} · ${tries}`, task.started_at, waited),
    task.progress.steps.map((one) => step("STARTED", t(one.stage.replaceAll("_", " ")), one.at)),
    now,
    step(task.status, t(END[task.status] ?? "Finished"), task.finished_at, ran)));
}

const END = { SUCCESS: "Done", FAILURE: "Failed", REVOKED: "Cancelled", PARTIAL: "Partly done" };

function family(task, children) {
  const sums = task.result ?? {};
  const ended = (sums.succeeded ?? 0) + (sums.failed ?? 0) + (sums.cancelled ?? 0);
  const told = ended > 0 && h("p", { class: "muted" }, t("{good} done, {bad} failed, {gone} cancelled", { good: sums.succeeded, bad: sums.failed, gone: sums.cancelled }));
  const line = (child) => h("li", {}, h("a", { href: to("tasks", { task: child.task_id }) }, nameOf(child)), chip(child.status));
  const rest = task.children > children.length && h("a", { href: to("tasks", { parent: task.task_id }) }, t("Show all"));
  return h("section", {}, h("h3", {}, tn("One file", "{n} files", task.children)), told, h("ul", { class: "lines" }, children.map(line)), rest);
}

function result(image) {
  const files = image.thumbnails.flatMap((one) => one.sources.map((source) => [`${one.width}×${one.height}`, source]));
  const line = ([size, source]) => h("li", {}, h("a", { href: source.url, target: "_blank", rel: "noopener" }, `${size} ${source.format}`), h("span", { class: "muted num" }, bytes(source.bytes)));
  const show = linkButton(t("Show in the library"), to("library", { collection: image.collection, image: image.image_id }), { symbol: "library" });
  return h("section", { class: "stack" }, h("h3", {}, t("Result")), h("ul", { class: "lines" }, files.map(line)), h("div", {}, show));
}

function about(task) {
  return h("section", {}, h("h3", {}, t("Details")), facts([
    [t("Collection"), task.subject.collection],
    [t("Created"), time(task.created_at)],
    [t("Waited"), took(task.queue_wait_ms)],
    [t("Ran"), took(task.runtime_ms)],
    [t("Attempts"), `${task.attempts} / ${task.max_attempts}`],
    [t("Task id"), h("code", {}, task.task_id)],
  ]));
}

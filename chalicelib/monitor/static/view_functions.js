/** Functions: the workers, what they do now, and how they have been doing. */

import { get, has } from "./api.js";
import { fill, h } from "./dom.js";
import { count, percent, took } from "./format.js";
import { live } from "./live.js";
import { chip, empty, facts, heading, meter, skeleton, trouble, typeWords, unavailable } from "./parts.js";
import { to } from "./router.js";
import { nameOf, time } from "./task_table.js";
import { t } from "./translation.js";

export function open(main) {
  const note = h("span", { class: "live", role: "status" });
  const cards = h("div", { class: "grid" }, skeleton("tall"), skeleton("tall"));
  const running = h("section", { class: "card" }, h("header", {}, h("h2", {}, t("Running now"))), skeleton());
  const told = h("p", { class: "muted" }, t("Runs, errors, durations and cold starts are those of the last hour."));
  fill(main, heading(t("Functions"), note), told, cards, running);
  const known = has("GET /functions");
  if (!known) fill(cards, h("div", { class: "card wide-card" }, unavailable(t("Numbers of the functions"))));

  const watch = live(look, 4, (error) => {
    note.classList.toggle("bad", Boolean(error));
    fill(note, error ? t("Not reachable, trying again") : t("Live"));
    if (error && running.querySelector(".skeleton")) fill(running, trouble(error, watch.now));
  });

  async function look(signal) {
    const [every, active] = await Promise.all([known ? get("/functions", {}, { signal }) : null, get("/tasks/active", { limit: 100 }, { signal })]);
    if (every) fill(cards, every.functions.map(card));
    const runs = active.active.filter((task) => !task.children);
    fill(running, h("header", {}, h("h2", {}, t("Running now")), h("span", { class: "muted num" }, count(runs.length))), runs.length ? h("ul", { class: "lines" }, runs.map(lease)) : empty("functions", t("Nothing runs at the moment")));
  }

  return { dispose: watch.stop };
}

function card(one) {
  const busy = one.running === null ? null : one.concurrency ? `${one.running} / ${one.concurrency}` : `${one.running}`;
  return h("section", { class: "card" },
    h("header", {}, h("h2", {}, one.name.replaceAll("_", " ")), h("div", { class: "actions" }, health(one))),
    one.concurrency ? h("div", { class: "stack slots" }, meter(Math.min(one.running / one.concurrency, 1), t("Slots in use"))) : null,
    facts([
      [t("Running"), busy], [t("Runs"), shown(one.invocations, count)], [t("Errors"), shown(one.errors, count)],
      [t("Duration, median"), shown(one.duration_p50_ms, took)], [t("Duration, 95 %"), shown(one.duration_p95_ms, took)],
      [t("Cold starts"), shown(one.cold_starts, count)], [t("Throttled"), one.throttles ? count(one.throttles) : null],
      [t("Memory"), one.memory_mb ? `${one.memory_mb} MB` : null], [t("Time limit"), one.timeout_seconds ? took(1000 * one.timeout_seconds) : null],
    ]));
}

function health({ invocations, errors }) {
  if (invocations === null) return h("span", { class: "chip", data: { state: "REVOKED" } }, t("Not measured"));
  if (errors) return h("span", { class: "chip", data: { state: "FAILURE" } }, percent(errors / invocations));
  return h("span", { class: "chip", data: { state: "SUCCESS" } }, t("No errors"));
}

const shown = (value, words) => (value === null || value === undefined ? null : words(value));

function lease(task) {
  return h("li", {}, h("div", {}, h("a", { href: to("tasks", { task: task.task_id }) }, nameOf(task)), h("div", {}, h("small", { class: "muted" }, typeWords(task.type)))),
    h("div", { class: "push lease" }, meter(task.progress.percent / 100, t("Progress")), h("small", { class: "muted" }, task.progress.stage.replaceAll("_", " "))),
    h("small", { class: "muted" }, task.started_at && time(task.started_at)), chip(task.status));
}

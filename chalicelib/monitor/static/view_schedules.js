/** Schedules: what happens by itself, and when. */

import { get, has, may, patch, post } from "./api.js";
import { fill, h } from "./dom.js";
import { confirm } from "./dialogs.js";
import { ago, when } from "./format.js";
import { live } from "./live.js";
import { button, chip, complain, facts, heading, numbersOf, skeleton, toast, trouble, typeWords, unavailable } from "./parts.js";
import { go, to } from "./router.js";
import { t } from "./translation.js";

const TOLD = {
  cleanup_orphaned_files: "Moves files that belong to nothing into quarantine, and removes them a week later.",
  update_collection_stats: "Counts every collection anew and reports what had drifted.",
  optimize_images: "Makes files smaller where not a single pixel changes.",
};
const CAN_REPORT = ["cleanup_orphaned_files"];

export function open(main) {
  const box = h("div", { class: "grid" }, skeleton("tall"), skeleton("tall"), skeleton("tall"));
  fill(main, heading(t("Schedules"), h("span", { class: "muted" }, t("All times are shown in your time zone."))), box);
  if (!has("GET /schedules")) {
    fill(box, h("div", { class: "card wide-card" }, unavailable(t("The schedules"))));
    return {};
  }
  let print = "";
  const watch = live(look, 5, (error) => error && !print && fill(box, trouble(error, watch.now)));

  async function look(signal) {
    const all = await get("/schedules", {}, { signal });
    if (JSON.stringify(all) === print) return;
    print = JSON.stringify(all);
    fill(box, all.schedules.map((one) => card(one, watch.now)));
  }

  return { dispose: watch.stop };
}

function card(one, again) {
  const last = one.last_task;
  const next = one.next_run;
  return h("section", { class: "card" },
    h("header", {}, h("h2", {}, typeWords(one.name)), h("div", { class: "actions" }, toggle(one, again))),
    h("p", { class: "muted told" }, t(TOLD[one.name] ?? "")),
    facts([
      [t("Next run"), next ? [ago(next), h("div", {}, h("small", { class: "muted" }, when(next)))] : t("only by hand")],
      [t("Last run"), last ? [h("a", { href: to("tasks", { task: last.task_id }) }, ago(last.finished_at ?? last.created_at)), " ", chip(last.status)] : t("not yet")],
    ]),
    last && report(last),
    h("div", { class: "queue-foot" }, runs(one, again)));
}

function report({ result, error, status }) {
  const note = error && h("p", { class: "note bad" }, error.message);
  // What has stopped halfway has numbers that say how far it came.
  if (error && status !== "PARTIAL") return note;
  const numbers = numbersOf(result ?? {}).slice(0, 6);
  return [note, numbers.length ? h("div", { class: "result" }, h("h3", {}, t("Result")), facts(numbers)) : null];
}

function toggle(one, again) {
  const words = one.enabled ? t("On") : t("Off");
  const change = (event) => patch(`/schedules/${one.name}`, { enabled: event.target.checked }).then(again, complain);
  const box = h("input", { type: "checkbox", role: "switch", checked: one.enabled, disabled: !(has("PATCH /schedules/{name}") && may("admin")), on: { change } });
  return h("label", { class: "switch" }, h("span", {}, words), box);
}

function runs(one, again) {
  if (!has("POST /schedules/{name}/run") || !may("admin")) return null;
  const start = async (dry) => {
    const task = await post(`/schedules/${one.name}/run`, undefined, { query: { dry_run: dry } });
    again();
    toast(t("It has started"), { action: [t("Show"), () => go(to("tasks", { task: task.task_id }))] });
    return true;
  };
  const ask = () => confirm(t("Run it now?"), t(TOLD[one.name] ?? ""), { yes: t("Run now"), act: () => start(false) });
  const dry = CAN_REPORT.includes(one.name) && button(t("Dry run"), { kind: "small", on: () => start(true).catch(complain) });
  return [button(t("Run now"), { symbol: "play", kind: "small primary", on: ask }), dry];
}

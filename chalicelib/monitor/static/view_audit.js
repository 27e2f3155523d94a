/** The audit log: who has changed what. */

import { get, has } from "./api.js";
import { fill, h } from "./dom.js";
import { at, ago } from "./format.js";
import { button, complain, empty, heading, skeleton, trouble, unavailable } from "./parts.js";
import { t } from "./translation.js";

const DEEDS = {
  cancel_task: "cancelled a task",
  retry_task: "tried a task again",
  retry_tasks: "tried tasks again",
  redrive_dead_letters: "redrove dead letters",
  delete_dead_letter: "removed a dead letter",
  pause_queue: "paused a queue",
  resume_queue: "let a queue go on",
  purge_queue: "emptied a queue",
  run_schedule: "ran a schedule",
  update_schedule: "switched a schedule",
  update_image: "moved or renamed a picture",
  delete_image: "deleted a picture",
  restore_image: "restored a picture",
  delete_images: "deleted pictures for good",
  delete_collection: "deleted a collection",
  create_collection: "created a collection",
  create_signed_url: "made a signed address",
  create_collection_access: "signed access to a collection",
  create_rendition_url: "made a signed address of a rendition",
  update_collection: "changed a collection",
  generate_thumbnails: "made thumbnails anew",
  restore_quarantined_object: "restored a file",
  create_token: "made a token",
  update_token: "changed a token",
  revoke_token: "revoked a token",
  // Names in entries of earlier versions.
  link_image: "made a signed address",
  redrive: "redrove dead letters",
  remove_dead_letter: "removed a dead letter",
  switch_schedule: "switched a schedule",
  change_image: "moved or renamed a picture",
  change_collection: "changed a collection",
  make_thumbnails: "made thumbnails anew",
  restore_object: "restored a file",
  issue_token: "made a token",
  change_token: "changed a token",
};

export function open(main) {
  const box = h("div", { class: "card flush" }, skeleton("tall"));
  const more = button(t("Show more"), { kind: "wide plain", hidden: true, on: () => load().catch(complain) });
  const body = h("tbody", { role: "rowgroup" });
  let next = null;
  fill(main, heading(t("Audit log")), box, more);
  if (!has("GET /audit")) {
    fill(box, unavailable(t("The audit log")));
    return {};
  }
  start();

  async function start() {
    await load().catch((error) => fill(box, trouble(error, start)));
  }

  async function load() {
    const page = await get("/audit", { limit: 50, cursor: next });
    next = page.next_cursor;
    more.hidden = !next;
    body.append(...page.entries.map(row));
    if (!body.children.length) return fill(box, empty("audit", t("Nothing yet"), t("What administrators change is written down here.")));
    const columns = ["When", "Who", "What", "About"].map((words) => h("th", { role: "columnheader", scope: "col" }, t(words)));
    if (!body.isConnected) fill(box, h("table", { class: "table stacked", role: "table", "aria-label": t("Audit log") }, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns)), body));
  }

  return {};
}

function row(entry) {
  const cell = (label, ...children) => h("td", { role: "cell", data: { label: t(label) } }, children);
  return h("tr", { role: "row" },
    cell("When", h("time", { datetime: entry.at, title: at(entry.at) }, ago(entry.at))),
    cell("Who", h("b", { title: entry.token_id }, entry.actor)), cell("What", t(DEEDS[entry.action] ?? entry.action)), cell("About", h("code", {}, entry.target)));
}

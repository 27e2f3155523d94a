/** Queues: what waits, what is under way, and what nobody could work off. */

import { get, has, may, post, remove } from "./api.js";
import { confirm, drawer } from "./dialogs.js";
import { fill, h, icon } from "./dom.js";
import { at, count, took } from "./format.js";
import { live } from "./live.js";
import { button, chip, complain, empty, heading, skeleton, toast, trouble, unavailable } from "./parts.js";
import { to } from "./router.js";
import { nameOf } from "./task_table.js";
import { t, tn } from "./translation.js";

const PURPOSE = { images: "New uploads", thumbnails: "Thumbnails made anew", maintenance: "Schedules and long jobs", optimizer: "Pictures to optimise" };
const STAYS = { unreadable: "cannot be read", no_task: "its task is unknown or has expired", source_gone: "its file is gone" };

export function open(main) {
  const note = h("span", { class: "live", role: "status" });
  const box = h("div", { class: "grid" }, skeleton("tall"), skeleton("tall"), skeleton("tall"), skeleton("tall"));
  fill(main, heading(t("Queues"), note), box);
  if (!has("GET /queues")) {
    note.remove();
    fill(box, h("div", { class: "card wide-card" }, unavailable(t("The queues"))));
    if (has("GET /queues/{name}/dead")) box.append(deadOnly());
    return {};
  }
  let print = "";
  const watch = live(look, 4, (error) => {
    note.classList.toggle("bad", Boolean(error));
    fill(note, error ? t("Not reachable, trying again") : t("Live"));
    if (error && !print) fill(box, trouble(error, watch.now));
  });

  async function look(signal) {
    const told = await get("/queues", {}, { signal });
    if (JSON.stringify(told) === print) return;
    print = JSON.stringify(told);
    fill(box, told.queues.map((queue) => card(queue, watch.now)));
  }

  return { dispose: watch.stop };
}

/** Where only the dead letters of the images queue can be seen. */
function deadOnly() {
  return h("section", { class: "card" }, h("header", {}, h("h2", {}, "images"), h("span", { class: "muted" }, t(PURPOSE.images))),
    h("div", { class: "row-actions" }, button(t("Dead letters"), { symbol: "skull", on: () => letters("images", () => {}) })));
}

function card(queue, again) {
  const number = (name, value) => h("div", {}, h("dt", {}, name), h("dd", { class: "num" }, count(value)));
  const state = queue.paused ? h("span", { class: "chip", data: { state: "RETRY" } }, t("Paused")) : h("span", { class: "chip", data: { state: "SUCCESS" } }, t("Running"));
  const { dead } = queue;
  return h("section", { class: "card", data: { queue: queue.name } },
    h("header", {}, h("h2", {}, queue.name), h("span", { class: "muted" }, t(PURPOSE[queue.name] ?? "")), h("div", { class: "actions" }, state)),
    h("dl", { class: "queue-numbers" }, number(t("Waiting"), queue.waiting), number(t("In flight"), queue.in_flight), number(t("Delayed"), queue.delayed)),
    h("p", { class: "muted" }, oldest(queue)),
    h("div", { class: "queue-foot" },
      button(dead ? tn("One dead letter", "{n} dead letters", dead, count(dead)) : t("No dead letters"), { symbol: "skull", kind: dead ? "small bad" : "small", disabled: !dead, on: () => letters(queue.name, again) }),
      steering(queue, again)));
}

/** How long the oldest has waited, where the deployment measures it. */
function oldest({ waiting, oldest_age_seconds: age }) {
  if (age) return t("The oldest has waited {time}.", { time: took(1000 * age) });
  if (age === 0 || waiting === 0) return t("Nothing waits.");
  return t("How long the oldest has waited is not measured here.");
}

function steering(queue, again) {
  const path = `/queues/${encodeURIComponent(queue.name)}`;
  const act = (verb, words) => post(`${path}/${verb}`).then(() => [toast(words), again()], complain);
  const pause = queue.paused
    ? has("POST /queues/{name}/resume") && button(t("Resume"), { symbol: "play", kind: "small", on: () => act("resume", t("Work goes on")) })
    : has("POST /queues/{name}/pause") && button(t("Pause"), { symbol: "pause", kind: "small", on: () => act("pause", t("Paused; what runs is finished")) });
  const purge = has("POST /queues/{name}/purge") && may("admin") && button(t("Purge"), { symbol: "trash", kind: "small", on: () => empties(queue, again) });
  return [pause, purge];
}

async function empties(queue, again) {
  const words = t("Every message in this queue is thrown away. Tasks stay: what still waits after an hour is announced anew, unless it is cancelled.");
  const done = await confirm(t("Purge {name}?", { name: queue.name }), words, { yes: t("Purge"), danger: true, type: queue.name, act: () => post(`/queues/${encodeURIComponent(queue.name)}/purge`, { confirm: queue.name }) });
  if (!done) return;
  toast(t("{n} messages thrown away; {tasks} unfinished tasks and {letters} dead letters stay", { n: count(done.removed), tasks: count(done.tasks_left), letters: count(done.dead_letters_left) }));
  again();
}

/** The dead letters of one queue. */
function letters(name, again) {
  const sheet = drawer(t("Dead letters of {name}", { name }), again);
  fill(sheet.body, skeleton("tall"));
  load();

  async function load() {
    try {
      const found = (await get(`/queues/${encodeURIComponent(name)}/dead`, { limit: 50 })).letters;
      if (!found.length) return fill(sheet.body, empty("check", t("No dead letters")));
      const drive = has("POST /queues/{name}/redrive") && button(t("Redrive all"), { symbol: "retry", kind: "primary", on: redrive });
      fill(sheet.body, h("div", { class: "row-actions" }, drive), h("ul", {}, found.map((one) => letter(name, one, load))));
    } catch (error) {
      fill(sheet.body, trouble(error, load));
    }
  }

  async function redrive() {
    const words = t("The work is tried again. A letter whose file is gone, or that cannot be read, stays and can be removed.");
    const done = await confirm(t("Redrive the dead letters?"), words, { yes: t("Redrive"), act: () => post(`/queues/${encodeURIComponent(name)}/redrive`) });
    if (!done) return;
    const sent = done.tasks.length || !done.events;
    if (sent) toast(tn("One task is tried again", "{n} tasks are tried again", done.tasks.length));
    if (done.events) toast(tn("One message is sent again", "{n} messages are sent again", done.events));
    if (!done.left.length) return sheet.close();
    for (const one of done.left) toast(t("{id} stays: {why}", { id: one.message_id, why: t(STAYS[one.why] ?? one.why) }));
    load();
  }
}

/** One dead letter; administrators see its message and can remove it. */
function letter(name, { reason, sent_at: sent, task, body, bytes, message_id: id, readable }, again) {
  const about = task ? [h("a", { href: to("tasks", { task: task.task_id }) }, nameOf(task)), " ", chip(task.status)] : h("b", {}, id);
  const place = `/queues/${encodeURIComponent(name)}/dead/${encodeURIComponent(id)}`;
  const whole = (box) => body.length < bytes && get(place).then((told) => fill(box, told.body), complain);
  const text = body === null ? null : h("pre", {}, body);
  const removal = body !== null && has("DELETE /queues/{name}/dead/{message_id}") &&
    button(t("Remove"), { symbol: "trash", kind: "small bad", on: () => removes(place, id, again) });
  return h("li", { class: "letter" }, h("div", {}, about), h("div", {}, icon("alert"), " ", reason), h("small", { class: "muted" }, at(sent)),
    !readable && h("p", { class: "muted" }, t("This message cannot be read, so there is nothing to try again. It can only be removed.")),
    text && h("details", { on: { toggle: () => whole(text) } }, h("summary", {}, t("Message")), text),
    h("div", { class: "row-actions" }, removal));
}

async function removes(place, id, again) {
  const words = t("It is gone for good. A task that still waits for it ends as failed.");
  const done = await confirm(t("Remove dead letter {id}?", { id }), words, { yes: t("Remove"), danger: true, act: () => remove(place) });
  if (done) [toast(t("Removed")), again()];
}

/** All tasks: what waits, what runs, what came of it. */

import { get, has, may, post } from "./api.js";
import { fill, h, icon, sync } from "./dom.js";
import { confirm } from "./dialogs.js";
import { count } from "./format.js";
import { live } from "./live.js";
import { button, complain, empty, heading, select, skeleton, STATES, toast, trouble, typeWords, TYPES } from "./parts.js";
import { changed, go } from "./router.js";
import { openTask } from "./task_drawer.js";
import { head, row, sorted } from "./task_table.js";
import { t, tn } from "./translation.js";

const PAGE = 50;
const SPANS = { "": "Any time", 1: "Last hour", 24: "Last 24 hours", 168: "Last 7 days", 720: "Last 30 days" };
const RETRYABLE = ["FAILURE", "REVOKED", "PARTIAL"];

export function open(main, first) {
  let params = first;
  let tasks = [];
  let next = null;
  // A cursor belongs to the filters that it was given for, and those with a time change with the clock.
  let asked = query(first);
  let paged = false;
  let sheet = null;
  const order = { by: "created_at", up: false };

  const body = h("tbody", { role: "rowgroup" });
  const table = h("table", { class: "table tasks", role: "table", "aria-label": t("Tasks") });
  const box = h("div", { class: "card flush" }, skeleton("tall"));
  const note = h("span", { class: "live", role: "status" });
  const more = button(t("Show more"), { kind: "wide plain", hidden: true, on: showMore });
  const again = button(t("Retry all that match"), { symbol: "retry", hidden: true, on: retryAll });
  const bar = h("div", { class: "filters" });
  fill(main, heading(t("Tasks"), note, again), bar, box, more);

  const watch = live(look, 4, (error) => {
    note.classList.toggle("bad", Boolean(error));
    fill(note, error ? t("Not reachable, trying again") : t("Live"));
    if (error && !tasks.length) fill(box, trouble(error, watch.now));
  });
  filters();
  showTask();

  async function look(signal) {
    const wanted = query(params);
    const page = await get("/tasks", { ...wanted, limit: PAGE }, { signal });
    const oldest = page.tasks.at(-1)?.created_at;
    const fresh = new Set(page.tasks.map((task) => task.task_id));
    const older = paged ? tasks.filter((task) => task.created_at <= oldest && !fresh.has(task.task_id)) : [];
    tasks = [...page.tasks, ...older];
    if (!paged) [next, asked] = [page.next_cursor, wanted];
    show();
  }

  async function showMore() {
    more.disabled = true;
    try {
      const page = await get("/tasks", { ...asked, limit: PAGE, cursor: next });
      [paged, next] = [true, page.next_cursor];
      tasks = [...tasks, ...page.tasks];
      show();
    } catch (error) {
      complain(error);
    }
    more.disabled = false;
  }

  function show() {
    more.hidden = !next;
    again.hidden = !(has("POST /tasks/retry") && may("tasks") && RETRYABLE.includes(params.get("state")) && tasks.length);
    if (!tasks.length && !next) return fill(box, nothing(params));
    fill(table, head(order, () => show()), body);
    sync(body, sorted(tasks, order), (task) => task.task_id, row);
    if (!table.isConnected) fill(box, table);
    body.querySelectorAll("time[data-at]").forEach((time) => time.tick());
  }

  function filters() {
    const pick = (name) => (value) => go(changed({ [name]: value || null, task: null }), { quietly: true });
    const words = h("input", { type: "search", placeholder: t("File, collection, id or error"), "aria-label": t("Search"), value: params.get("text") ?? "", on: { input: later(pick("text")) } });
    const collection = h("input", { type: "search", placeholder: t("Collection"), "aria-label": t("Collection"), value: params.get("collection") ?? "", on: { input: later(pick("collection")) } });
    const kinds = [["", t("All types")], ...Object.keys(TYPES).map((type) => [type, typeWords(type)])];
    const spans = Object.entries(SPANS).map(([hours, name]) => [hours, t(name)]).sort(([a], [b]) => a - b);
    const states = ["", ...Object.keys(STATES)].map((state) => {
      const made = h("button", { type: "button", data: { state }, on: { click: () => pick("state")(state) } }, state ? t(STATES[state]) : t("All"));
      made.mark = () => made.setAttribute("aria-pressed", (params.get("state") ?? "") === state);
      return made;
    });
    bar.mark = () => states.forEach((state) => state.mark());
    bar.mark();
    fill(bar, h("div", { class: "segments", role: "group", "aria-label": t("State") }, states),
      h("div", { class: "filter-row" }, h("div", { class: "search" }, icon("search"), words), h("div", { class: "search narrow" }, icon("folder"), collection),
        select(kinds, params.get("type"), pick("type"), { "aria-label": t("Type") }),
        select(spans, params.get("hours"), pick("hours"), { "aria-label": t("Time") })));
  }

  function showTask() {
    const id = params.get("task");
    if (id === sheet?.id) return;
    sheet?.close();
    sheet = null;
    if (!id) return;
    const opened = openTask(id, () => {
      // One that made way for another says so later; then the address is the other's.
      if (sheet !== opened) return;
      sheet = null;
      go(changed({ task: null }));
      watch.now();
    });
    sheet = opened;
  }

  async function retryAll() {
    const wanted = query(params);
    const told = await post("/tasks/retry", undefined, { query: { ...wanted, dry_run: true, limit: 1 } }).catch(complain);
    if (!told) return;
    if (!told.total) return void toast(t("Nothing that matches can be tried again: its reason stays, its file is gone, or it was tried again already."));
    const many = `${count(told.total)}${told.complete ? "" : "+"}`;
    const words = tn("One task that matches these filters is tried again.", "{n} tasks that match these filters are tried again.", told.total, many);
    const done = await confirm(t("Retry all that match?"), words, { yes: t("Retry all"), act: () => retryPages(wanted) });
    if (done !== undefined) [toast(tn("One task is tried again", "{n} tasks are tried again", done, count(done))), watch.now()];
  }

  return {
    update(now) {
      const [before, after] = [String(new URLSearchParams(query(params))), String(new URLSearchParams(query(now)))];
      params = now;
      bar.mark();
      showTask();
      if (before === after) return;
      [paged, next] = [false, null];
      watch.now();
    },
    dispose() {
      watch.stop();
      const open = sheet;
      sheet = null;
      open?.close();
    },
  };
}

async function retryPages(wanted) {
  let [done, cursor] = [0, null];
  do {
    const page = await post("/tasks/retry", undefined, { query: { ...wanted, limit: 100, cursor } });
    done += page.retried.length;
    cursor = page.next_cursor;
  } while (cursor);
  return done;
}

/** What the API is asked, from what the address says. */
function query(params) {
  const asked = Object.fromEntries(["state", "type", "collection", "text", "parent"].map((name) => [name, params.get(name)]));
  const hours = Number(params.get("hours"));
  // To the full minute, so that the question stays the same for a while.
  const since = hours ? new Date(Math.floor(Date.now() / 60_000 - hours * 60) * 60_000).toISOString() : null;
  return Object.fromEntries(Object.entries({ ...asked, since }).filter(([, value]) => value));
}

function later(act, ms = 300) {
  let timer = 0;
  return (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(event.target.value.trim()), ms);
  };
}

function nothing(params) {
  const filtered = ["state", "type", "collection", "text", "parent", "hours"].some((name) => params.get(name));
  if (!filtered) return empty("tasks", t("No tasks yet"), t("Upload a picture in the library, and its task appears here."));
  const clear = button(t("Clear filters"), { on: () => [go("#/tasks"), location.reload()] });
  return empty("search", t("Nothing matches"), t("No task fits these filters."), clear);
}

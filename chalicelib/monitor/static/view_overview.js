/** How the system is doing. */

import { get, has } from "./api.js";
import { chart, ranking } from "./charts.js";
import { fill, h } from "./dom.js";
import { bytes, count, dollars, percent, took } from "./format.js";
import { live } from "./live.js";
import { heading, skeleton, STATES, trouble, unavailable } from "./parts.js";
import { changed, go, to } from "./router.js";
import { t } from "./translation.js";

const SPANS = { 1: "Last hour", 6: "6 hours", 24: "24 hours", 168: "7 days" };
const EVERY = { 1: 5, 6: 10, 24: 20, 168: 60 };

export function open(main, first) {
  let params = first;
  const hours = () => (params.get("hours") in SPANS ? params.get("hours") : "1");
  const note = h("span", { class: "live", role: "status" });
  const spans = Object.entries(SPANS).map(([span, words]) => {
    const made = h("button", { type: "button", on: { click: () => go(changed({ hours: span }), { quietly: true }) } }, t(words));
    made.mark = () => made.setAttribute("aria-pressed", span === hours());
    return made;
  });
  const box = h("div", { class: "stack overview" }, skeleton(), skeleton("tall"), skeleton("tall"));
  fill(main, heading(t("Overview"), note, h("div", { class: "segments", role: "group", "aria-label": t("Time") }, spans)), box);
  spans.forEach((one) => one.mark());
  if (!has("GET /overview")) return void fill(box, unavailable(t("The overview")));

  const view = panels();
  let told = null;
  const watch = live(look, () => EVERY[hours()], (error) => {
    note.classList.toggle("bad", Boolean(error));
    fill(note, error ? t("Not reachable, trying again") : t("Live"));
    if (error && !told) fill(box, trouble(error, watch.now));
  });

  async function look(signal) {
    told = await get("/overview", { hours: hours() }, { signal });
    if (!view.element.isConnected) fill(box, view.element);
    view.show(told, Number(hours()));
  }

  return {
    update(now) {
      params = now;
      spans.forEach((one) => one.mark());
      watch.now();
    },
    dispose: watch.stop,
  };
}

function panels() {
  const tiles = h("div", { class: "tiles" });
  const flow = chart(t("Tasks that ended, over time"));
  const speed = chart(t("Run time and wait, over time"));
  const states = h("div");
  const reasons = h("div");
  const storage = h("div");
  const cut = h("p", { class: "note", hidden: true }, t("There were more tasks than an overview reads; it shows the newest."));
  const card = (title, body, legend) => h("section", { class: "card" }, h("header", {}, h("h2", {}, title), legend), body);
  const element = h("div", { class: "stack" }, tiles, cut,
    h("div", { class: "pair" }, card(t("Throughput"), flow.box, legend(FLOW)), card(t("Latency"), speed.box, legend(SPEED))),
    h("div", { class: "grid" }, card(t("States"), states), card(t("Reasons of failures"), reasons), card(t("Storage"), storage)));

  function show(told, hours) {
    cut.hidden = told.complete;
    fill(tiles, figures(told));
    flow.draw(told.buckets, FLOW.map(named), (n) => count(n), hours > 24);
    speed.draw(told.buckets, SPEED.map(named), (ms) => took(ms), hours > 24);
    const found = Object.entries(told.states).filter(([, n]) => n).map(([state, n]) => ({ name: t(STATES[state] ?? state), count: n, shown: count(n), state, href: to("tasks", { state, hours }) }));
    fill(states, found.length ? ranking(found) : quiet(t("No tasks in this time.")));
    const why = told.failures.map((one) => ({ name: one.code, count: one.count, shown: count(one.count), state: "FAILURE", href: to("tasks", { state: "FAILURE", text: one.code, hours }) }));
    fill(reasons, why.length ? ranking(why) : quiet(t("Nothing has failed.")));
    fill(storage, stored(told));
  }
  return { element, show };
}

const FLOW = [
  { words: "Done", kind: "bar", state: "SUCCESS", value: (slice) => slice.succeeded },
  { words: "Failed", kind: "bar", state: "FAILURE", value: (slice) => slice.failed },
  { words: "Cancelled", kind: "bar", state: "REVOKED", value: (slice) => slice.cancelled },
];
const SPEED = [
  { words: "Run, median", kind: "line", state: "STARTED", value: (slice) => slice.runtime.p50_ms },
  { words: "Run, 95 %", kind: "line", state: "STARTED", dashed: true, value: (slice) => slice.runtime.p95_ms },
  { words: "Wait, median", kind: "line", state: "RETRY", value: (slice) => slice.queue_wait.p50_ms },
];
const named = (one) => ({ ...one, name: t(one.words) });

function legend(series) {
  const entry = (one) => h("li", { data: { state: one.state }, class: one.dashed ? "dashed" : one.kind }, t(one.words));
  return h("ul", { class: "legend", "aria-hidden": "true" }, series.map(entry));
}

function figures(told) {
  const sum = (key) => told.buckets.reduce((all, slice) => all + slice[key], 0);
  const [good, bad] = [sum("succeeded"), sum("failed")];
  const active = Object.values(told.active).reduce((all, n) => all + n, 0);
  const tile = (title, value, under, href) => h(href ? "a" : "div", { class: "tile", href }, h("span", {}, title), h("b", { class: "num" }, value), h("small", {}, under));
  return [
    tile(t("Done"), count(good), good + bad ? t("{share} of what ended", { share: percent(good / (good + bad)) }) : t("nothing ended yet"), to("tasks", { state: "SUCCESS" })),
    tile(t("Failed"), count(bad), bad ? t("see why") : t("all is well"), to("tasks", { state: "FAILURE" })),
    tile(t("Active now"), count(active), t("{running} running, {waiting} waiting", { running: told.active.STARTED ?? 0, waiting: (told.active.PENDING ?? 0) + (told.active.RETRY ?? 0) }), to("tasks", { state: "STARTED" })),
    tile(t("Run time"), took(told.runtime.p50_ms), t("95 %: {time}", { time: took(told.runtime.p95_ms) })),
    tile(t("Queue wait"), took(told.queue_wait.p50_ms), t("95 %: {time}", { time: took(told.queue_wait.p95_ms) })),
    tile(t("Cost, roughly"), dollars(told.cost.compute_usd), t("workers, in this time")),
  ];
}

function stored({ storage, cost }) {
  const all = Math.max(1, storage.bytes + storage.rendition_bytes);
  const part = (name, n, kind) => h("li", {}, h("i", { class: kind }), h("span", {}, name), h("b", { class: "num" }, bytes(n)));
  return [
    h("p", { class: "figure" }, h("b", { class: "num" }, bytes(storage.bytes + storage.rendition_bytes)), " ", h("span", { class: "muted" }, t("about {price} a month", { price: dollars(cost.storage_usd_month) }))),
    h("div", { class: "split", "aria-hidden": "true" }, h("i", { class: "one", style: { width: `${(100 * storage.bytes) / all}%` } }), h("i", { class: "two", style: { width: `${(100 * storage.rendition_bytes) / all}%` } })),
    h("ul", { class: "split-legend" }, part(t("Originals"), storage.bytes, "one"), part(t("Thumbnails"), storage.rendition_bytes, "two")),
    storage.bytes_saved > 0 && h("p", {}, t("Optimising has saved {size} in this time.", { size: bytes(storage.bytes_saved) })),
    h("a", { href: to("library") }, t("{images} pictures in {collections} collections", { images: count(storage.images), collections: count(storage.collections) })),
  ];
}

const quiet = (words) => h("p", { class: "muted" }, words);

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { script } from "./page.mjs";

const { changed, go, here, onMove, to } = await script("router.js");
const moves = [];
onMove(({ page, params }) => moves.push([page, Object.fromEntries(params)]));

const place = () => {
  const { page, params } = here();
  return [page, Object.fromEntries(params)];
};

beforeEach(() => {
  go("#/library");
  moves.length = 0;
});

test("an address names a page and its filters", () => {
  go("#/tasks?status=FAILURE&limit=20");
  assert.deepEqual(place(), ["tasks", { status: "FAILURE", limit: "20" }]);
});

test("an empty address names no page", () => {
  history.replaceState(null, "", "#");
  assert.deepEqual(place(), ["", {}]);
});

test("an address leaves out parameters that are empty, and keeps zero and false", () => {
  assert.equal(to("tasks", { a: "", b: null, c: undefined, d: 0, e: false }), "#/tasks?d=0&e=false");
  assert.equal(to("queues"), "#/queues");
});

test("letters with a meaning in an address come back as they were", () => {
  const name = "a&b=c #d/ş ğ?";
  go(to("library", { collection: name }));
  assert.deepEqual(place(), ["library", { collection: name }]);
});

test("a changed address keeps the other parameters, and null takes one away", () => {
  go(to("tasks", { status: "PENDING", type: "cleanup" }));
  assert.equal(changed({ status: null, page: 2 }), "#/tasks?type=cleanup&page=2");
});

test("listeners hear of each move once, and of none to the same place", () => {
  go("#/queues");
  go("#/queues");
  assert.deepEqual(moves, [["queues", {}]]);
});

test("a quiet step is told, and makes no entry that back takes back", () => {
  const entries = history.length;
  go("#/queues", { quietly: true });
  assert.equal(history.length, entries);
  go("#/tokens");
  assert.equal(history.length, entries + 1);
  assert.deepEqual(moves.map(([page]) => page), ["queues", "tokens"]);
});

test("going back is told", () => {
  go("#/queues");
  window.dispatchEvent(new Event("popstate"));
  assert.deepEqual(moves.map(([page]) => page), ["queues", "queues"]);
});

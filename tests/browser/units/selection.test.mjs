import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { script } from "./page.mjs";

const { session } = await script("api.js");
const { h } = await script("dom.js");
const { selection } = await script("selection.js");

const IMAGES = ["a", "b", "c", "d", "e"].map((id) => ({ image_id: id, filename: `${id}.png`, url: `/media/${id}` }));
const ROUTES = ["PATCH /images/{image_id}", "DELETE /images/{image_id}", "POST /thumbnails", "DELETE /collections/{name}"];
let wall, chosen, reloads, asked;

function open({ scopes = ["admin"], inTrash = false, every = async () => IMAGES } = {}) {
  session.current = { routes: ROUTES, scopes, csrf: "c" };
  wall = h("div");
  chosen = selection(wall, () => IMAGES, { inTrash, name: "nature", every, reload: () => (reloads += 1) });
  for (const image of IMAGES) {
    const tile = h("div", { class: "tile-photo", data: { id: image.image_id } });
    tile.append(chosen.box(image, tile));
    wall.append(tile);
  }
  document.body.append(wall);
  return chosen;
}

const bar = () => document.querySelector(".selection");
const marked = () => [...wall.querySelectorAll(".tile-photo.chosen")].map((tile) => tile.dataset.id);
const buttons = () => [...bar().querySelectorAll("button")].map((one) => one.textContent || one.getAttribute("aria-label"));
const press = (words) => [...bar().querySelectorAll("button")].find((one) => (one.textContent || one.getAttribute("aria-label")) === words).click();
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

beforeEach(() => {
  [reloads, asked] = [0, []];
  globalThis.fetch = async (url, { method }) => {
    asked.push(`${method} ${url.pathname ?? url}`);
    return { ok: true, status: 200, json: async () => ({}) };
  };
});

afterEach(() => {
  chosen.dispose();
  document.body.replaceChildren();
});

test("nothing is chosen at first, and the bar is hidden", () => {
  open();
  assert.deepEqual([marked(), bar().hidden, chosen.active()], [[], true, false]);
});

test("a picture that is turned twice is not chosen", () => {
  open();
  chosen.turn("b");
  assert.deepEqual([marked(), bar().hidden, chosen.active()], [["b"], false, true]);
  assert.match(bar().textContent, /One chosen/);
  chosen.turn("b");
  assert.deepEqual(marked(), []);
});

for (const [from, until, expected] of [["b", "d", ["b", "c", "d"]], ["d", "b", ["b", "c", "d"]], ["c", "c", []]]) {
  test(`a range from ${from} to ${until} chooses ${expected.length ? expected : "none"}`, () => {
    open();
    chosen.turn(from);
    chosen.turn(until, true);
    assert.deepEqual(marked(), expected);
  });
}

test("a range without a beginning is one picture", () => {
  open();
  chosen.turn("c", true);
  assert.deepEqual(marked(), ["c"]);
});

test("a range that ends at a chosen picture takes all of it away", () => {
  open();
  for (const id of ["a", "b", "c"]) chosen.turn(id);
  chosen.turn("a", true);
  assert.deepEqual(marked(), []);
});

test("a box that is pressed with shift ends a range", () => {
  open();
  const [first, , third] = wall.querySelectorAll("input");
  first.dispatchEvent(new window.MouseEvent("click"));
  third.dispatchEvent(new window.MouseEvent("click", { shiftKey: true }));
  assert.deepEqual(marked(), ["a", "b", "c"]);
});

test("the whole result is chosen, also what is not shown", async () => {
  open({ every: async (told) => [told(7), ...IMAGES, { image_id: "z", url: "/z" }].slice(1) });
  chosen.turn("a");
  press("All");
  await settled();
  assert.deepEqual(marked(), ["a", "b", "c", "d", "e"]);
  assert.match(bar().textContent, /6 chosen/);
});

test("clearing ends the choosing", () => {
  open();
  chosen.turn("a");
  press("Clear selection");
  assert.deepEqual([marked(), bar().hidden, chosen.active()], [[], true, false]);
});

test("readers may only copy links, and in the trash administrators may only restore", () => {
  open({ scopes: ["read"] });
  chosen.turn("a");
  assert.deepEqual(buttons(), ["All", "Copy links", "Clear selection"]);
  chosen.dispose();
  open({ inTrash: true });
  chosen.turn("a");
  assert.deepEqual(buttons(), ["All", "Restore", "Clear selection"]);
  chosen.dispose();
  open();
  chosen.turn("a");
  assert.deepEqual(buttons(), ["All", "Copy links", "Move", "Regenerate", "Delete", "Clear selection"]);
});

test("restoring asks for each chosen picture once, then clears and reloads", async () => {
  open({ inTrash: true });
  for (const id of ["a", "c"]) chosen.turn(id);
  press("Restore");
  await settled();
  assert.deepEqual(asked.map((one) => one.replace(/^.*images/, "images")), ["images/a/restore", "images/c/restore"]);
  assert.deepEqual([marked(), reloads], [[], 1]);
  assert.match(document.body.textContent, /2 pictures restored/);
});

test("one that is refused is told, and the others are done", async () => {
  open({ inTrash: true });
  const well = globalThis.fetch;
  globalThis.fetch = async (url, request) =>
    String(url.pathname ?? url).includes("/b/") ? { ok: false, status: 409, json: async () => ({ message: "It is gone." }) } : well(url, request);
  for (const id of ["a", "b", "c"]) chosen.turn(id);
  press("Restore");
  await settled();
  assert.match(document.body.textContent, /It is gone\./);
  assert.match(document.body.textContent, /2 pictures restored/);
});

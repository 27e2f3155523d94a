/** Choosing pictures, and doing something with all that are chosen. */

import { has, may, patch, post, remove } from "./api.js";
import { confirm, dialog } from "./dialogs.js";
import { fill, h, icon } from "./dom.js";
import { count } from "./format.js";
import { button, complain, copy, field, meter, toast } from "./parts.js";
import { absolute } from "./pictures.js";
import { go, to } from "./router.js";
import { collectionInput } from "./upload_from.js";
import { t, tn } from "./translation.js";

const AT_ONCE = 4;

export function selection(wall, images, { inTrash, name, every, reload }) {
  const chosen = new Set();
  const known = new Map();
  let last = null;
  const bar = h("div", { class: "selection", role: "region", "aria-label": t("Selection"), hidden: true });
  const starter = button(t("Select"), { symbol: "check", on: () => [wall.classList.toggle("choosing"), mark()] });
  const removal = has("DELETE /collections/{name}") && may("admin") && button("", { symbol: "trash", label: t("Delete this collection"), on: removeCollection });
  document.body.append(bar);

  function box(image, tile) {
    const label = t("Select {name}", { name: image.filename });
    const made = h("input", { type: "checkbox", "aria-label": label, on: { click: (event) => turn(image.image_id, event.shiftKey) } });
    made.checked = chosen.has(image.image_id);
    tile.classList.toggle("chosen", made.checked);
    return h("span", { class: "tile-box" }, made);
  }

  function turn(id, ranged) {
    const ids = images().map((image) => image.image_id);
    const on = !chosen.has(id);
    const [from, until] = [ranged && last ? ids.indexOf(last) : ids.indexOf(id), ids.indexOf(id)].sort((a, b) => a - b);
    ids.slice(Math.max(from, 0), until + 1).forEach((one) => (on ? chosen.add(one) : chosen.delete(one)));
    last = id;
    mark();
  }

  function mark() {
    for (const tile of wall.querySelectorAll(".tile-photo")) {
      const on = chosen.has(tile.dataset.id);
      tile.classList.toggle("chosen", on);
      tile.querySelector("input").checked = on;
    }
    if (chosen.size) wall.classList.add("choosing");
    bar.hidden = !wall.classList.contains("choosing");
    const words = chosen.size ? tn("One chosen", "{n} chosen", chosen.size, count(chosen.size)) : t("Nothing chosen yet");
    fill(bar, h("b", { class: "num", role: "status" }, words), h("div", { class: "row-actions" }, actions()));
  }

  function actions() {
    const all = button(t("All"), { kind: "small plain", label: t("Select the whole result"), on: everything });
    const none = button("", { symbol: "close", kind: "small plain", label: t("Clear selection"), on: clear });
    const verb = (words, symbol, on, kind = "") => button(words, { symbol, kind: `small ${kind}`, on });
    if (!chosen.size) return [all, none];
    if (inTrash) return [all, may("admin") && verb(t("Restore"), "retry", restore, "primary"), none];
    return [all, verb(t("Copy links"), "link", links),
      has("PATCH /images/{image_id}") && may("admin") && verb(t("Move"), "folder", move),
      has("POST /thumbnails") && may("admin") && verb(t("Regenerate"), "retry", regenerate),
      has("DELETE /images/{image_id}") && may("admin") && verb(t("Delete"), "trash", erase, "bad"), none];
  }

  async function everything() {
    const told = bar.querySelector("b");
    try {
      for (const image of await every((n) => (told.textContent = t("{n} found …", { n: count(n) })))) {
        chosen.add(image.image_id);
        known.set(image.image_id, image);
      }
    } catch (error) {
      complain(error);
    }
    mark();
  }

  function clear() {
    chosen.clear();
    known.clear();
    wall.classList.remove("choosing");
    mark();
  }

  function links() {
    for (const image of images()) known.set(image.image_id, image);
    const lines = [...chosen].map((id) => absolute(known.get(id).url));
    copy(lines.join("\n"));
  }

  async function erase() {
    const ids = [...chosen];
    const words = has("GET /trash") ? t("They go into the trash, from where they can be restored for a while.") : t("They and everything made from them are removed.");
    const done = await confirm(tn("Delete one picture?", "Delete {n} pictures?", ids.length), words, { yes: t("Delete"), danger: true, act: () => each(ids, (id) => remove(`/images/${id}`)) });
    if (!done) return;
    /** @type {false | [string, () => unknown]} */
    const undo = has("POST /images/{image_id}/restore") && [t("Undo"), () => each(ids, (id) => post(`/images/${id}/restore`)).then(reload, complain)];
    toast(tn("One picture deleted", "{n} pictures deleted", done), { action: undo || undefined });
    [clear(), reload()];
  }

  async function restore() {
    const done = await each([...chosen], (id) => post(`/images/${id}/restore`));
    [toast(tn("One picture restored", "{n} pictures restored", done)), clear(), reload()];
  }

  async function regenerate() {
    const done = await each([...chosen], (id) => post("/thumbnails", { image_id: id, everything: true }));
    [toast(tn("One picture is made anew", "{n} pictures are made anew", done)), clear()];
  }

  async function move() {
    const ids = [...chosen];
    await dialog(tn("Move one picture", "Move {n} pictures", ids.length), (close) => {
      const input = collectionInput("");
      const submit = async (event) => {
        event.preventDefault();
        const target = input.value.trim();
        close();
        const done = await each(ids, (id) => patch(`/images/${id}`, { collection: target }));
        [toast(tn("One picture moved", "{n} pictures moved", done)), clear(), reload()];
      };
      return h("form", { on: { submit } }, field(t("To the collection"), input, t("A new name makes a new collection.")),
        h("div", { class: "dialog-actions" }, button(t("Cancel"), { on: close }), button(t("Move"), { kind: "primary", type: "submit" })));
    });
  }

  async function removeCollection() {
    const words = t("Every picture in it, and everything made from them, is removed. This runs as a task.");
    const task = await confirm(t("Delete {name}?", { name }), words, { yes: t("Delete collection"), danger: true, type: name, act: () => remove(`/collections/${encodeURIComponent(name)}`, { query: { force: true } }) });
    if (task) go(task.task_id ? to("tasks", { task: task.task_id }) : to("library"));
  }

  return { box, turn, starter, removal, active: () => wall.classList.contains("choosing"), dispose: () => bar.remove() };
}

/** Do it for every id, a few at once; answers how many went well, and tells of the first that did not. */
async function each(ids, act) {
  const waiting = [...ids];
  const shown = h("div", { class: "toast" }, icon("retry"), meter(0, t("Progress")));
  if (ids.length > 8) document.body.append(h("div", { class: "toasts" }, shown));
  let [done, ended, fault] = [0, 0, null];
  const worker = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      await act(id).then(() => (done += 1), (error) => (fault ??= error));
      shown.querySelector("i").style.width = `${(100 * (ended += 1)) / ids.length}%`;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  shown.parentElement?.remove();
  if (fault) complain(fault);
  return done;
}

/** Where uploads come from: the file chooser, drag and drop (folders too), and the clipboard. */

import { get, may } from "./api.js";
import { dialog } from "./dialogs.js";
import { h, icon } from "./dom.js";
import { button, field, toast } from "./parts.js";
import { add } from "./uploads.js";
import { t, tn } from "./translation.js";

const PICTURES = "image/jpeg,image/png,image/gif,image/webp,image/avif,image/heic,image/heif,.heic,.heif,image/bmp,image/tiff";

/** Ask for files, and for a collection where none is given. */
export function choose(collection) {
  const pick = (folder) => h("input", { type: "file", multiple: true, accept: folder ? false : PICTURES, webkitdirectory: folder, hidden: true });
  dialog(t("Upload pictures"), (close) => {
    const input = collectionInput(collection ?? "");
    const [files, folder] = [pick(false), pick(true)];
    const send = (event) => take([...event.target.files], input.value.trim(), close);
    [files, folder].forEach((one) => one.addEventListener("change", send));
    const zone = h("div", { class: "zone" }, icon("upload"), h("p", {}, t("Drop pictures or folders here, or paste them.")),
      h("div", { class: "row-actions" }, button(t("Choose files"), { kind: "primary", on: () => files.click() }), button(t("Choose a folder"), { on: () => folder.click() })), files, folder);
    zone.addEventListener("dragover", (event) => event.preventDefault());
    zone.addEventListener("drop", async (event) => {
      event.preventDefault();
      event.stopPropagation();
      take(await dropped(event.dataTransfer), input.value.trim(), close);
    });
    return h("div", { class: "stack" }, field(t("Into the collection"), input, t("A new name makes a new collection.")), zone);
  });
}

/** Take pictures that are dropped or pasted anywhere, into `place()` or where the reader says. Answers how to stop. */
export function listen(place) {
  const veil = h("div", { class: "veil", hidden: true }, icon("upload"), h("b", {}, t("Drop to upload")));
  let depth = 0;
  const over = (event) => event.dataTransfer?.types.includes("Files");
  const on = {
    dragenter: (event) => over(event) && (veil.hidden = (depth += 1) === 0),
    dragleave: (event) => over(event) && (veil.hidden = (depth = Math.max(0, depth - 1)) === 0),
    dragover: (event) => over(event) && event.preventDefault(),
    drop: async (event) => {
      if (!over(event)) return;
      event.preventDefault();
      [depth, veil.hidden] = [0, true];
      offer(await dropped(event.dataTransfer), place());
    },
    paste: (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length) [event.preventDefault(), offer(files, place())];
    },
  };
  document.body.append(veil);
  Object.entries(on).forEach(([name, listener]) => document.addEventListener(name, listener));
  return () => {
    veil.remove();
    Object.entries(on).forEach(([name, listener]) => document.removeEventListener(name, listener));
  };
}

/** A text field for a collection that knows the names there are. */
export function collectionInput(value) {
  const names = h("datalist", { id: `c${Math.random().toString(36).slice(2)}` });
  if (may("read")) get("/collections").then(({ collections }) => names.append(...collections.map(({ name }) => h("option", { value: name }))), () => {});
  const input = h("input", { type: "text", value, required: true, maxlength: 64, autocomplete: "off", placeholder: "default", list: names.id });
  input.addEventListener("focus", () => input.after(names), { once: true });
  return input;
}

/** Files for a place that is known, or that the reader is asked for. */
function offer(files, place) {
  const pictures = files.filter(isPicture);
  if (!pictures.length) return toast(t("There is no picture among them."), { bad: true });
  if (place && !place.startsWith("\0")) return add(pictures, place);
  return dialog(tn("Upload one picture", "Upload {n} pictures", pictures.length), (close) => {
    const input = collectionInput("");
    const submit = (event) => [event.preventDefault(), take(pictures, input.value.trim(), close)];
    input.required = false;
    return h("form", { on: { submit } }, field(t("Into the collection"), input, t("A new name makes a new collection.")),
      h("div", { class: "dialog-actions" }, button(t("Cancel"), { on: close }), button(t("Upload"), { kind: "primary", type: "submit" })));
  });
}

function take(files, collection, close) {
  const pictures = files.filter(isPicture);
  if (!pictures.length) return toast(t("There is no picture among them."), { bad: true });
  close();
  add(pictures, collection || "default");
}

// The bytes decide what a file is; this only leaves out what a folder holds beside its pictures.
const isPicture = (file) => file.type.startsWith("image/") || /\.(jpe?g|png|gif|webp|avif|hei[cf]|bmp|tiff?)$/i.test(file.name);

async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(within))).flat();
}

async function within(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  // A reader hands out a hundred at a time, until it has no more.
  for (let some = await read(reader); some.length; some = await read(reader)) found.push(...some);
  return (await Promise.all(found.map(within))).flat();
}

const read = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));

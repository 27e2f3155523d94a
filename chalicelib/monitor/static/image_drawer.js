/** One picture, whole. */

import { get, has, may, patch, post, remove } from "./api.js";
import { confirm, dialog, drawer } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { focalPoint } from "./focal_point.js";
import { at, bytes } from "./format.js";
import { button, complain, copyButton, facts, field, linkButton, remarks, skeleton, toast, trouble } from "./parts.js";
import { absolute, ratio, still } from "./pictures.js";
import { changed, go, to } from "./router.js";
import { collectionInput } from "./upload_from.js";
import { t } from "./translation.js";

/** Show the picture; answers { id, close }. `done` hears when it has changed. */
export function openImage(id, { neighbours, closed, done }) {
  const sheet = drawer(t("Picture"), closed);
  fill(sheet.body, skeleton("tall"), skeleton());
  load();

  async function load() {
    try {
      const image = await get(`/images/${encodeURIComponent(id)}`);
      sheet.say(image.filename);
      fill(sheet.body, parts(image, { neighbours, again: () => [load(), done()], gone: () => [sheet.close(), done()] }));
    } catch (error) {
      fill(sheet.body, trouble(error, load));
    }
  }

  return { id, close: sheet.close };
}

function parts(image, { neighbours, again, gone }) {
  const address = new URL(image.links.cdn, location.href).href;
  const shown = still(image, { sizes: "560px", lazy: false, full: false });
  shown.classList.add("big");
  shown.style.setProperty("--r", ratio(image));
  return [
    h("div", { class: "big-frame" }, shown, ...turns(image, neighbours())),
    h("div", { class: "row-actions" }, copyButton(t("Copy link"), address, { kind: "primary" }), copyButton(t("Copy srcset"), srcset(image)), image.url && linkButton(t("Open"), image.url, { symbol: "open", target: "_blank", rel: "noopener" }), linkButton(t("Download"), download(address), { symbol: "download" })),
    remarks(image.warnings),
    facts([
      [t("Size"), `${image.width} × ${image.height}`], [t("Format"), image.format.toUpperCase()], [t("Original"), bytes(image.bytes)],
      [t("Collection"), h("a", { href: to("library", { collection: image.collection }) }, image.collection)],
      [t("Uploaded"), at(image.created_at)], [t("Frames"), image.frames > 1 ? image.frames : null], [t("Transparency"), image.has_alpha ? t("yes") : null],
      [t("Address name"), image.name !== image.filename ? image.name : null],
    ]),
    focalPoint(image, shown),
    h("section", {}, h("h3", {}, t("Colours")), h("ul", { class: "swatches" }, image.colors.map(swatch))),
    h("section", {}, h("h3", {}, t("Stored forms")), renditions(image)),
    Object.keys(image.exif ?? {}).length > 0 && h("section", {}, h("h3", {}, t("Camera")), facts(Object.entries(image.exif).map(([name, value]) => [name.replaceAll("_", " "), value]))),
    Object.values(image.rights ?? {}).some(Boolean) && h("section", {}, h("h3", {}, t("Rights")), facts([[t("Author"), image.rights.author], [t("Copyright"), image.rights.copyright], [t("Licence"), licence(image.rights.licence_url)]])),
    h("section", {}, h("h3", {}, "SHA-256"), h("code", { class: "muted" }, image.sha256)),
    h("div", { class: "row-actions" }, changes(image, again, gone)),
  ];
}

function download(address) {
  const url = new URL(address);
  url.searchParams.set("download", "true");
  return url.href;
}

function turns(image, images) {
  const index = images.findIndex((one) => one.image_id === image.image_id);
  const turn = (step, symbol, label) => {
    const other = images[index + step];
    return index >= 0 && other && button("", { symbol, label, kind: `turn ${symbol}`, on: () => go(changed({ image: other.image_id }), { quietly: true }) });
  };
  return [turn(-1, "left", t("Previous picture")), turn(1, "right", t("Next picture"))];
}

function licence(url) {
  return url ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, url) : null;
}

function swatch(color) {
  return h("li", {}, h("button", { type: "button", style: { background: color }, title: color, "aria-label": t("Copy {what}", { what: color }), on: { click: () => navigator.clipboard?.writeText(color).then(() => toast(t("Copied"))) } }));
}

function renditions(image) {
  const line = (one) => one.sources.map((source) => h("li", {},
    h("a", { href: source.url, target: "_blank", rel: "noopener" }, `${one.width} × ${one.height}`), h("span", { class: "tag" }, source.format.toUpperCase()),
    h("span", { class: "muted num push" }, bytes(source.bytes)), copyButton("", absolute(source.url), { kind: "small plain", label: t("Copy link") })));
  return h("ul", { class: "lines" }, image.thumbnails.map(line));
}

const srcset = (image) => image.srcset.split(", ").map((one) => absolute(one.split(" ")[0]) + one.slice(one.indexOf(" "))).join(", ");

function changes(image, again, gone) {
  const made = [linkButton(t("Show task"), image.links.task ? to("tasks", { task: image.links.task.split("/").at(-1) }) : "#", { symbol: "tasks" })];
  if (has("PATCH /images/{image_id}") && may("admin")) made.push(button(t("Move or rename"), { symbol: "folder", on: () => edit(image, again) }));
  if (has("POST /thumbnails") && may("admin")) made.push(button(t("Regenerate"), { symbol: "retry", on: () => post("/thumbnails", { image_id: image.image_id, everything: true }).then(() => toast(t("Its thumbnails are made anew")), complain) }));
  if (has("DELETE /images/{image_id}") && may("admin")) made.push(button(t("Delete"), { symbol: "trash", kind: "bad", on: () => erase(image, gone) }));
  return made;
}

async function erase(image, gone) {
  const words = has("GET /trash") ? t("It goes into the trash, from where it can be restored for a while.") : t("It and everything made from it are removed.");
  const done = await confirm(t("Delete {name}?", { name: image.filename }), words, { yes: t("Delete"), danger: true, act: () => remove(`/images/${image.image_id}`) });
  if (done) [toast(t("Deleted")), gone()];
}

async function edit(image, again) {
  await dialog(t("Move or rename"), (close) => {
    const name = h("input", { type: "text", value: image.filename, required: true });
    const collection = collectionInput(image.collection);
    const submit = async (event) => {
      event.preventDefault();
      const wanted = { ...(name.value !== image.filename ? { filename: name.value } : {}), ...(collection.value !== image.collection ? { collection: collection.value } : {}) };
      await patch(`/images/${image.image_id}`, wanted).then(() => [close(), toast(t("Changed")), again()], complain);
    };
    return h("form", { on: { submit } }, field(t("Name"), name), field(t("Collection"), collection),
      h("div", { class: "dialog-actions" }, button(t("Cancel"), { on: close }), button(t("Save"), { kind: "primary", type: "submit" })));
  });
}

/** Collections and their pictures. */

import { get, has, may } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { bytes, count } from "./format.js";
import { gallery } from "./gallery.js";
import { button, empty, heading, linkButton, skeleton, trouble } from "./parts.js";
import { still } from "./pictures.js";
import { to } from "./router.js";
import { choose, listen } from "./upload_from.js";
import { t, tn } from "./translation.js";

export function open(main, first) {
  let place = null;
  let inner = null;
  const deaf = may("upload") ? listen(() => place) : () => {};
  show(first);

  function show(params) {
    const next = params.has("trash") ? "\0trash" : params.get("collection");
    if (inner && next === place) return inner.update(params);
    inner?.dispose();
    place = next;
    if (place === null) inner = collections(main);
    else inner = gallery(main, params);
  }

  return {
    update: show,
    dispose() {
      deaf();
      inner?.dispose();
    },
  };
}

function collections(main) {
  const box = h("div", { class: "grid shelf" }, skeleton("tall"), skeleton("tall"), skeleton("tall"));
  const note = h("span", { class: "muted" });
  const trash = has("GET /trash") && linkButton(t("Trash"), to("library", { trash: 1 }), { symbol: "trash" });
  const upload = may("upload") && button(t("Upload"), { symbol: "upload", kind: "primary", on: () => choose(null) });
  fill(main, heading(t("Library"), note, trash, upload), box);
  const seen = new IntersectionObserver((entries) => entries.filter((one) => one.isIntersecting).forEach(({ target }) => {
    seen.unobserve(target);
    /** @type {any} */ (target).look();
  }), { rootMargin: "300px" });
  load();
  window.addEventListener("uploaded", load);

  async function load() {
    try {
      const found = (await get("/collections")).collections.filter((one) => one.images);
      const sum = found.reduce((all, one) => all + one.images, 0);
      fill(note, tn("One picture", "{n} pictures", sum, count(sum)));
      if (!found.length) return fill(box, nothing(upload));
      fill(box, found.map((one) => shelf(one)));
      box.querySelectorAll(".shelf-cover").forEach((cover) => seen.observe(cover));
    } catch (error) {
      fill(box, trouble(error, load));
    }
  }

  return {
    update() {},
    dispose() {
      seen.disconnect();
      window.removeEventListener("uploaded", load);
    },
  };
}

function nothing(upload) {
  const words = upload ? t("Drop pictures anywhere on this page, paste them, or choose files. A collection comes into being with its first picture.") : t("A collection comes into being with its first picture.");
  return h("div", { class: "card wide-card" }, empty("library", t("No pictures yet"), words));
}

function shelf(collection) {
  const cover = h("div", { class: "shelf-cover" });
  cover.look = async () => {
    const found = await get(`/collections/${encodeURIComponent(collection.name)}/images`, { limit: 4 }).catch(() => ({ images: [] }));
    fill(cover, found.images.map((image) => still(image, { sizes: "(max-width: 700px) 50vw, 220px" })));
    cover.dataset.count = found.images.length;
  };
  return h("a", { class: "card flush shelf-card", href: to("library", { collection: collection.name }) }, cover,
    h("div", { class: "shelf-words" }, h("h2", {}, icon("folder"), h("span", {}, collection.name)),
      h("p", { class: "muted" }, `${tn("One picture", "{n} pictures", collection.images, count(collection.images))} · ${bytes(collection.bytes + collection.rendition_bytes)}`)));
}

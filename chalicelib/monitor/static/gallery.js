/** One collection's pictures, or the trash: a wall of stills that grows while one scrolls. */

import { get, has, may } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { bytes, count } from "./format.js";
import { openImage } from "./image_drawer.js";
import { button, complain, empty, heading, linkButton, select, skeleton, trouble, unavailable } from "./parts.js";
import { ratio, still } from "./pictures.js";
import { changed, go, to } from "./router.js";
import { selection } from "./selection.js";
import { choose } from "./upload_from.js";
import { t, tn } from "./translation.js";

const PAGE = 60;
const UNSEEN_PAGE = 100;
const SHAPES = { "": "Any shape", landscape: "Landscape", portrait: "Portrait", square: "Square" };
const WIDTHS = { "": "Any size", 1920: "At least 1920 wide", 2560: "At least 2560 wide", 3840: "At least 3840 wide" };

export function gallery(main, first) {
  let params = first;
  let images = [];
  let next = null;
  let loading = false;
  let round = 0;
  let sheet = null;
  const name = params.get("collection");
  const inTrash = params.has("trash");
  const wall = h("div", { class: inTrash ? "wall named" : "wall" });
  const end = h("div", { class: "wall-end" });
  const note = h("span", { class: "muted" });
  const chosen = selection(wall, () => images, { inTrash, name, every, reload });
  const back = h("a", { class: "back", href: to("library"), "aria-label": t("All collections") }, icon("left"), h("span", {}, t("Library")));
  const upload = !inTrash && may("upload") && button(t("Upload"), { symbol: "upload", kind: "primary", on: () => choose(name) });
  const title = heading(inTrash ? t("Trash") : name, note, chosen.starter, !inTrash && chosen.removal, upload);
  title.prepend(back);
  fill(main, title, inTrash ? h("p", { class: "note" }, t("Deleted pictures stay here for a while and can be restored.")) : filters(), wall, end);
  const near = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && next && load(), { rootMargin: "900px" });
  near.observe(end);
  window.addEventListener("uploaded", reload);
  if (inTrash && !has("GET /trash")) fill(wall, unavailable(t("The trash")));
  else reload();

  async function reload() {
    round += 1;
    [images, next, loading] = [[], null, false];
    if (!wall.children.length) fill(wall, Array.from({ length: 8 }, () => skeleton("tile-skeleton")));
    const mine = round;
    if (inTrash || (await known())) await load(true);
    else if (mine === round) fill(wall, nothing());
    showImage();
  }

  async function load(anew = false) {
    if (loading) return;
    const mine = round;
    loading = true;
    try {
      const page = await ask(PAGE, next);
      if (mine !== round) return;
      if (anew) fill(wall);
      [images, next] = [[...images, ...page.images], page.next_cursor];
      wall.append(...page.images.map(tile));
      if (!images.length && !next) fill(wall, nothing());
      loading = false;
      // A page that the filters have emptied moves nothing into view, so nothing would ask for the next one.
      if (next && end.getBoundingClientRect().top < window.innerHeight + 900) await load();
    } catch (error) {
      if (images.length) complain(error);
      else fill(wall, trouble(error, reload));
    } finally {
      if (mine === round) loading = false;
    }
  }

  function ask(limit, cursor) {
    return inTrash ? get("/trash", { limit, cursor }) : get(`/collections/${encodeURIComponent(name)}/images`, { ...query(), limit, cursor });
  }

  /** Every picture of the result; those that are not on the wall yet are not put there. Tells how many there are so far. */
  async function every(tell) {
    const [mine, found] = [round, [...images]];
    for (let cursor = next; cursor && mine === round; ) {
      const page = await ask(UNSEEN_PAGE, cursor);
      found.push(...page.images);
      cursor = page.next_cursor;
      tell(found.length);
    }
    return mine === round ? found : [];
  }

  /** Say what the collection holds; false if there is none of that name (any more). */
  async function known() {
    const every = await get("/collections").catch(() => null);
    const told = every?.collections.find((one) => one.name === name);
    fill(note, told && `${tn("One picture", "{n} pictures", told.images, count(told.images))} · ${bytes(told.bytes + told.rendition_bytes)}`);
    return !every || Boolean(told);
  }

  function tile(image, index) {
    const open = h("a", { class: "tile-link", "aria-label": image.filename, href: changed({ image: image.image_id }), on: { click: (event) => enter(event, image) } },
      still(image, { sizes: "(max-width: 700px) 50vw, 320px" }), h("span", { class: "tile-name" }, image.filename));
    const made = h("figure", { class: "tile-photo", style: { "--r": Math.min(Math.max(ratio(image), 0.5), 2.6).toFixed(3) }, data: { id: image.image_id, index } }, open);
    made.append(chosen.box(image, made));
    return made;
  }

  function enter(event, image) {
    if (event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    if (chosen.active() || inTrash) chosen.turn(image.image_id, event.shiftKey);
    else go(changed({ image: image.image_id }));
  }

  function showImage() {
    const id = params.get("image");
    if (id === (sheet?.id ?? null)) return;
    sheet?.close();
    sheet = null;
    if (!id) return;
    const opened = openImage(id, {
      neighbours: () => images,
      done: reload,
      closed: () => {
        if (sheet !== opened) return;
        sheet = null;
        go(changed({ image: null }));
      },
    });
    sheet = opened;
  }

  function filters() {
    const pick = (key) => (value) => go(changed({ [key]: value || null }), { quietly: true });
    let timer = 0;
    const typed = (event) => [clearTimeout(timer), (timer = setTimeout(() => pick("q")(event.target.value.trim()), 300))];
    const words = h("input", { type: "search", placeholder: t("Search by name"), "aria-label": t("Search"), value: params.get("q") ?? "", on: { input: typed } });
    const choices = (from) => Object.entries(from).map(([value, said]) => [value, t(said)]).sort(([a], [b]) => (a === "" ? -1 : b === "" ? 1 : 0));
    return h("div", { class: "filter-row" }, h("div", { class: "search" }, icon("search"), words),
      select(choices(SHAPES), params.get("shape"), pick("shape"), { "aria-label": t("Shape") }),
      select(choices(WIDTHS), params.get("width"), pick("width"), { "aria-label": t("Size") }));
  }

  /** In the API's words. */
  function query() {
    return { text: params.get("q"), orientation: params.get("shape"), min_width: params.get("width") };
  }

  function nothing() {
    if (inTrash) return empty("trash", t("The trash is empty"));
    if (["q", "shape", "width"].some((key) => params.get(key))) return empty("search", t("Nothing matches"), t("No picture fits these filters."), linkButton(t("Clear filters"), to("library", { collection: name })));
    return empty("library", t("No pictures here"), t("Drop pictures on this page to fill the collection."));
  }

  return {
    update(now) {
      const before = JSON.stringify(query());
      params = now;
      showImage();
      if (JSON.stringify(query()) !== before) [fill(wall), reload()];
    },
    dispose() {
      round += 1;
      near.disconnect();
      chosen.dispose();
      window.removeEventListener("uploaded", reload);
      const open = sheet;
      sheet = null;
      open?.close();
    },
  };
}

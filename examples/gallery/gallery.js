// An example gallery: reads a collection's manifest, which needs no token, and shows it with the module clients/js.
import { Wallify, placeholder } from "./wallify.js";

const { api, cdn } = document.documentElement.dataset;
const API = new URL(api || "/", location.href).href.replace(/\/$/, "");
const collection = new URLSearchParams(location.search).get("collection") || "wallpapers";
const [wall, shown, tray, asked] = ["wall", "shown", "tray", "asked"].map((id) => document.getElementById(id));
const stage = shown.querySelector(".stage");
const PHONE = 600;
const SCREENS = [540, 1080, 1440, 2160, 3840];

let images = [];
let pages = [];
const wallify = () => new Wallify(API, sessionStorage.getItem("token") ?? undefined);

// ---------------------------------------------------------------- the wall

/**
 * Rows of pictures in their own shapes, each as wide as the wall and about as high as the target: each place is known
 * before a picture has come.
 */
function rows(width, list) {
  const [gap, target] = [parseFloat(getComputedStyle(wall).columnGap), width < PHONE ? 190 : 260];
  const made = [];
  let row = [];
  const heightOf = (some) => (width - gap * (some.length - 1)) / some.reduce((sum, one) => sum + one.width / one.height, 0);
  const close = (height) => {
    made.push(...row.map((image) => [image, (height * image.width) / image.height, height]));
    row = [];
  };
  for (const image of list) {
    const [before, after] = [row.length ? heightOf(row) : Infinity, heightOf([...row, image])];
    if (after < target && before / target < target / after) close(before);
    row.push(image);
    if (heightOf(row) <= target) close(heightOf(row));
  }
  if (row.length) close(heightOf(row) < 1.5 * target ? heightOf(row) : target);
  return made;
}

function layOut() {
  const known = new Map([...wall.children].map((tile) => [tile.dataset.id, tile]));
  const placed = rows(wall.clientWidth, images).map(([image, width, height], at) => {
    const tile = known.get(image.image_id) ?? tileOf(image, Math.ceil(width), at);
    // A hundredth less, so that rounding never breaks a row.
    tile.style.cssText = `width:${(width - 0.01).toFixed(2)}px;height:${height.toFixed(2)}px`;
    return tile;
  });
  wall.replaceChildren(...placed);
  document.getElementById("empty").hidden = images.length > 0;
}

function tileOf(image, width, at) {
  const tile = document.createElement("a");
  [tile.className, tile.href, tile.dataset.id] = ["tile", `#${image.image_id}`, image.image_id];
  const loading = at < 12 ? "eager" : "lazy";
  tile.innerHTML = wallify().picture(image, { alt: nameOf(image), sizes: `${width}px`, loading });
  return tile;
}

const nameOf = (image) => image.filename.replace(/\.\w+$/, "").replace(/[-_]+/g, " ");

// ---------------------------------------------------------------- the manifest

async function read(url) {
  const answer = await fetch(url);
  if (answer.status === 404 || answer.status === 403) return { images: [], pages: [], total: 0 };
  if (!answer.ok) throw new Error(`The answer was ${answer.status}.`);
  return answer.json();
}

async function start() {
  document.title = document.getElementById("title").textContent = collection;
  const empty = document.getElementById("empty");
  try {
    const manifest = await read(`${cdn}/manifests/${encodeURIComponent(collection)}.json`);
    images = manifest.images;
    pages = manifest.complete ? [] : manifest.pages.map((page) => `${manifest.base}/${page.key.split("/").map(encodeURIComponent).join("/")}`);
    count(manifest.total);
    empty.textContent = "No pictures yet. A new picture is listed within a minute.";
  } catch (error) {
    empty.textContent = `The pictures could not be loaded: ${error.message}`;
  }
  layOut();
  route();
  new IntersectionObserver(([end]) => end.isIntersecting && more(), { rootMargin: "600px" }).observe(document.getElementById("end"));
}

function count(total) {
  document.getElementById("count").textContent = total === 1 ? "One picture" : `${total} pictures`;
}

async function more() {
  const page = pages.shift();
  if (!page) return;
  const known = new Set(images.map((image) => image.image_id));
  images = images.concat((await read(page)).images.filter((image) => !known.has(image.image_id)));
  layOut();
}

// ---------------------------------------------------------------- one picture

/** The preset that fits this screen: a phone's is cut to fill it, others keep the whole picture. */
function screenPreset(image) {
  const [width, height] = [innerWidth, innerHeight].map((side) => side * devicePixelRatio);
  const fills = innerWidth < PHONE && height > 1.5 * width && width > 540 && image.height >= innerHeight;
  if (fills) return "phone-1080x2400-smart";
  return `screen-${SCREENS.find((step) => step >= width) ?? SCREENS.at(-1)}`;
}

function show(image) {
  const preset = screenPreset(image);
  const fills = preset.startsWith("phone") && document.getElementById("whole").getAttribute("aria-pressed") === "false";
  const scale = Math.min(innerWidth / image.width, innerHeight / image.height);
  const [width, height] = fills ? [innerWidth, innerHeight] : [image.width * scale, image.height * scale].map(Math.floor);
  const frame = document.createElement("div");
  const small = wall.querySelector(`[data-id="${image.image_id}"] img`)?.currentSrc;
  const grounds = [small, image.thumbhash && placeholder(image.thumbhash)].filter(Boolean);
  frame.style.cssText = `width:${width}px;height:${height}px;background-image:${grounds.map((one) => `url("${one}")`).join(",")}`;
  if (fills) {
    const img = Object.assign(new Image(), { src: wallify().rendition(image.image_id, preset), alt: nameOf(image) });
    frame.append(img);
  } else {
    frame.innerHTML = wallify().picture(image, { alt: nameOf(image), sizes: `${width}px`, loading: "eager" });
    frame.querySelector("img").style.background = "none";
  }
  stage.replaceChildren(frame);
  document.getElementById("name").textContent = nameOf(image);
  document.getElementById("whole").hidden = !preset.startsWith("phone");
  document.getElementById("save").href = `${API}/cdn/${encodeURIComponent(collection)}/${encodeURIComponent(image.name)}?download=true`;
  if (!shown.open) shown.showModal();
}

function route() {
  const image = images.find((one) => location.hash === `#${one.image_id}`);
  if (image) show(image);
  else if (shown.open) shown.close();
}

function step(by) {
  const at = images.findIndex((image) => location.hash === `#${image.image_id}`);
  const next = images[at + by];
  if (next) location.replace(`#${next.image_id}`);
}

addEventListener("hashchange", route);
shown.addEventListener("close", () => {
  const id = location.hash.slice(1);
  stage.replaceChildren();
  history.replaceState(null, "", location.pathname + location.search);
  wall.querySelector(`[data-id="${id}"]`)?.focus({ preventScroll: true });
});
shown.addEventListener("click", ({ target }) => {
  const by = target.closest("[data-step]")?.dataset.step;
  if (by) step(Number(by));
  if (target.matches(".close, .stage")) shown.close();
});
shown.addEventListener("keydown", ({ key }) => step({ ArrowLeft: -1, ArrowRight: 1 }[key] ?? NaN));
document.getElementById("whole").addEventListener("click", ({ currentTarget: whole }) => {
  whole.setAttribute("aria-pressed", String(whole.getAttribute("aria-pressed") === "false"));
  route();
});

// ---------------------------------------------------------------- uploads

document.getElementById("files").addEventListener("change", async ({ target }) => {
  const files = [...target.files];
  target.value = "";
  if (await hasToken()) await Promise.all(files.map(upload));
});

async function hasToken() {
  if (sessionStorage.getItem("token")) return true;
  asked.returnValue = "cancel";
  asked.showModal();
  await new Promise((closed) => asked.addEventListener("close", closed, { once: true }));
  const { token } = asked.querySelector("form").elements;
  if (asked.returnValue !== "cancel") sessionStorage.setItem("token", token.value.trim());
  token.value = "";
  return asked.returnValue !== "cancel";
}
asked.querySelector("[value=cancel]").addEventListener("click", () => asked.close("cancel"));

async function upload(file) {
  const line = document.createElement("li");
  const [name, state, bar] = ["b", "span", "progress"].map((tag) => document.createElement(tag));
  line.append(name, state, bar);
  [name.textContent, state.textContent, bar.value, bar.ariaLabel] = [file.name, "Sending", 0, file.name];
  tray.querySelector("ul").append(line);
  tray.hidden = false;
  const onProgress = (sent, total) => {
    bar.value = sent / total;
    if (sent === total) [state.textContent] = ["Publishing", bar.removeAttribute("value")];
  };
  try {
    const image = await wallify().upload(file, { collection, onProgress });
    if (!images.some((one) => one.image_id === image.image_id)) images.unshift(image);
    count(images.length);
    layOut();
    line.remove();
  } catch (error) {
    line.className = "failed";
    state.textContent = error.message;
    if (error.status === 401) sessionStorage.removeItem("token");
    setTimeout(() => [line.remove(), (tray.hidden = !tray.querySelector("li"))], 15_000);
  }
  tray.hidden = !tray.querySelector("li");
}

let width = wall.clientWidth;
new ResizeObserver(() => {
  if (wall.clientWidth !== width) [width] = [wall.clientWidth, layOut()];
}).observe(wall);
start();

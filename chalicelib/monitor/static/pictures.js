/** Showing stored pictures: a blurred placeholder at once, then the smallest file that is sharp enough. */

import { h } from "./dom.js";
import { thumbHashToRGBA } from "./thumbhash.js";

/** A picture of a record with thumbnails; `sizes` says how wide it is shown. */
export function still(image, { sizes = "200px", lazy = true, full = false } = {}) {
  const frame = h("span", { class: "still" }, placeholder(image));
  const shown = h("img", { alt: "", loading: lazy ? "lazy" : "eager", decoding: "async", sizes, srcset: image.srcset, src: fallback(image, full) });
  shown.addEventListener("load", () => frame.classList.add("there"));
  shown.addEventListener("error", () => frame.classList.add("broken"));
  frame.append(h("picture", {}, modern(image, sizes), shown));
  return frame;
}

/** Width divided by height. */
export const ratio = (image) => image.width / image.height || 1;

/** An address that works outside of this page. */
export const absolute = (url) => new URL(url, location.href).href;

function placeholder(image) {
  return image.thumbhash ? paint(image.thumbhash, h("canvas", { "aria-hidden": "true" })) : null;
}

/** Paint the placeholder into a canvas. A hash that cannot be read leaves the canvas empty. */
export function paint(base64, canvas) {
  try {
    const { w, h: height, rgba } = thumbHashToRGBA(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
    [canvas.width, canvas.height] = [w, height];
    canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(rgba), w, height), 0, 0);
  } catch {
    // The picture itself is loading and replaces it.
  }
  return canvas;
}

function fallback(image, full) {
  if (full && image.url) return image.url;
  return image.thumbnails?.at(-1)?.url ?? image.url;
}

/** The modern formats of the thumbnails, for browsers that read them. */
function modern(image, sizes) {
  const byType = new Map();
  for (const thumbnail of image.thumbnails ?? []) {
    for (const source of thumbnail.sources.filter((one) => ["image/avif", "image/webp"].includes(one.type))) {
      byType.set(source.type, [...(byType.get(source.type) ?? []), `${source.url} ${thumbnail.width}w`]);
    }
  }
  return [...byType].sort().map(([type, found]) => h("source", { type, sizes, srcset: found.join(", ") }));
}

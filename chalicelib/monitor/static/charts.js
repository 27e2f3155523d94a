/** Charts as SVG, drawn for the width that there is. One can walk through them with the pointer or the arrow keys. */

import { fill, h, svg } from "./dom.js";
import { hour } from "./format.js";

const HEIGHT = 190;
const PAD = { top: 12, right: 10, bottom: 24, left: 46 };

/**
 * A chart over slices of time. `series` are { name, kind: "bar" | "line", state, value(slice) }; bars stand on each
 * other. `show(number)` writes values, `label` says in a sentence what it shows.
 */
export function chart(label) {
  const box = h("div", { class: "chart" });
  const tip = h("div", { class: "chart-tip", hidden: true, role: "status" });
  const canvas = svg("svg", { role: "img", tabindex: 0, "aria-label": label });
  let drawn = null;
  box.append(canvas, tip);
  new ResizeObserver(() => drawn && draw(...drawn)).observe(box);
  canvas.addEventListener("pointermove", (event) => drawn && point(slot(event.offsetX)));
  canvas.addEventListener("pointerleave", () => point(null));
  canvas.addEventListener("blur", () => point(null));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !drawn) return;
    event.preventDefault();
    point(Math.min(Math.max((box.at ?? drawn[0].length) + step, 0), drawn[0].length - 1));
  });

  function draw(slices, series, show, wide) {
    drawn = [slices, series, show, wide];
    const width = box.clientWidth;
    if (!width) return;
    const scale = scales(slices, series, width);
    canvas.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    canvas.setAttribute("height", HEIGHT);
    fill(canvas, grid(scale, show, width), times(slices, scale, width, wide), bars(slices, series, scale), lines(slices, series, scale), svg("line", { class: "cursor", y1: PAD.top, y2: HEIGHT - PAD.bottom, visibility: "hidden" }));
    if (box.at !== null && box.at !== undefined) point(box.at);
  }

  function slot(x) {
    const { length } = drawn[0];
    return Math.min(Math.max(Math.floor(((x - PAD.left) / (box.clientWidth - PAD.left - PAD.right)) * length), 0), length - 1);
  }

  function point(index) {
    box.at = index;
    const cursor = canvas.querySelector(".cursor");
    tip.hidden = index === null || !drawn;
    cursor?.setAttribute("visibility", tip.hidden ? "hidden" : "visible");
    if (tip.hidden) return;
    const [slices, series, show, wide] = drawn;
    const x = PAD.left + ((index + 0.5) / slices.length) * (box.clientWidth - PAD.left - PAD.right);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    const line = (one) => h("li", { data: { state: one.state } }, h("span", {}, one.name), h("b", { class: "num" }, show(one.value(slices[index]))));
    fill(tip, h("p", {}, hour(new Date(slices[index].at), wide)), h("ul", {}, series.map(line)));
    tip.style.left = `${Math.min(Math.max(x, 80), box.clientWidth - 80)}px`;
  }

  return { box, draw };
}

/** Names and lengths, longest first: `rows` are { name, count, state, href, shown }. */
export function ranking(rows) {
  const most = Math.max(1, ...rows.map((one) => one.count));
  const line = (one) => h("li", { data: { state: one.state } },
    h(one.href ? "a" : "span", { href: one.href, class: "rank-name" }, one.name), h("b", { class: "num" }, one.shown ?? one.count),
    h("i", { style: { width: `${(100 * one.count) / most}%` } }));
  return h("ul", { class: "ranking" }, rows.map(line));
}

function scales(slices, series, width) {
  const stacked = (slice) => series.filter((one) => one.kind === "bar").reduce((sum, one) => sum + one.value(slice), 0);
  const tops = slices.flatMap((slice) => [stacked(slice), ...series.filter((one) => one.kind === "line").map((one) => one.value(slice) ?? 0)]);
  const top = rounded(Math.max(1, ...tops));
  const inner = { width: width - PAD.left - PAD.right, height: HEIGHT - PAD.top - PAD.bottom };
  return {
    top,
    x: (index) => PAD.left + (index / slices.length) * inner.width,
    y: (value) => PAD.top + inner.height * (1 - value / top),
    step: inner.width / slices.length,
  };
}

/** The next number that reads well: 1, 2, 4, 5 or 10 times a power of ten. */
function rounded(top) {
  const power = 10 ** Math.floor(Math.log10(top));
  return [1, 2, 4, 5, 10].map((one) => one * power).find((one) => one >= top);
}

function grid({ top, y }, show, width) {
  const marks = top >= 2 ? [0, top / 2, top] : [0, top];
  return marks.map((value) => svg("g", { class: "grid-line" },
    svg("line", { x1: PAD.left, x2: width - PAD.right, y1: y(value), y2: y(value) }),
    svg("text", { x: PAD.left - 8, y: y(value) + 4, "text-anchor": "end" }, show(value))));
}

function times(slices, { x }, width, wide) {
  const every = Math.ceil(slices.length / Math.max(2, Math.floor(width / (wide ? 130 : 110))));
  const shown = slices.map((slice, index) => [slice, index]).filter(([, index]) => index % every === 0 && x(index) < width - 56);
  return shown.map(([slice, index]) => svg("text", { class: "time", x: x(index), y: HEIGHT - 6 }, hour(new Date(slice.at), wide)));
}

function bars(slices, series, { x, y, step }) {
  const gap = Math.min(2, step * 0.25);
  return slices.flatMap((slice, index) => {
    let base = 0;
    return series.filter((one) => one.kind === "bar" && one.value(slice)).map((one) => {
      const from = base;
      base += one.value(slice);
      return svg("rect", { "data-state": one.state, x: x(index) + gap / 2, width: step - gap, y: y(base), height: y(from) - y(base), rx: Math.min(2, step / 4) });
    });
  });
}

function lines(slices, series, { x, y, step }) {
  return series.filter((one) => one.kind === "line").map((one) => {
    let pen = "M";
    const path = slices.map((slice, index) => {
      const value = one.value(slice);
      if (value === null || value === undefined) return [(pen = "M"), ""][1];
      const point = `${pen}${(x(index) + step / 2).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
      // A measure between two gaps is a dot.
      return `${point}${point[0] === "M" ? "h.01" : ""}`;
    });
    return svg("path", { class: `line ${one.dashed ? "dashed" : ""}`, "data-state": one.state, d: path.join("") });
  });
}

/** The focal point of a picture: what stays in view where renditions are cut. Set by a click or by the arrow keys. */

import { has, may, patch } from "./api.js";
import { fill, h } from "./dom.js";
import { button, complain, toast } from "./parts.js";
import { t } from "./translation.js";

const [NEAR, FAR] = [0.01, 0.1];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CUTS = [["Phone", 9 / 20], ["Square", 1], ["Wide", 21 / 9]];
const MIDDLE = { x: 0.5, y: 0.5 };

/** The section about it; its mark is put over `frame`, which shows the whole picture. Null where it cannot be set. */
export function focalPoint(image, frame) {
  if (!has("PATCH /images/{image_id}") || !may("admin")) return null;
  let [point, moving] = [image.focal_point, false];
  const mark = h("button", { type: "button", class: "focus-mark", "aria-label": t("Focal point"), on: { keydown: steer } });
  const plane = h("span", { class: "focus-plane", on: { click: place } }, mark);
  const [about, cuts, actions] = [h("p", { role: "status" }), h("ul", { class: "focus-cuts" }), h("div", { class: "row-actions" })];
  frame.append(plane);
  show();
  return h("section", { class: "focus" }, h("h3", {}, t("Focal point")), about, cuts, actions);

  function show() {
    plane.classList.toggle("moving", moving);
    plane.hidden = !moving && !point;
    mark.disabled = !moving;
    [mark.style.left, mark.style.top] = [percent((point ?? MIDDLE).x), percent((point ?? MIDDLE).y)];
    fill(about, told());
    fill(cuts, (point || moving) && CUTS.map(([name, shape]) => cut(image, t(name), shape, point ?? MIDDLE)));
    fill(actions, moving ? button(t("Cancel"), { on: leave }) : [
      button(point ? t("Move focal point") : t("Set focal point"), { on: begin }),
      point && button(t("Remove focal point"), { on: () => save(null) }),
    ]);
  }

  function told() {
    if (moving) return t("Click what is to stay in view where the picture is cut. The arrow keys move the mark, Enter saves it, Escape leaves it as it was.");
    if (!point) return t("Where the picture is cut, what stands out or the middle stays in view.");
    return t("{x}% from the left, {y}% from the top", { x: Math.round(100 * point.x), y: Math.round(100 * point.y) });
  }

  function begin() {
    moving = true;
    show();
    plane.scrollIntoView({ block: "nearest" });
    mark.focus({ preventScroll: true });
  }

  function leave() {
    [point, moving] = [image.focal_point, false];
    show();
    actions.querySelector("button").focus();
  }

  function steer(event) {
    const step = ARROWS[event.key];
    if (event.key === "Escape") leave();
    else if (event.key === "Enter") save(point ?? MIDDLE);
    else if (step) move(step, event.shiftKey ? FAR : NEAR);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function move([x, y], by) {
    const from = point ?? MIDDLE;
    point = { x: within(from.x + x * by), y: within(from.y + y * by) };
    show();
  }

  function place(event) {
    if (!moving || event.detail === 0) return; // 0: a key was pressed on the mark
    const box = plane.getBoundingClientRect();
    save({ x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) });
  }

  async function save(wanted) {
    const before = image.focal_point;
    try {
      const changed = await patch(`/images/${image.image_id}`, { focal_point: wanted });
      image.focal_point = changed.focal_point;
      toast(wanted ? t("Focal point set") : t("Focal point removed"), { action: [t("Undo"), () => save(before)] });
    } catch (error) {
      complain(error);
    }
    leave();
  }
}

/** What a rendition of this shape shows of the picture: the middle of the cut is as near to the point as can be. */
function cut(image, name, shape, point) {
  const own = image.width / image.height;
  const [across, down] = shape > own ? [1, own / shape] : [shape / own, 1];
  const at = (where, part) => (part < 1 ? Math.min(1, Math.max(0, (where - part / 2) / (1 - part))) : 0.5);
  const shown = h("img", { alt: "", src: image.thumbnails?.at(-1)?.url ?? image.url, style: { "aspect-ratio": String(shape), "object-position": `${percent(at(point.x, across))} ${percent(at(point.y, down))}` } });
  return h("li", {}, shown, h("small", { class: "muted" }, name));
}

const percent = (share) => `${(100 * share).toFixed(1)}%`;
const within = (share) => Math.round(1000 * Math.min(1, Math.max(0, share))) / 1000;

/** Making elements. Text is always text: nothing here, or anywhere else, turns a string into HTML. */

import { ICONS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with attributes and children. `on` takes listeners, `style` CSS properties, `data` data attributes;
 * false, null and undefined leave an attribute or child out.
 */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** An icon, silent for screen readers: what it stands beside, or its button's label, says what it means. */
export function icon(name) {
  const path = svg("path", { d: ICONS[name] });
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, path);
}

/** Give an element new children. */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
  return parent;
}

/**
 * Make the children of `parent` show `items`, one each, in order. A child whose item has not changed stays as it is,
 * with its focus and its place; `make(item)` builds the others.
 */
export function sync(parent, items, key, make) {
  const before = new Map([...parent.children].map((child) => [child.getAttribute("data-key"), child]));
  items.forEach((item, index) => {
    const name = String(key(item));
    const print = JSON.stringify(item);
    let child = before.get(name);
    before.delete(name);
    if (!child || child.print !== print) child = replaced(child, make(item), name, print);
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  before.forEach((child) => child.remove());
}

function replaced(old, fresh, name, print) {
  fresh.dataset.key = name;
  fresh.print = print;
  if (!old) return fresh;
  const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("data-focus");
  old.replaceWith(fresh);
  if (focused) fresh.querySelector(`[data-focus="${focused}"]`)?.focus();
  return fresh;
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...nodes(children));
  return element;
}

function set(element, name, value) {
  if (value === false || value === null || value === undefined) return;
  if (name === "on") {
    for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
  } else if (name === "style") {
    for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
  } else if (name === "data") {
    Object.assign(element.dataset, value);
  } else if (name === "value" || name === "checked" || name === "indeterminate") {
    element[name] = value;
  } else {
    element.setAttribute(name, value === true ? "" : value);
  }
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== false && child !== null && child !== undefined);
}

/** Windows over the page: native dialogs, so that focus, Escape and screen readers work as people know them. */

import { fill, h, icon } from "./dom.js";
import { button, complain } from "./parts.js";
import { t } from "./translation.js";

let numbered = 0;

/** A dialog in the middle. Closes itself; `content(close)` makes what is in it. Resolves when it is closed. */
export function dialog(title, content, { kind = "" } = {}) {
  return new Promise((resolve) => {
    const { element, close } = frame(title, `dialog ${kind}`, resolve);
    element.append(h("div", { class: "dialog-body" }, content(close)));
    show(element);
  });
}

/**
 * Ask before something is done. `act` runs when the answer is yes, and the dialog stays until it has ended. With
 * `type` the reader has to type that text first. Resolves to what `act` answered, or undefined.
 * @param {string} title
 * @param {string} words
 * @param {{yes?: string, danger?: boolean, type?: string, act?: () => unknown}} options
 */
export function confirm(title, words, { yes, danger = false, type, act = () => true } = {}) {
  let answer;
  const body = (close) => {
    const done = button(yes, { kind: danger ? "danger" : "primary", disabled: Boolean(type), type: "submit" });
    const submit = async (event) => {
      event.preventDefault();
      done.disabled = true;
      try {
        answer = await act();
        close();
      } catch (error) {
        [done.disabled] = [false, complain(error)];
      }
    };
    const typed = type && h("input", {
      autocomplete: "off", spellcheck: "false", "aria-label": t("Type {text} to go on", { text: type }),
      on: { input: (event) => { done.disabled = event.target.value !== type; } },
    });
    const asked = type && h("label", { class: "field" }, h("span", {}, t("Type {text} to go on", { text: type })), typed);
    const no = button(t("Cancel"), { on: close });
    return h("form", { on: { submit } }, h("p", {}, words), asked, h("div", { class: "dialog-actions" }, no, done));
  };
  return dialog(title, body, { kind: "small" }).then(() => answer);
}

/** A sheet from the side (from below on a phone). Answers { body, title, close }; `closed` hears of its end. */
export function drawer(title, closed = () => {}) {
  const { element, close, heading } = frame(title, "drawer", closed);
  const body = h("div", { class: "drawer-body" });
  element.append(body);
  show(element);
  return { body, close, say: (words) => fill(heading, words) };
}

function frame(title, kind, closed) {
  const id = `d${(numbered += 1)}`;
  const heading = h("h2", { id, tabindex: -1 }, title);
  const close = () => element.close();
  const shut = h("button", { type: "button", class: "button plain", "aria-label": t("Close"), on: { click: close } }, icon("close"));
  const element = h("dialog", { class: kind, "aria-labelledby": id }, h("header", {}, heading, shut));
  element.addEventListener("close", () => {
    document.body.append(...element.querySelectorAll(".toasts"));
    element.remove();
    closed();
  });
  element.addEventListener("click", (event) => {
    if (event.target === element) close();
  });
  return { element, close, heading };
}

function show(element) {
  document.body.append(element);
  element.showModal();
  (element.querySelector("[autofocus], input") ?? element.querySelector("h2")).focus({ preventScroll: true });
}

/** The frame around every view: where one can go, who is signed in, and how the page looks and speaks. */

import { get, may, remove, session } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { drawer } from "./dialogs.js";
import { live } from "./live.js";
import { button } from "./parts.js";
import { here, onMove, to } from "./router.js";
import { nextTheme, theme } from "./theme.js";
import { language, LANGUAGES, speak, t } from "./translation.js";

/** The pages: their names, and the scope without which there is nothing to see. */
export const PAGES = {
  overview: ["Overview", "tasks"],
  tasks: ["Tasks", "tasks"],
  library: ["Library", "read"],
  queues: ["Queues", "tasks"],
  functions: ["Functions", "tasks"],
  schedules: ["Schedules", "read"],
  tokens: ["Tokens", "admin"],
  audit: ["Audit log", "admin"],
};
const ON_A_PHONE = ["overview", "tasks", "library", "queues"];
const LOOK_AT_HEALTH = 15; // seconds
const LOOKS = { auto: ["auto", "Theme: as the system"], light: ["sun", "Theme: light"], dark: ["moon", "Theme: dark"] };

/** The pages that this session may see. */
export const pages = () => Object.keys(PAGES).filter((page) => may(PAGES[page][1]));

/** Build the frame in `root`; answers the element that views go into. */
export function shell(root) {
  const main = h("main", { id: "main", tabindex: -1 });
  const nav = h("nav", { class: "side-nav", "aria-label": t("Pages") });
  const tabs = h("nav", { class: "tabs", "aria-label": t("Pages") });
  const skip = h("a", { class: "skip", href: "#main", on: { click: (event) => [event.preventDefault(), main.focus()] } }, t("Skip to content"));
  const side = h("aside", { class: "side" }, brand(), nav, h("div", { class: "side-foot" }, whoami(), controls()));
  const mark = () => [fill(nav, pages().map(entry)), fill(tabs, tabEntries())];
  mark();
  onMove(mark);
  fill(root, skip, h("div", { class: "frame" }, side, h("div", { class: "content" }, alarm(), main), tabs));
  return main;
}

/** What stands above every page while the API says that it is not well, such as a disk that is full. */
function alarm() {
  const box = h("p", { class: "note bad", role: "alert", hidden: true });
  live(() => get("/health"), LOOK_AT_HEALTH, (error) => {
    box.hidden = error?.status !== 503;
    fill(box, error && [language === "tr" ? error.details.tr : error.message, error.details.reason].filter(Boolean).join(" "));
  });
  return box;
}

function brand() {
  const mark = h("img", { src: new URL("icon.svg", import.meta.url), alt: "", width: 28, height: 28 });
  return h("a", { class: "brand", href: to("overview") }, mark, h("span", {}, "Wallify"), h("small", {}, session.current.stage));
}

function entry(page) {
  const current = here().page === page ? "page" : false;
  return h("a", { href: to(page), "aria-current": current }, icon(page), h("span", {}, t(PAGES[page][0])));
}

function tabEntries() {
  const shown = pages().filter((page) => ON_A_PHONE.includes(page));
  const more = h("button", { type: "button", "aria-current": shown.includes(here().page) ? false : "page", on: { click: moreSheet } }, icon("more"), h("span", {}, t("More")));
  return [...shown.map(entry), more];
}

function moreSheet() {
  const sheet = drawer(t("More"));
  const rest = pages().filter((page) => !ON_A_PHONE.includes(page));
  const links = h("nav", { class: "more-nav", "aria-label": t("More pages"), on: { click: sheet.close } }, rest.map(entry));
  fill(sheet.body, links, h("div", { class: "more-foot" }, whoami(), controls()));
}

function whoami() {
  return h("p", { class: "whoami" }, h("span", { class: "muted" }, t("Signed in as")), " ", h("b", {}, session.current.name));
}

function controls() {
  const other = Object.keys(LANGUAGES).find((code) => code !== language);
  const look = h("button", { type: "button", class: "button plain" });
  const wear = () => {
    const [symbol, words] = LOOKS[theme()];
    look.setAttribute("aria-label", t(words));
    look.title = t(words);
    fill(look, icon(symbol));
  };
  look.addEventListener("click", () => [nextTheme(), wear()]);
  wear();
  return h("div", { class: "controls" }, look,
    button(other.toUpperCase(), { kind: "plain", symbol: "globe", label: LANGUAGES[other], on: () => speak(other) }),
    button("", { symbol: "leave", kind: "plain", label: t("Sign out"), on: leave }));
}

async function leave() {
  await remove("/monitor/session").catch(() => {});
  session.current = null;
  location.reload();
}

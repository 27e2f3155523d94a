/** The way in: who is there, and which view the address names. */

import { get, session } from "./api.js";
import { fill, h } from "./dom.js";
import { login } from "./login.js";
import { empty, trouble } from "./parts.js";
import { go, here, onMove, to } from "./router.js";
import { PAGES, pages, shell } from "./shell.js";
import { wear } from "./theme.js";
import { t } from "./translation.js";

const root = document.getElementById("app");
let main = null;
let shown = { page: null, view: null };

wear();
start();

async function start() {
  try {
    session.current = (await get("/monitor/session")).session;
  } catch (error) {
    fill(root, h("main", { class: "login" }, trouble(error, start)));
    return;
  }
  if (session.current) enter();
  else login(root, entered);
}

function entered(opened) {
  session.current = opened;
  enter();
}

function enter() {
  main = shell(root);
  shown = { page: null, view: null };
  move(here());
}

onMove((place) => main && move(place));

window.addEventListener("signed-out", () => {
  if (!session.current) return;
  session.current = null;
  shown.view?.dispose?.();
  document.querySelectorAll("dialog").forEach((one) => one.close());
  main = null;
  login(root, entered, { expired: true });
});

async function move(place) {
  if (!(place.page in PAGES)) return go(to(pages()[0] ?? "overview"), { quietly: true });
  if (place.page === shown.page) return shown.view?.update?.(place.params);
  shown.view?.dispose?.();
  shown = { page: place.page, view: null };
  document.title = `${t(PAGES[place.page][0])} · Wallify`;
  if (!pages().includes(place.page)) return fill(main, forbidden(place.page));
  try {
    const { open } = await import(`./view_${place.page}.js`);
    if (shown.page !== place.page || !main) return;
    shown.view = open(main, here().params);
    main.dataset.page = place.page;
    window.scrollTo(0, 0);
  } catch (error) {
    fill(main, trouble(error, () => location.reload()));
  }
}

function forbidden(page) {
  return empty("tokens", t("This token may not see this page"), t("It needs the scope {scope}.", { scope: PAGES[page][1] }));
}

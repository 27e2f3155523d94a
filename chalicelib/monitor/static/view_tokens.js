/** Tokens: who may do what. */

import { get, has, patch, post, remove } from "./api.js";
import { confirm, dialog } from "./dialogs.js";
import { fill, h, icon } from "./dom.js";
import { ago, at, date } from "./format.js";
import { button, complain, copyButton, empty, field, heading, select, skeleton, toast, trouble } from "./parts.js";
import { t } from "./translation.js";

const SCOPES = {
  read: "See pictures and collections",
  upload: "Send new pictures",
  tasks: "See and steer tasks, queues and schedules",
  admin: "Everything, tokens included",
};
const LASTS = { 7: "7 days", 30: "30 days", 90: "90 days", 365: "One year", "": "For ever" };

export function open(main) {
  const box = h("div", { class: "card flush" }, skeleton("tall"));
  fill(main, heading(t("Tokens"), null, button(t("New token"), { symbol: "plus", kind: "primary", on: create })), box);
  load();

  async function load() {
    try {
      show((await get("/tokens")).tokens);
    } catch (error) {
      fill(box, trouble(error, load));
    }
  }

  function show(tokens) {
    if (!tokens.length) return fill(box, empty("tokens", t("No tokens yet"), t("You are signed in with the first administrator's token. Give every app and every person one of their own.")));
    const order = [...tokens].sort((a, b) => Number(Boolean(a.revoked_at)) - Number(Boolean(b.revoked_at)) || b.created_at.localeCompare(a.created_at));
    const columns = ["Name", "May", "State", "Made", "Last used", ""].map((words) => h("th", { role: "columnheader", scope: "col" }, words ? t(words) : h("span", { class: "sr" }, t("Actions"))));
    fill(box, h("table", { class: "table stacked", role: "table", "aria-label": t("Tokens") },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns)), h("tbody", { role: "rowgroup" }, order.map(row))));
  }

  function row(token) {
    const cell = (label, ...children) => h("td", { role: "cell", data: { label: label && t(label) } }, children);
    const end = !token.revoked_at && button(t("Revoke"), { kind: "small bad", "aria-label": t("Revoke {name}", { name: token.name }), on: () => revoke(token) });
    const edit = !token.revoked_at && has("PATCH /tokens/{token_id}") && button(t("Edit"), { kind: "small", "aria-label": t("Edit {name}", { name: token.name }), on: () => change(token) });
    return h("tr", { role: "row", class: token.revoked_at ? "over" : "" },
      cell("", h("b", {}, token.name), h("div", {}, h("code", { class: "muted" }, token.token_id.slice(0, 10)))),
      cell("May", h("div", { class: "tags" }, token.scopes.map((scope) => h("span", { class: "tag" }, scope)))),
      cell("State", state(token)),
      cell("Made", h("time", { datetime: token.created_at, title: at(token.created_at) }, date(token.created_at))),
      cell("Last used", token.last_used_at ? h("time", { datetime: token.last_used_at, title: at(token.last_used_at) }, ago(token.last_used_at)) : t("never")),
      cell("", edit, " ", end));
  }

  async function revoke(token) {
    const words = t("Whoever uses it is shut out at once, and it cannot be undone.");
    const done = await confirm(t("Revoke {name}?", { name: token.name }), words, { yes: t("Revoke"), danger: true, act: () => remove(`/tokens/${token.token_id}`) });
    if (done) [toast(t("Revoked")), load()];
  }

  async function change(token) {
    await dialog(t("Edit {name}", { name: token.name }), (close) => form(async (wanted) => {
      if (!(await agreed(token, wanted))) return;
      close();
      toast(t("Changed"));
      load();
    }, close, token));
  }

  /** Ask once more where `admin` would go from the last token that has it, or from one's own. */
  async function agreed(token, wanted) {
    const send = (body) => patch(`/tokens/${token.token_id}`, body);
    try {
      return await send(wanted);
    } catch (error) {
      if (error.code !== "admin_would_go") throw error;
      const words = t("It is your own, or the last token that may do everything.");
      return confirm(t("Take away {scope}?", { scope: "admin" }), words, { yes: t("Take away"), danger: true, act: () => send({ ...wanted, confirm: true }) });
    }
  }

  async function create() {
    await dialog(t("New token"), (close) => form(async (wanted) => {
      const made = await post("/tokens", wanted);
      close();
      reveal(made);
      load();
    }, close));
  }

  return {};
}

function state(token) {
  if (token.revoked_at) return h("span", { class: "chip", data: { state: "REVOKED" } }, t("Revoked"));
  if (token.expires_at && new Date(token.expires_at) < new Date()) return h("span", { class: "chip" }, t("Expired"));
  return [h("span", { class: "chip", data: { state: "SUCCESS" } }, t("Valid")), token.expires_at && h("div", {}, h("small", { class: "muted" }, t("until {date}", { date: date(token.expires_at) })))];
}

const KEEP = "keep";

function form(send, close, token) {
  const name = h("input", { type: "text", required: true, maxlength: 80, autocomplete: "off", autofocus: true, value: token?.name ?? "" });
  const ends = Object.entries(LASTS).map(([days, words]) => [days, t(words)]);
  const lasts = select(token ? [[KEEP, t("As it is")], ...ends] : ends, token ? KEEP : "90");
  const scopes = Object.entries(SCOPES).map(([scope, words]) => {
    const box = h("input", { type: "checkbox", name: "scope", value: scope, checked: token ? token.scopes.includes(scope) : scope === "read" });
    return h("label", { class: "check" }, box, h("span", {}, h("b", {}, scope), h("small", { class: "muted" }, t(words))));
  });
  const submit = async (event) => {
    event.preventDefault();
    const chosen = [...event.target.querySelectorAll("[name=scope]:checked")].map((one) => one.value);
    if (!chosen.length) return toast(t("Choose at least one thing that it may do."), { bad: true });
    const end = lasts.value === KEEP ? {} : { days: lasts.value ? Number(lasts.value) : null };
    await send({ name: name.value.trim(), scopes: chosen, ...end }).catch(complain);
  };
  return h("form", { on: { submit } }, field(t("Name"), name, t("Whose it is, or what for.")),
    h("fieldset", { class: "checks" }, h("legend", {}, t("It may")), scopes), field(t(token ? "From now on it lasts" : "It lasts"), lasts),
    h("div", { class: "dialog-actions" }, button(t("Cancel"), { on: close }), button(t(token ? "Save" : "Make token"), { kind: "primary", type: "submit" })));
}

function reveal({ secret }) {
  dialog(t("Your new token"), (close) => h("div", { class: "stack" },
    h("p", { class: "note" }, icon("alert"), t("Copy it now. It is shown this once, and nobody can look it up again.")),
    h("code", { class: "secret", tabindex: 0 }, secret),
    h("div", { class: "dialog-actions" }, copyButton(t("Copy token"), secret, { kind: "primary" }), button(t("Done"), { on: close }))));
}

/** Signing in: a token for a session. */

import { post } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { button, field } from "./parts.js";
import { language, LANGUAGES, speak, t } from "./translation.js";

/** Show the form in `root`; `entered(session)` hears when somebody is in. */
export function login(root, entered, { expired = false } = {}) {
  const token = h("input", { type: "password", name: "token", autocomplete: "current-password", required: true, spellcheck: "false", autofocus: true });
  const error = h("p", { class: "login-error", role: "alert" }, expired && t("Your session has ended. Please sign in again."));
  const enter = button(t("Sign in"), { kind: "primary wide", type: "submit" });
  const submit = async (event) => {
    event.preventDefault();
    fill(error);
    enter.disabled = true;
    try {
      entered((await post("/monitor/session", { token: token.value })).session);
    } catch (fault) {
      fill(error, icon("alert"), fault.status === 401 ? t("This token is not valid.") : t(fault.message));
      enter.disabled = false;
      token.select();
    }
  };
  const other = Object.keys(LANGUAGES).find((code) => code !== language);
  const form = h("form", { class: "login-card", on: { submit } },
    h("img", { src: new URL("icon.svg", import.meta.url), alt: "", width: 48, height: 48 }),
    h("h1", {}, "Wallify"),
    h("p", { class: "muted" }, t("Sign in with an access token to see and steer this deployment.")),
    field(t("Access token"), token), error, enter,
    h("p", { class: "login-hint" }, t("On your own machine, ./wallify status shows the token.")));
  const turn = button(LANGUAGES[other], { symbol: "globe", kind: "plain", lang: other, on: () => speak(other) });
  fill(root, h("main", { class: "login" }, form, turn));
  token.focus();
}

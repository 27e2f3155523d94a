/** Texts in the language of the user: English as written in the code, Turkish from `messages.tr.js`. */

const KEPT = "wallify.language";
export const LANGUAGES = { en: "English", tr: "Türkçe" };

export const language = chosen();
/** Language tag with the country, for number and date formats. */
export const locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language;
const words = language === "tr" ? (await import("./messages.tr.js")).TURKISH : {};
document.documentElement.lang = language;

/** Return the text in the language of the user, with `{name}` replaced by `values.name`. */
export function t(text, values = {}) {
  return (words[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Return the singular or plural text for a number, which the texts contain as `{n}`. */
export function tn(one, many, n, shown = n) {
  return t(n === 1 ? one : many, { n: shown });
}

/** Store another language and load the page again. */
export function speak(code) {
  localStorage.setItem(KEPT, code);
  location.reload();
}

function chosen() {
  const kept = localStorage.getItem(KEPT);
  if (kept in LANGUAGES) return kept;
  return navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((code) => code in LANGUAGES) ?? "en";
}

/** Words in the reader's language: English as written in the code, Turkish from a table. */

const KEPT = "wallify.language";
export const LANGUAGES = { en: "English", tr: "Türkçe" };

export const language = chosen();
/** The language as the reader's country writes it. */
export const locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language;
const words = language === "tr" ? (await import("./messages.tr.js")).TURKISH : {};
document.documentElement.lang = language;

/** The text in the reader's language, with `{name}` replaced by `values.name`. */
export function t(text, values = {}) {
  return (words[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** One of two English texts by the number, which stands in them as `{n}`. */
export function tn(one, many, n, shown = n) {
  return t(n === 1 ? one : many, { n: shown });
}

/** Read in another language from now on. */
export function speak(code) {
  localStorage.setItem(KEPT, code);
  location.reload();
}

function chosen() {
  const kept = localStorage.getItem(KEPT);
  if (kept in LANGUAGES) return kept;
  return navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((code) => code in LANGUAGES) ?? "en";
}

/** Light, dark, or as the system has it. */

const KEPT = "wallify.theme";
const NEXT = { auto: "light", light: "dark", dark: "auto" };

export const theme = () => (localStorage.getItem(KEPT) in NEXT ? localStorage.getItem(KEPT) : "auto");

export function nextTheme() {
  localStorage.setItem(KEPT, NEXT[theme()]);
  wear();
}

export function wear() {
  document.documentElement.dataset.theme = theme();
}

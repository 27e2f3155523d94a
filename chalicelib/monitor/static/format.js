/** Numbers, sizes and times as people read them. */

import { locale, t } from "./translation.js";

const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const short = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat(locale, { weekday: "short", hour: "2-digit", minute: "2-digit" });

/** @type {[number, Intl.RelativeTimeFormatUnit][]} */
const UNITS = [[60, "second"], [60, "minute"], [24, "hour"], [7, "day"], [4.35, "week"], [12, "month"], [Infinity, "year"]];
const SIZES = ["B", "kB", "MB", "GB", "TB"];

export const count = (n) => (n < 10_000 ? number.format(n) : compact.format(n));
export const percent = (part) => share.format(part);
export const date = (iso) => (iso ? day.format(new Date(iso)) : "–");
export const at = (iso) => (iso ? moment.format(new Date(iso)) : "–");
export const when = (iso) => short.format(new Date(iso));
export const hour = (time, wide) => (wide ? dayAndClock : clock).format(time);

export function bytes(n) {
  if (n === null || n === undefined) return "–";
  let step = 0;
  while (n >= 1000 && step < SIZES.length - 1) [n, step] = [n / 1000, step + 1];
  return `${number.format(step ? n : Math.round(n))}\u00a0${SIZES[step]}`;
}

export function took(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)}\u00a0ms`;
  if (ms < 60_000) return `${number.format(ms / 1000)}\u00a0s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes}\u00a0${t("min")} ${Math.round((ms % 60_000) / 1000)}\u00a0s`;
  if (minutes < 2880) return `${Math.floor(minutes / 60)}\u00a0${t("h")} ${minutes % 60}\u00a0${t("min")}`;
  return `${Math.floor(minutes / 1440)}\u00a0${t("d")} ${Math.floor((minutes % 1440) / 60)}\u00a0${t("h")}`;
}

export function ago(iso) {
  if (!iso) return "–";
  let distance = (new Date(iso).getTime() - Date.now()) / 1000;
  if (Math.abs(distance) < 5) return t("just now");
  for (const [size, unit] of UNITS) {
    if (Math.abs(distance) < size) return relative.format(Math.trunc(distance), unit);
    distance /= size;
  }
  return at(iso);
}

export function dollars(n) {
  const digits = n > 0 && n < 0.01 ? 4 : 2;
  return new Intl.NumberFormat(locale, { style: "currency", currency: "USD", maximumFractionDigits: digits }).format(n);
}

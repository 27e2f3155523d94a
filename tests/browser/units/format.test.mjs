import assert from "node:assert/strict";
import { test } from "node:test";

import { script } from "./page.mjs";

const { ago, at, bytes, count, date, dollars, percent, took } = await script("format.js");
const plain = (text) => text.replaceAll("\u00a0", " ").replaceAll("\u202f", " ");
const HOUR = 3_600_000;

for (const [n, expected] of [[0, "0"], [1234.56, "1,234.6"], [9_999, "9,999"], [10_000, "10K"], [1_250_000, "1.3M"]]) {
  test(`a count of ${n} is ${expected}`, () => assert.equal(count(n), expected));
}

for (const [n, expected] of [
  [null, "–"], [undefined, "–"], [0, "0 B"], [999, "999 B"], [999.6, "1,000 B"], [1000, "1 kB"], [1_540_000, "1.5 MB"], [2e9, "2 GB"], [5e15, "5,000 TB"],
]) {
  test(`a size of ${n} is ${expected}`, () => assert.equal(plain(bytes(n)), expected));
}

for (const [ms, expected] of [
  [null, "–"], [undefined, "–"], [0, "0 ms"], [999.4, "999 ms"], [1_000, "1 s"], [59_940, "59.9 s"], [61_000, "1 min 1 s"],
  [HOUR, "1 h 0 min"], [47.5 * HOUR, "47 h 30 min"], [48 * HOUR, "2 d 0 h"], [75 * HOUR, "3 d 3 h"],
]) {
  test(`a duration of ${ms} ms is ${expected}`, () => assert.equal(plain(took(ms)), expected));
}

for (const [seconds, expected] of [
  [0, "just now"], [-4, "just now"], [-30, "30 sec. ago"], [-90, "1 min. ago"], [-2 * 3600, "2 hr. ago"], [2 * 3600, "in 2 hr."],
  [-86_400, "yesterday"], [-3 * 86_400, "3 days ago"], [-14 * 86_400, "2 wk. ago"], [-400 * 86_400, "last yr."],
]) {
  test(`${seconds} seconds from now is ${expected}`, () => {
    assert.equal(plain(ago(new Date(Date.now() + 1000 * seconds - 200 * Math.sign(-seconds)).toISOString())), expected);
  });
}

test("a time that is not there is a dash", () => {
  assert.deepEqual([ago(null), at(null), date("")], ["–", "–", "–"]);
});

test("a share has at most one digit after the point", () => assert.equal(percent(0.12345), "12.3%"));

for (const [usd, expected] of [[0, "$0.00"], [1.005, "$1.01"], [0.0042, "$0.0042"], [1234.5, "$1,234.50"]]) {
  test(`${usd} dollars are ${expected}`, () => assert.equal(dollars(usd), expected));
}

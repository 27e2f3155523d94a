// What all programs of Node share: the plan that the suite hands over, and one answer as the suite reads it.
import { readFileSync } from "node:fs";

export const plan = JSON.parse(readFileSync(process.argv[2], "utf8"));
export const picture = readFileSync(plan.picture);
export const TRIES = 30;
const BUSY = new Set([429, 502, 503, 504]);

/** Ask until the cloud is not too busy, as an app should. */
export async function patiently(ask) {
  for (let tried = 1; ; tried += 1) {
    const told = await ask();
    if (!BUSY.has(told.status) || tried === TRIES) return told;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** Run the cases one after the other and print what each was answered. */
export async function run(cases) {
  const told = {};
  for (const [name, ask] of Object.entries(cases)) told[name] = await patiently(ask);
  console.log(JSON.stringify(told));
}

export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A page in the memory of Node, for the scripts of the monitor: import this before any of them. */

import { JSDOM } from "jsdom";

export const STATIC = new URL("../../../chalicelib/monitor/static/", import.meta.url);
const { window } = new JSDOM("<!doctype html><html><body></body></html>", { url: "https://wallify.test/monitor#/library" });
const SHARED = ["document", "location", "history", "localStorage", "navigator", "Event", "CustomEvent", "HTMLElement"];

globalThis.window = window;
for (const name of SHARED) Object.defineProperty(globalThis, name, { value: window[name], configurable: true, writable: true });

/** The monitor's script of this name. */
export const script = (name) => import(new URL(name, STATIC).href);

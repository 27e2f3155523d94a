// Writes src/api.d.ts: the types of the API's answers that the client uses, from the OpenAPI document.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const USED = ["ImageDetails", "ImageList", "OnDuplicate", "PresignedUploads", "ProcessedImage", "RenditionUrl", "Task"];

const document = JSON.parse(await readFile(new URL("../../docs/reference/openapi.json", import.meta.url)));
const schemas = {};
const add = (name) => {
  if (name in schemas) return;
  schemas[name] = document.components.schemas[name];
  for (const [, other] of JSON.stringify(schemas[name]).matchAll(/#\/components\/schemas\/(\w+)/g)) add(other);
};
USED.forEach(add);
const sorted = Object.fromEntries(Object.entries(schemas).sort(([one], [other]) => (one < other ? -1 : 1)));
const used = { openapi: document.openapi, info: document.info, paths: {}, components: { schemas: sorted } };
await writeFile(process.argv[2] ?? new URL("src/api.d.ts", import.meta.url), astToString(await openapiTS(used)));

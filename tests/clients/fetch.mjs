// Uploads with what Node has itself: fetch, FormData and Blob. `node fetch.mjs PLAN`
import { gzipSync } from "node:zlib";
import { parsed, picture, plan, run } from "./plan.mjs";

const jpeg = new Blob([picture], { type: "image/jpeg" });
const JSON_TYPE = { "Content-Type": "application/json" };

async function ask(path, body, headers = {}) {
  const url = path.startsWith("/") ? plan.api + path : path;
  const answer = await fetch(url, { method: "POST", body, headers: { Authorization: plan.token, ...headers } });
  return { status: answer.status, body: parsed(await answer.text()) };
}

function form(parts) {
  const made = new FormData();
  for (const part of parts) made.append(...part);
  return made;
}

const REST = [["collection", plan.collection], ["async", "true"], ["on_duplicate", "copy"]];
const single = (...parts) => () => ask("/file_upload", form([...parts, ...REST]));
const bulk = (...parts) => () => ask("/bulk_upload", form([...parts, ...REST]));
const ahead = (type) => ({ filename: "direct.jpg", content_type: type, collection: plan.collection });

async function direct() {
  const { body } = await ask("/uploads", JSON.stringify(ahead("")), JSON_TYPE);
  const [ticket] = body.uploads;
  const filled = form([...Object.entries(ticket.fields), ["file", jpeg, "direct.jpg"], ["submit", "Upload"]]);
  const answer = await fetch(ticket.url, { method: "POST", body: filled });
  return { status: answer.status, body: await answer.text() };
}

await run({
  upload: single(["file", jpeg, 'node ğüneş "1".jpg']),
  image: single(["image", jpeg, "a.jpg"]),
  "files[]": single(["files[]", jpeg, "a.jpg"]),
  "bulk files[]": bulk(["files[]", jpeg, "a.jpg"], ["files[]", jpeg, "b.jpg"]),
  "bulk file": bulk(["file", jpeg, "a.jpg"]),
  "bulk file[]": bulk(["file[]", jpeg, "a.jpg"]),
  "undefined collection": () => ask("/file_upload", form([["file", jpeg, "a.jpg"], ["collection", undefined], ["async", "true"]])),
  "null collection": () => ask("/file_upload", form([["file", jpeg, "a.jpg"], ["collection", null], ["async", "true"]])),
  "text in file": single(["file", "photo.jpg"]),
  "no file chosen": single(["file", new File([], "")]),
  "no boundary": () => ask("/file_upload", form([["file", jpeg, "a.jpg"]]), { "Content-Type": "multipart/form-data" }),
  "json to a form": () => ask("/file_upload", JSON.stringify({ file: "iVBORw0KGgo=" }), JSON_TYPE),
  "form to json": () => ask("/uploads", form([["file", jpeg, "a.jpg"]])),
  "the file itself": () => ask("/file_upload", jpeg),
  urlencoded: () => ask("/file_upload", new URLSearchParams({ file: "photo.jpg" })),
  "gzip json": () =>
    ask("/uploads", gzipSync(JSON.stringify(ahead("image/jpeg"))), { ...JSON_TYPE, "Content-Encoding": "gzip" }),
  "byte order mark": () => ask("/uploads", `\ufeff${JSON.stringify(ahead("image/jpeg"))}`, JSON_TYPE),
  "image/jpg": () => ask("/uploads", JSON.stringify(ahead("image/jpg")), JSON_TYPE),
  "empty type": () => ask("/uploads", JSON.stringify(ahead("")), JSON_TYPE),
  direct,
});

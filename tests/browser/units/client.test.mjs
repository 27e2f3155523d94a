import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";

import { placeholder, Wallify, WallifyError } from "../../../clients/js/wallify.js";
import { script } from "./page.mjs";

const { thumbHashToRGBA } = await script("thumbhash.js");
const answers = []; // what the next requests get: [status, body, headers]
const asked = [];
let server, url;

before(async () => {
  server = createServer(async (request, response) => {
    const body = [];
    for await (const part of request) body.push(part);
    asked.push({ line: `${request.method} ${request.url}`, headers: request.headers, body: Buffer.concat(body).toString("latin1") });
    const [status, value, headers = {}] = answers.shift();
    response.writeHead(status, headers).end(typeof value === "string" ? value : JSON.stringify(value));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  url = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());
beforeEach(() => (asked.length = answers.length = 0));

const form = () => ({ task_id: "t1", uploads: [{ task_id: "t1", filename: "a.jpg", url: `${url}/bucket`, fields: { key: "k" }, expires_at: "", max_bytes: 9 }] });
const task = (status, more = {}) => ({ task_id: "t1", status, ready: status !== "STARTED", successful: status === "SUCCESS", ...more });
const file = new File(["pixels"], "a.jpg", { type: "image/jpeg" });
const stored = "/m/150.jpeg 100w, /m/600.jpeg 400w";
const image = (more = {}) => ({
  image_id: "i1", url: "/m/full.jpg", width: 2000, height: 3000, private: false, has_alpha: false, thumbhash: "",
  srcset: `${stored}, /m/full.jpg 2000w`,
  sources: [{ format: "avif", type: "image/avif", srcset: "/m/600.avif 400w, /m/full.jpg 2000w" }], ...more,
});

test("an upload is a form, a file and a wait", async () => {
  answers.push([201, form()], [204, ""], [200, task("STARTED")], [200, task("SUCCESS", { result: image() })]);
  const progress = [];
  const made = await new Wallify(`${url}/`, "wlf_1").upload(file, { collection: "doğa", onProgress: (...sent) => progress.push(sent) });

  assert.equal(made.image_id, "i1");
  assert.deepEqual(asked.map(({ line }) => line), ["POST /uploads", "POST /bucket", ...Array(2).fill("GET /task/status/t1?wait=15")]);
  assert.deepEqual(JSON.parse(Buffer.from(asked[0].body, "latin1")), { filename: "a.jpg", bytes: 6, content_type: "image/jpeg", collection: "doğa" });
  assert.equal(asked[0].headers.authorization, "Bearer wlf_1");
  assert.equal(asked[1].headers.authorization, undefined);
  assert.match(asked[1].body, /name="key"[^]*name="file"; filename="a.jpg"[^]*pixels/);
  assert.deepEqual(progress, [[6, 6]]);
});

test("a task that is answered at once is asked again after a pause", async (context) => {
  const pauses = [], real = globalThis.setTimeout;
  context.mock.method(globalThis, "setTimeout", (wake, milliseconds, ...rest) => {
    pauses.push(milliseconds);
    return real(wake, milliseconds === 1000 ? 0 : milliseconds, ...rest);
  });
  answers.push([200, task("STARTED")], [200, task("STARTED")], [200, task("SUCCESS")]);

  assert.equal((await new Wallify(url).finished("t1")).status, "SUCCESS");
  assert.deepEqual(pauses.filter((one) => one === 1000), [1000, 1000]);
});

test("a task that fails says why", async () => {
  answers.push([200, task("FAILURE", { error: { code: "image_damaged", message: "Cut off.", retryable: false } })]);
  await assert.rejects(new Wallify(url).finished("t1"), { name: "WallifyError", code: "image_damaged", message: "Cut off.", status: 0 });
});

test("what the bucket refuses is said in its words", async () => {
  answers.push([201, form()], [403, "<Error><Code>AccessDenied</Code><Message>Policy expired</Message></Error>"]);
  await assert.rejects(new Wallify(url).upload(file), { code: "AccessDenied", message: "Policy expired", status: 403 });
});

test("a busy API is asked again, and a wrong request is not", async () => {
  answers.push([429, { code: "too_many_requests" }, { "Retry-After": "0.01" }], [503, "<html>", { "Retry-After": "0.01" }], [200, image()]);
  assert.equal((await new Wallify(url).image("i1")).image_id, "i1");
  answers.push([404, { code: "image_not_found", message: "There is no such image.", details: { image_id: "i2" } }]);
  await assert.rejects(new Wallify(url).image("i2"), { code: "image_not_found", details: { image_id: "i2" } });
  answers.push([504, "<html>"]);
  await assert.rejects(new Wallify(url).upload(file), WallifyError); // its work may have been done
  assert.equal(asked.length, 5);
});

test("an upload can be stopped", async () => {
  const stop = new AbortController();
  answers.push([201, form()], [204, ""], [200, task("STARTED")], [200, task("STARTED")]);
  const waiting = new Wallify(url).finished("t1", { signal: stop.signal, onChange: () => stop.abort(new Error("stopped")) });
  answers.shift(), answers.shift();
  await assert.rejects(waiting, { message: "stopped" });
});

test("filters become a query", async () => {
  answers.push([200, { images: [] }]);
  await new Wallify(url).images("a b/c", { limit: 5, sort: "newest" });
  assert.equal(asked[0].line, "GET /collections/a%20b%2Fc/images?limit=5&sort=newest");
});

test("options are signed by the API", async () => {
  answers.push([200, { url: "https://api/r/i1/w=9?signature=x", expires_at: null }]);
  assert.equal(await new Wallify(url).signedRendition("i1", { w: 9, fit: "cover" }, 2), "https://api/r/i1/w=9?signature=x");
  assert.deepEqual(JSON.parse(asked[0].body), { options: "w=9,fit=cover", hours: 2 });
});

test("a srcset has thumbnails, screens and the full picture, never a larger one", () => {
  const screens = [540, 1080, 1440].map((width) => `https://api/r/i1/screen-${width} ${width}w`).join(", ");
  const wallify = new Wallify("https://api");
  assert.equal(wallify.srcset(image()), `${stored}, ${screens}, /m/full.jpg 2000w`);
  assert.equal(wallify.srcset(image(), "avif"), `/m/600.avif 400w, ${screens}, /m/full.jpg 2000w`);
  assert.equal(wallify.srcset(image({ private: true })), `${stored}, /m/full.jpg 2000w`);
  assert.equal(wallify.srcset(image({ width: 300, srcset: "/m/full.jpg 300w" })), "/m/full.jpg 300w");
});

test("where the screens are stored, none is made on demand", () => {
  const ladder = `${stored}, /m/w540.jpg 540w, /m/w1080.jpg 1080w, /m/w1440.jpg 1440w, /m/full.jpg 2000w`;
  assert.equal(new Wallify("https://api").srcset(image({ srcset: ladder })), ladder);
});

test("an entry of a manifest, which has no url, is shown like a record", () => {
  const { url, private: _, has_alpha, ...entry } = image();
  assert.match(new Wallify("https://api").picture(entry), /<img src="\/m\/full.jpg" /);
});

test("a transparent picture is not shown on its placeholder", () => {
  const [opaque, clear] = ["1QcSHQRnh493V4dIh4eXh1h4kJUI", "HBmSHYSIeHiPiHh8eJd4eTN0EEQG"];
  const html = (thumbhash) => new Wallify("https://api").picture(image({ thumbhash }));
  assert.match(html(opaque), /style="background:url\(data:/);
  assert.doesNotMatch(html(clear), /style=/);
});

test("a picture reserves its place and escapes what it is told", () => {
  const html = new Wallify("https://api").picture(image(), { alt: `"><script>`, sizes: "50vw" });
  assert.match(html, /^<picture><source type="image\/avif" srcset="[^"]*" sizes="50vw"><img src="\/m\/full.jpg" /);
  assert.match(html, / width="2000" height="3000" alt="&#34;&#62;&#60;script&#62;" loading="lazy" decoding="async"><\/picture>$/);
});

for (const hash of ["1QcSHQRnh493V4dIh4eXh1h4kJUI", "3PcNNYSFeXh/d3eld0iHZoZgVwh2", "YTkGJwaRhWUIt4lbgnhZl3ath2BUBGYA", "HBkSHYSIeHiPiHh8eJd4eTN0EEQG"]) {
  test(`the placeholder ${hash} is the one that others draw`, () => {
    const { w, h, rgba } = thumbHashToRGBA(Uint8Array.from(atob(hash), (char) => char.charCodeAt(0)));
    const png = Buffer.from(placeholder(hash).replace("data:image/png;base64,", ""), "base64");
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [w, h]);
    const raw = png.subarray(33 + 8 + 7); // behind the head, the chunk's head and the block's
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < 4 * w; x++) assert.ok(Math.abs(raw[y * (4 * w + 1) + 1 + x] - rgba[y * 4 * w + x]) <= 1, `${x}, ${y}`);
    }
  });
}

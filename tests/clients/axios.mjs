// Uploads with axios, and with the package form-data that older code hands to it. `node axios.mjs PLAN`
import { createReadStream } from "node:fs";
import { gzipSync } from "node:zlib";
import axios from "axios";
import OldForm from "form-data";
import { picture, plan, run } from "./plan.mjs";

const stream = () => createReadStream(plan.picture);
const jpeg = new Blob([picture], { type: "image/jpeg" });
const rest = { collection: plan.collection, async: "true", on_duplicate: "copy" };
const api = axios.create({
  baseURL: plan.api,
  headers: { Authorization: plan.token },
  proxy: false,
  validateStatus: () => true,
});

const told = ({ status, data }) => ({ status, body: data });

function old(name, filename) {
  const form = new OldForm();
  form.append(name, picture, { filename, contentType: "image/jpeg" });
  for (const [field, text] of Object.entries(rest)) form.append(field, text);
  return form;
}

function native(name) {
  const form = new FormData();
  form.append(name, jpeg, "a.jpg");
  for (const [field, text] of Object.entries(rest)) form.append(field, text);
  return form;
}

const headed = (type) => ({ headers: { "Content-Type": type } });

await run({
  upload: async () => told(await api.post("/file_upload", old("file", "axios ğüneş.jpg"))),
  "post form": async () => told(await api.postForm("/file_upload", { file: stream(), ...rest })),
  // Arrays become files[] here, as PHP wants them.
  "bulk list": async () => told(await api.postForm("/bulk_upload", { files: [stream(), stream()], ...rest })),
  image: async () => told(await api.post("/file_upload", old("image", "a.jpg"))),
  "bulk file": async () => told(await api.post("/bulk_upload", old("file", "a.jpg"))),
  // axios puts the boundary in by itself.
  "no boundary": async () => told(await api.post("/file_upload", native("file"), headed("multipart/form-data"))),
  "another boundary": async () =>
    told(await api.post("/file_upload", old("file", "a.jpg").getBuffer(), headed("multipart/form-data; boundary=mine"))),
  "no boundary, a buffer": async () =>
    told(await api.post("/file_upload", old("file", "a.jpg").getBuffer(), headed("multipart/form-data"))),
  json: async () => told(await api.post("/file_upload", { file: "iVBORw0KGgo=" })),
  gzip: async () => {
    const form = old("file", "a.jpg");
    const headers = { ...form.getHeaders(), "Content-Encoding": "gzip" };
    return told(await api.post("/file_upload", gzipSync(form.getBuffer()), { headers }));
  },
});

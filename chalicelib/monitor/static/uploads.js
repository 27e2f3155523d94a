/** Uploads under way: a few at once, each with its progress, whatever page the reader is on. */

import { address, get, has, headers, post, session } from "./api.js";
import { showUploads } from "./upload_panel.js";
import { t } from "./translation.js";

const AT_ONCE = 3;
const LOOK = 1200;
const files = [];
let numbered = 0;
let looking = false;

/** Send these files into a collection. */
export function add(list, collection) {
  for (const file of list) files.push({ id: (numbered += 1), file, collection, state: "waiting", sent: 0, error: "", task: null });
  pump();
}

/** Send a file again that failed. */
function again(upload) {
  Object.assign(upload, { state: "waiting", sent: 0, error: "", task: null });
  pump();
}

function stop(upload) {
  upload.request?.abort();
  if (["waiting", "sending"].includes(upload.state)) Object.assign(upload, { state: "stopped" });
  pump();
}

function clear() {
  const left = files.filter((one) => ["waiting", "sending", "working"].includes(one.state));
  files.splice(0, files.length, ...left);
  show();
}

const show = () => showUploads(files, { again, stop, clear });

function pump() {
  const sending = files.filter((one) => one.state === "sending").length;
  files.filter((one) => one.state === "waiting").slice(0, AT_ONCE - sending).forEach(send);
  show();
}

async function send(upload) {
  upload.state = "sending";
  try {
    const big = upload.file.size > session.current.max_body_bytes;
    upload.task = await (big ? straight(upload) : through(upload));
    upload.state = upload.task ? "working" : "duplicate";
    look();
  } catch (error) {
    if (upload.state !== "stopped") Object.assign(upload, { state: "failed", error: error.message });
  }
  pump();
}

/** Through the API; null when the collection has exactly this picture already. */
async function through(upload) {
  const told = await transfer(upload, address("/file_upload"), { collection: upload.collection, async: "true" }, headers("POST"));
  return told.duplicate ? null : told.task_ids[0][1];
}

/** Straight into the bucket, with a form that the API signs. */
async function straight(upload) {
  if (!has("POST /uploads")) throw new Error(t("The file is too large for this deployment."));
  const { file, collection } = upload;
  const wanted = { filename: file.name, collection, content_type: file.type, bytes: file.size };
  const { uploads: [ticket] } = await post("/uploads", { files: [wanted] });
  await transfer(upload, ticket.url, ticket.fields, {});
  return ticket.task_id;
}

function transfer(upload, url, fields, extra) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", upload.file, upload.file.name);
  return new Promise((resolve, reject) => {
    // Not fetch: it cannot tell how much has been sent.
    const request = new XMLHttpRequest();
    upload.request = request;
    request.open("POST", url);
    for (const [name, value] of Object.entries(extra)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => event.lengthComputable && [(upload.sent = event.loaded / event.total), show()]);
    request.addEventListener("load", () => {
      const told = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(told);
      else reject(new Error(told.message ?? t("The upload was refused ({status}).", { status: request.status })));
    });
    request.addEventListener("error", () => reject(new Error(t("The connection broke."))));
    request.addEventListener("abort", () => reject(new Error(t("Stopped"))));
    request.send(form);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Ask for the tasks of what has been sent, until all have ended. */
async function look() {
  if (looking) return;
  looking = true;
  let ended = 0;
  for (let open = working(); open.length; open = working()) {
    await Promise.all(open.slice(0, 6).map(async (upload) => {
      const task = await get(`/task/status/${upload.task}`).catch(() => null);
      if (!task?.ready) return;
      ended += 1;
      Object.assign(upload, task.successful ? { state: "done" } : { state: "failed", error: task.error?.message ?? t("Cancelled") });
    }));
    show();
    if (working().length) await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
  looking = false;
  if (ended) window.dispatchEvent(new Event("uploaded"));
}

const working = () => files.filter((one) => one.state === "working");

window.addEventListener("beforeunload", (event) => files.some((one) => one.state === "sending") && event.preventDefault());

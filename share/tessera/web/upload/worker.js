/** Sends files: a Worker, so that a busy page does not slow it. It carries out what `UploadPlan` says, and tells the page. */

import { UploadPlan, parseLimits } from "./plan.js";

const defaultAppendByteCount = 16 * 1024 * 1024;
const progressIntervalMilliseconds = 200;

const plan = new UploadPlan({ appendByteCount: defaultAppendByteCount });
/** @type {Map<string, Blob>} */
const files = new Map();
/** @type {Map<string, XMLHttpRequest>} */
const requests = new Map();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let alarm;
let hasLimits = false;

/** @param {any} message */
const tell = (message) => /** @type {any} */ (self).postMessage(message);

self.onmessage = ({ data }) => {
  if (data.type === "add") {
    for (const { key, url, size, mustAsk, file } of data.files) {
      files.set(key, file);
      plan.added({ key, url, size, mustAsk });
    }
  } else if (data.type === "remove") {
    requests.get(data.key)?.abort();
    requests.delete(data.key);
    files.delete(data.key);
    plan.removed(data.key);
  }
  run();
};
self.addEventListener("online", () => {
  plan.online();
  run();
});
self.addEventListener("offline", () => plan.offline());

async function run() {
  if (!hasLimits && plan.isBusy) {
    hasLimits = true;
    const answer = await fetch("/api/v1/uploads", { method: "OPTIONS" }).catch(() => null);
    const limit = parseLimits(answer?.headers.get("Upload-Limit") ?? null)["max-append-size"];
    if (limit > 0) plan.appendByteCount = Math.min(limit, defaultAppendByteCount);
    hasLimits = answer !== null;
  }
  for (const action of plan.next(Date.now())) begin(action);
  clearTimeout(alarm);
  const wakesAt = plan.wakesAt;
  if (wakesAt !== null) alarm = setTimeout(run, Math.max(0, wakesAt - Date.now()));
}

/** @param {import("./plan.js").Action} action */
function begin(action) {
  const request = new XMLHttpRequest();
  requests.set(action.key, request);
  request.open(action.type === "ask" ? "HEAD" : "PATCH", action.url);
  request.onloadend = () => ended(action, request);
  if (action.type === "ask") {
    request.send();
    return;
  }
  request.setRequestHeader("Content-Type", "application/partial-upload");
  request.setRequestHeader("Upload-Offset", String(action.from));
  request.setRequestHeader("Upload-Complete", action.isLast ? "?1" : "?0");
  let toldAt = 0;
  request.upload.onprogress = ({ loaded }) => {
    if (Date.now() - toldAt < progressIntervalMilliseconds) return;
    toldAt = Date.now();
    tell({ type: "progress", key: action.key, offset: action.from + loaded });
  };
  request.send(files.get(action.key)?.slice(action.from, action.to) ?? null);
}

/**
 * @param {import("./plan.js").Action} action
 * @param {XMLHttpRequest} request
 */
function ended(action, request) {
  if (requests.get(action.key) !== request) return;
  requests.delete(action.key);
  const offsetText = request.getResponseHeader("Upload-Offset");
  const offset = offsetText === null ? null : Number(offsetText);
  const problem = problemOf(request);
  if (request.status >= 200 && request.status < 300 && offset !== null) {
    plan.stored(action.key, offset, request.getResponseHeader("Upload-Complete") === "?1");
  } else if (request.status === 409 && (offset ?? problem.upload_offset) !== undefined) {
    plan.failed(action.key, { now: Date.now(), chance: Math.random(), offset: offset ?? problem.upload_offset });
  } else if ([400, 403, 404, 410, 413, 415, 422].includes(request.status)) {
    plan.refused(action.key, problem.code ?? `status-${request.status}`, problem.detail ?? "the server does not take this file");
  } else {
    const seconds = Number(request.getResponseHeader("Retry-After"));
    plan.failed(action.key, { now: Date.now(), chance: Math.random(), retryAfter: seconds > 0 ? seconds * 1000 : null });
  }
  report(action.key);
  run();
}

/** @param {XMLHttpRequest} request */
function problemOf(request) {
  try {
    return JSON.parse(request.responseText || "{}");
  } catch {
    return {};
  }
}

/** @param {string} key */
function report(key) {
  const item = plan.items.get(key);
  if (!item) return;
  tell({ type: "state", ...item });
  if (item.state !== "done" && item.state !== "refused") return;
  files.delete(key);
  plan.removed(key);
}

/** The words and icons of states; colour is never the only sign. */

/** @typedef {{ word: string, icon: string, tone: "quiet" | "busy" | "bad" | "plain" }} Look */

/** @type {Record<string, Look>} */
const looks = {
  // Jobs
  open: { word: "Receiving", icon: "upload", tone: "busy" },
  running: { word: "Running", icon: "running", tone: "busy" },
  done: { word: "Done", icon: "done", tone: "plain" },
  "partly-failed": { word: "Partly failed", icon: "alert", tone: "bad" },
  failed: { word: "Failed", icon: "failed", tone: "bad" },
  cancelled: { word: "Cancelled", icon: "cancel", tone: "quiet" },
  // Images
  expected: { word: "Uploading", icon: "upload", tone: "quiet" },
  waiting: { word: "Waiting", icon: "waiting", tone: "quiet" },
  "dead-lettered": { word: "Gave up", icon: "failed", tone: "bad" },
  // Workers
  alive: { word: "Working", icon: "running", tone: "busy" },
  idle: { word: "Idle", icon: "waiting", tone: "plain" },
  suspect: { word: "Silent", icon: "alert", tone: "bad" },
  dead: { word: "Lost", icon: "lost", tone: "bad" },
  gone: { word: "Gone", icon: "lost", tone: "quiet" },
  draining: { word: "Draining", icon: "pause", tone: "quiet" },
  quarantined: { word: "Quarantined", icon: "failed", tone: "bad" },
  "not-ready": { word: "Not ready", icon: "alert", tone: "bad" },
  // Webhooks and what they are sent
  enabled: { word: "Enabled", icon: "done", tone: "plain" },
  disabled: { word: "Disabled", icon: "alert", tone: "bad" },
  delivered: { word: "Delivered", icon: "done", tone: "plain" },
};

/**
 * @param {string} state
 * @returns {Look}
 */
export const look = (state) => looks[state] ?? { word: state.charAt(0).toUpperCase() + state.slice(1), icon: "help", tone: "plain" };

/** @param {string} state */
export const hasEnded = (state) => !["open", "running", "waiting", "expected"].includes(state);

/**
 * The share of a job that is done, from 0 to 1.
 * @param {any} job
 */
export function share(job) {
  if (hasEnded(job.state)) return 1;
  const images = job.image_count ? (job.images_done + job.images_failed) / job.image_count : 0;
  const pixels = job.pixels_total ? job.pixels_done / job.pixels_total : 0;
  // Images that are still on their way have no pixels yet: the smaller share is the honest one.
  return job.pixels_total ? Math.min(pixels, job.image_count > 1 ? Math.max(images, 0) || pixels : 1) : images;
}

/**
 * Whether an image's result is a document: the gateway says so, and else the pipeline's text does.
 * @param {any} image
 * @param {any} job
 */
export const isDocument = (image, job) => (image?.result_kind ?? (/\boutput=json\b/.test(job?.pipeline ?? "") ? "document" : "image")) === "document";

/** Tells when a job ends: on the page, and by the browser where that is wanted. */

import { hasEnded, look } from "../core/states.js";
import { counted } from "../core/format.js";

/** @param {import("../main.js").Context} context */
export function notifyOfEnds(context) {
  /** @type {Map<number, string>} */
  const states = new Map();
  context.model.listeners.add(({ type, data }) => {
    if (type !== "job") return;
    const before = states.get(data.job);
    states.set(data.job, data.state);
    if (before === undefined || hasEnded(before) || !hasEnded(data.state)) return;
    const sentence = endOf(data);
    const isBad = data.state !== "done";
    context.toast(sentence, { isBad, link: `/jobs/${data.job}` });
    const isOwn = data.submitter === context.session.peek()?.name;
    if (isOwn && document.hidden && context.settings.notifies.peek() && Notification.permission === "granted") {
      const notification = new Notification(sentence, { tag: `tessera-job-${data.job}` });
      notification.onclick = () => {
        focus();
        context.router.go(`/jobs/${data.job}`);
      };
    }
  });
}

/** @param {any} job */
function endOf(job) {
  const word = job.state === "partly-failed" ? "failed in part" : job.state === "failed" ? "failed" : `is ${look(job.state).word.toLowerCase()}`;
  const failed = job.images_failed > 0 ? `, ${job.images_failed} failed` : "";
  return `Job ${job.job} ${word}: ${counted(job.images_done, "image")} done${failed}`;
}

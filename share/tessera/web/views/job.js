/** One job: how it goes, and its images as a grid or a table. */

import { get, getAll, post, remove, send, zipAddress } from "../core/api.js";
import { clock } from "../core/clock.js";
import { h } from "../core/dom.js";
import { age, baseName, bytes, count, counted, duration, percent, pixels, time } from "../core/format.js";
import { icon } from "../core/icons.js";
import { derived, effect, signal } from "../core/signals.js";
import { hasEnded, share } from "../core/states.js";
import { confirm } from "./dialog.js";
import { imageList } from "./images.js";
import { deed, empty, errorNote, jobBar, pipelineText, stateMark } from "./parts.js";
import { shareButton, sharedOfJob } from "./share.js";

/**
 * @param {import("../main.js").Context} context
 * @param {Record<string, number>} parameters
 */
export function view(context, { job: number }) {
  const { model, events, title } = context;
  title.set(`Job ${number}`);
  const job = model.jobs.of(number);
  const error = signal(/** @type {any} */ (null));
  events.want(`job:${number}`);
  effect(() => {
    model.gaps();
    get(`/jobs/${number}`).then((found) => { model.jobs.put(number, found); error.set(null); }, error.set);
  });
  effect(() => {
    if (job() && !hasEnded(job().state)) context.say(`Job ${number}: ${percent(share(job()))} done`);
  });
  // Depends on whether the job is known, not on each of its states: what is below follows those itself.
  const isThere = derived(() => job() !== undefined);
  return h("section.view", null, () => {
    if (!isThere()) return missing(number, error());
    return [head(context, number, job), failures(context, number, job), imageList(context, number)];
  });
}

/**
 * @param {number} number
 * @param {any} error
 */
function missing(number, error) {
  if (!error) return h("div.view.page", { "aria-busy": "true" }, h("h1", null, `Job ${number}`), h("div.skeleton"), h("div.skeleton"));
  const isGone = error.status === 404 || error.status === 410;
  return empty("search", isGone ? `There is no job ${number}: it was forgotten, or never made.` : error.message, h("h1.hidden-text", null, `Job ${number}`), h("a.button", { href: "/" }, "All jobs"));
}

/**
 * @param {import("../main.js").Context} context
 * @param {number} number
 * @param {() => any} job
 */
function head(context, number, job) {
  const { router, may, session, uploads } = context;
  const isOwn = () => may("operator") || (may("submitter") && job().submitter === session()?.name);
  // The button stays the same while the job changes, so that the focus returns to it.
  const mayShare = derived(() => job().images_done > 0 && isOwn());
  // The tab that sent a file knows first that it was not taken; later only the server does.
  const rejections = signal(/** @type {any[]} */ ([]));
  const unknown = signal(/** @type {any} */ (null));
  const rejectedCount = derived(() => job().uploads?.rejected ?? 0);
  effect(() => {
    if (rejectedCount() === 0) return;
    get(`/jobs/${number}/uploads`, { query: { state: "rejected", limit: 100 } }).then((page) => {
      rejections.set(page.items.map((/** @type {any} */ each) => ({ name: each.name, reason: each.rejection?.detail })));
      unknown.set(null);
    }, unknown.set);
  });
  const cancel = async () => {
    const { image_count: images, images_done: done } = job();
    const isSure = await confirm({
      heading: `Cancel job ${number}?`,
      question: `${counted(images - done, "image")} of job ${number} (${job().pipeline || "convert only"}) will not be made. The ${count(done)} that are done are kept.`,
      act: `Cancel job ${number}`,
    });
    if (isSure) await post(`/jobs/${number}/cancel`);
  };
  const forget = async () => {
    const isSure = await confirm({
      heading: `Forget job ${number}?`,
      question: `Job ${number} and its ${counted(job().images_done, "result")} are deleted for everybody.`,
      act: `Forget job ${number}`,
    });
    if (!isSure) return;
    await remove(`/jobs/${number}`);
    router.go("/");
  };
  const facts = () => {
    const known = job();
    const rejected = known.uploads?.rejected ?? 0;
    const expected = Math.max(known.image_count, (known.uploads?.expected ?? 0) - rejected);
    const facts = [
      `${count(known.images_done)} of ${counted(expected, "image")}`,
      known.images_failed > 0 ? h("span.bad", null, `${count(known.images_failed)} failed`) : null,
      rejected > 0 ? h("span.bad", null, `${count(rejected)} not taken`) : null,
      known.images_from_cache > 0 ? `${count(known.images_from_cache)} from kept results` : null,
      known.uploads && known.uploads.received + rejected < known.uploads.expected && !hasEnded(known.state) ? `${bytes(known.uploads.bytes_received)} of ${bytes(known.uploads.bytes_expected)} received` : null,
      known.pixels_total ? pixels(known.pixels_total) : null,
      known.throughput && !hasEnded(known.state) ? `${pixels(known.throughput)}/s` : null,
      known.eta_ms !== undefined && !hasEnded(known.state) ? `${duration(known.eta_ms)} left` : null,
      known.finished_at ? `took ${duration(known.finished_at - known.submitted_at)}` : null,
      known.attempts_lost > 0 ? `${counted(known.attempts_lost, "attempt")} lost and made again` : null,
    ].filter(Boolean);
    return facts.map((fact) => h("li", null, fact));
  };
  return h("header.job-top", null,
    h("div.row.spread", null,
      h("div.row", null, h("h1", null, `Job ${number}`), () => stateMark(job().state)),
      h("div.row", null,
        () => !hasEnded(job().state) && isOwn() ? h("button.danger", { on: { click: deed(context, cancel) } }, icon("cancel"), "Cancel") : null,
        () => may("submitter") ? h("a.button", { href: `/new?pipeline=${encodeURIComponent(job().pipeline)}&from=${number}` }, icon("redo"), "Run again") : null,
        () => hasEnded(job().state) && isOwn() ? h("button.bare", { on: { click: deed(context, forget) } }, "Forget") : null,
        () => mayShare() ? shareButton(`Share job ${number}`, () => sharedOfJob(number)) : null,
        () => job().images_done > 0 ? h("a.button.primary", { href: zipAddress(number), download: "" }, icon("download"), `Download ${count(job().images_done)}`) : null)),
    h("p.job-pipeline", null, () => pipelineText(job().pipeline)),
    h("div.job-progress", null, jobBar(job)),
    h("ul.facts-line.quiet", null, facts),
    () => job().obstacle ? h("div.note", null, icon("waiting"), h("span.wrap", null, `The job waits: ${job().obstacle}`)) : null,
    h("p.quiet.small", null, () => `by ${job().submitter}, ${age(job().submitted_at, clock())}`, h("span.hidden-text", null, () => ` (${time(job().submitted_at)})`),
      () => job().priority ? ` · priority ${job().priority}` : ""),
    () => errorNote(unknown()),
    () => notTaken(rejections().length > 0 ? rejections() : uploads.ofJob(number).filter((each) => each.state === "refused")),
  );
}

/**
 * Files that the server did not take; the others continue.
 * @param {readonly { name: string, reason?: string }[]} found
 */
function notTaken(found) {
  if (found.length === 0) return null;
  return h("details.note.bad", { open: found.length <= 3 }, h("summary", null, `${counted(found.length, "file")} could not be taken; the job has the others`),
    h("ul", null, found.slice(0, 100).map((each) => h("li.wrap", null, h("b", null, baseName(each.name)), `: ${each.reason}`))));
}

/**
 * Reasons of failures, grouped by code.
 * @param {import("../main.js").Context} context
 * @param {number} number
 * @param {() => any} job
 */
function failures(context, number, job) {
  const groups = signal(/** @type {Array<{ code: string, reason: string, count: number, letters: number }>} */ ([]));
  const error = signal(/** @type {any} */ (null));
  let read = 0;
  effect(() => {
    const failed = job().images_failed;
    if (failed === read) return;
    read = failed;
    if (failed === 0) { groups.set([]); return; }
    get(`/jobs/${number}/images`, { query: { state: "failed,dead-lettered", limit: 500 } }).then((page) => groups.set(grouped(page.items)), error.set);
  });
  const redrive = async () => {
    await send("/dead-letters/redrive", { method: "POST", body: { filter: { job: number }, count: await deadLetterCount(number) } });
  };
  return h("div.job-failures", null, () => errorNote(error()), () => groups().length === 0 ? null : h("div.note.bad", null, icon("alert"), h("div.grow", null,
    h("ul.stack.tight", null, groups().map((group) => h("li.wrap", null, h("b", null, `${count(group.count)} × ${group.code}`), " ", group.reason))),
    groups().some((group) => group.letters > 0) && context.may("operator") ? h("p", null, h("button", { on: { click: deed(context, redrive) } }, icon("redo"), "Try these again")) : null)));
}

/** @param {number} job */
async function deadLetterCount(job) {
  const path = `/dead-letters?job=${job}&limit=500`;
  return (await get(path)).total ?? (await getAll(path)).length;
}

/** @param {readonly any[]} images */
function grouped(images) {
  /** @type {Map<string, { code: string, reason: string, count: number, letters: number }>} */
  const groups = new Map();
  for (const image of images) {
    const code = image.failure?.code ?? "unknown";
    const group = groups.get(code) ?? { code, reason: image.failure?.reason ?? "", count: 0, letters: 0 };
    group.count += 1;
    if (image.state === "dead-lettered") group.letters += 1;
    groups.set(code, group);
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}


/** All jobs, whoever sent them: live, filtered by the server, read page by page. */

import { get } from "../core/api.js";
import { clock } from "../core/clock.js";
import { h } from "../core/dom.js";
import { age, count, counted, duration, percent, time } from "../core/format.js";
import { icon } from "../core/icons.js";
import { PagedKeys } from "../core/pages.js";
import { effect, onCleanup } from "../core/signals.js";
import { hasEnded, share } from "../core/states.js";
import { virtualList } from "../core/virtual-list.js";
import { chooseFiles } from "../upload/choose.js";
import { empty, errorNote, jobBar, narrowNow, pipelineText, stateMark } from "./parts.js";

const filters = [
  ["All", ""],
  ["Running", "open,running"],
  ["Done", "done"],
  ["Failed", "partly-failed,failed"],
  ["Cancelled", "cancelled"],
];

/** @param {import("../main.js").Context} context */
export function view(context) {
  const { router, model, title } = context;
  title.set("Jobs");
  const isNarrow = narrowNow();
  const state = () => router.address().searchParams.get("state") ?? "";
  const words = () => router.address().searchParams.get("q") ?? "";

  const pages = new PagedKeys(
    (cursor) => get(cursor ?? "/jobs", { query: cursor ? {} : { state: state(), q: words(), limit: 100 } }),
    (job) => {
      model.jobs.put(job.job, job);
      return String(job.job);
    },
  );
  const list = virtualList({
    count: () => pages.count,
    rowHeight: () => (isNarrow() ? 84 : 44),
    row: (index) => row(context, Number(pages.keys[index])),
    show: (first, end) => void pages.reach(end),
    label: "Jobs",
    role: "list",
  });
  effect(() => {
    state();
    words();
    model.gaps();
    pages.restart().then(() => list.reset());
  });
  // A job that appears goes to the top, if the filter lets it pass.
  const heard = (/** @type {any} */ event) => {
    if (event.type !== "job" || words() !== "" || !isWanted(event.data.state, state())) return;
    if (event.data.job > Number(pages.keys[0] ?? 0)) {
      pages.unshift(String(event.data.job));
      list.reset();
    } 
  };
  model.listeners.add(heard);
  onCleanup(() => model.listeners.delete(heard));
  listKeys(context, list, () => pages.keys.length);

  const search = h("input", {
    type: "search", "aria-label": "Filter by pipeline, submitter or number", placeholder: "Pipeline, submitter, number", value: words(),
    on: { input: debounced(() => router.query({ q: search.value.trim() })) },
  });
  return h("section.view", null,
    h("div.bar", null,
      h("h1", null, "Jobs"),
      h("div.row", { role: "group", "aria-label": "State" }, filters.map(([word, value]) =>
        h("button.chip", { "aria-pressed": () => String(state() === value), on: { click: () => router.query({ state: value }) } }, word))),
      h("div.search.grow.filter", null, icon("search"), search),
      h("span.quiet.small", { "aria-live": "polite" }, () => { pages.version(); return pages.isRead() && pages.total() > 0 ? pages.next ? `${count(pages.total())}+ jobs` : counted(pages.total(), "job") : ""; })),
    () => errorNote(pages.error()),
    h("div.job-head.wide-only", { "aria-hidden": "true" }, ["State", "Job", "Pipeline", "Submitter", "Images", "Progress", "Time", "Age"].map((word) => h("span", null, word))),
    () => pages.isRead() || pages.error() ? null : h("div.stack.reading", { "aria-busy": "true" }, [1, 2, 3].map(() => h("div.skeleton"))),
    () => pages.isRead() && pages.count === 0 ? nothing(context, state() !== "" || words() !== "") : list.element,
  );
}

/**
 * @param {import("../main.js").Context} context
 * @param {number} number
 */
function row({ model, uploads }, number) {
  const job = () => model.jobs.of(number)() ?? { job: number, state: "cancelled", pipeline: "", submitter: "", images_done: 0, images_failed: 0, image_count: 0 };
  const images = () => {
    const { images_done: done, images_failed: failed, image_count: known, uploads: sent } = job();
    return [`${count(done)} / ${count(Math.max(known, (sent?.expected ?? 0) - (sent?.rejected ?? 0)))}`, failed > 0 ? h("span.bad", null, ` ${count(failed)} failed`) : null];
  };
  const spent = () => {
    const { state, submitted_at: from, finished_at: to, eta_ms: rest } = job();
    if (hasEnded(state)) return to ? duration(to - from) : "";
    return rest === undefined ? percent(share(job())) : `${duration(rest)} left`;
  };
  return h("div.job-row", { role: "listitem" },
    h("span.cell-state", null, () => stateMark(job().state, uploads.ofJob(number).some((each) => each.state === "sending") && job().image_count === 0 ? "Uploading" : undefined)),
    h("span.cell-number", null, h("a.job-link", { href: `/jobs/${number}` }, h("span.hidden-text", null, "Job "), String(number))),
    h("span.cell-pipeline.clip", null, () => pipelineText(job().pipeline)),
    h("span.cell-submitter.clip.quiet", null, () => job().submitter),
    h("span.cell-images", null, images),
    h("span.cell-bar", null, jobBar(job)),
    h("span.cell-time.quiet", null, spent),
    h("span.cell-age.quiet", { title: () => (job().submitted_at ? time(job().submitted_at) : "") }, () => (job().submitted_at ? age(job().submitted_at, clock()) : "")),
  );
}

/**
 * @param {string} state
 * @param {string} wanted
 */
const isWanted = (state, wanted) => wanted === "" || wanted.split(",").includes(state);

/**
 * @param {import("../main.js").Context} context
 * @param {boolean} isFiltered
 */
function nothing(context, isFiltered) {
  if (isFiltered) return empty("search", "No job is like this.", h("button", { on: { click: () => context.router.go("/") } }, "Show all jobs"));
  if (!context.may("submitter")) return empty("jobs", "No jobs yet.");
  const choose = async (/** @type {boolean} */ isFolder) => {
    const files = await chooseFiles({ isFolder });
    if (files.length === 0) return;
    context.chosen.update((chosen) => [...chosen, ...files]);
    context.router.go("/new");
  };
  return empty("image", "No jobs yet: drop images or folders here.",
    h("div.row", null, h("button.primary", { on: { click: () => choose(false) } }, icon("file"), "Choose images"), h("button", { on: { click: () => choose(true) } }, icon("folder"), "Choose a folder")));
}

/**
 * `j`, `k` and `Enter`.
 * @param {import("../main.js").Context} context
 * @param {ReturnType<typeof virtualList>} list
 * @param {() => number} count rows of the list
 */
export function listKeys({ keyboard }, list, count) {
  let at = -1;
  const move = (/** @type {number} */ by) => {
    at = Math.max(0, Math.min(count() - 1, at + by));
    /** @type {HTMLElement | null | undefined} */ (list.reveal(at)?.querySelector("a"))?.focus();
  };
  keyboard.bind({ j: ["next row", () => move(1)], k: ["row before", () => move(-1)], Enter: ["open the row", () => /** @type {HTMLElement} */ (document.activeElement)?.click()] }, "Lists");
}

/** @param {() => void} act */
export function debounced(act, pauseMilliseconds = 200) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, pauseMilliseconds);
  };
}

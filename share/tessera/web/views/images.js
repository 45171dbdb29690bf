/** A job's images: a grid of pictures or a table, of any length. The image's number is its place, so any part can be read first. */

import { get } from "../core/api.js";
import { h } from "../core/dom.js";
import { baseName, bytes, count } from "../core/format.js";
import { icon } from "../core/icons.js";
import { imageKey } from "../core/model.js";
import { isDocument } from "../core/states.js";
import { PagedKeys } from "../core/pages.js";
import { effect, signal, untracked } from "../core/signals.js";
import { virtualList } from "../core/virtual-list.js";
import { debounced, listKeys } from "./jobs.js";
import { narrowNow, stateMark } from "./parts.js";

const blockCount = 200;

/**
 * @param {import("../main.js").Context} context
 * @param {number} job
 */
export function imageList(context, job) {
  const { router, model, settings } = context;
  const state = () => router.address().searchParams.get("state") ?? "";
  const words = () => router.address().searchParams.get("q") ?? "";
  const isNarrow = narrowNow();
  // A picture that is not there is not asked for again: states change often.
  const failed = signal(/** @type {ReadonlySet<string>} */ (new Set()));
  const isFiltered = () => state() !== "" || words() !== "";
  const take = (/** @type {any} */ image) => {
    model.images.put(imageKey(job, image.image), image);
    return String(image.image);
  };
  const pages = new PagedKeys((cursor) => get(cursor ?? `/jobs/${job}/images`, { query: cursor ? {} : { state: state(), q: words(), limit: blockCount } }), take);
  const blocks = new Blocks(job, take);

  const list = virtualList({
    count: () => (isFiltered() ? pages.count : (model.jobs.of(job)()?.image_count ?? 0)),
    rowHeight: () => (settings.asGrid() ? (isNarrow() ? 168 : 216) : 44),
    columns: (width) => (settings.asGrid() ? Math.max(2, Math.floor(width / (isNarrow() ? 150 : 208))) : 1),
    row: (index) => {
      const image = untracked(isFiltered) ? Number(pages.keys[index]) : index;
      return untracked(settings.asGrid) ? tile(context, job, image, failed) : line(context, job, image);
    },
    show: (first, end) => {
      if (untracked(isFiltered)) pages.reach(end);
      else blocks.reach(first, end, model.jobs.of(job).peek()?.image_count ?? 0);
    },
    label: `Images of job ${job}`,
    className: "images",
  });
  effect(() => {
    model.gaps();
    blocks.forget();
    if (isFiltered()) pages.restart().then(() => list.reset());
    else list.reset();
  });
  effect(() => {
    settings.asGrid();
    untracked(() => list.reset());
  });
  listKeys(context, list, () => (untracked(isFiltered) ? pages.keys.length : (model.jobs.of(job).peek()?.image_count ?? 0)));

  const search = h("input", { type: "search", "aria-label": "Filter by name", placeholder: "Name", value: words(), on: { input: debounced(() => router.query({ q: search.value.trim() })) } });
  const chip = (/** @type {string} */ word, /** @type {string} */ value) => h("button.chip", { "aria-pressed": () => String(state() === value), on: { click: () => router.query({ state: value }) } }, word);
  return h("div.images-part", null,
    h("div.bar", null,
      h("h2", null, "Images"),
      h("div.row", { role: "group", "aria-label": "State" }, chip("All", ""), chip("Running", "waiting,running"), chip("Done", "done"), chip("Failed", "failed,dead-lettered")),
      h("div.search.grow.filter", null, icon("search"), search),
      h("div.row.tight", { role: "group", "aria-label": "Shown as" },
        h("button.only-icon", { "aria-label": "Grid", title: "Grid", "aria-pressed": () => String(settings.asGrid()), on: { click: () => settings.asGrid.set(true) } }, icon("grid")),
        h("button.only-icon", { "aria-label": "Table", title: "Table", "aria-pressed": () => String(!settings.asGrid()), on: { click: () => settings.asGrid.set(false) } }, icon("list")))),
    list.element);
}

/** Reads blocks of images where somebody looks. */
class Blocks {
  /**
   * @param {number} job
   * @param {(image: any) => string} take
   */
  constructor(job, take) {
    this.job = job;
    this.take = take;
    /**
     * How many images each block had when it was read.
     * @type {Map<number, number>}
     */
    this.asked = new Map();
  }

  forget() {
    this.asked.clear();
  }

  /**
   * @param {number} first
   * @param {number} end
   * @param {number} total images of the job now
   */
  reach(first, end, total) {
    for (let block = Math.floor(first / blockCount); block * blockCount < end; block += 1) {
      const there = Math.min(blockCount, total - block * blockCount);
      if ((this.asked.get(block) ?? 0) >= there) continue;
      this.asked.set(block, there);
      get(`/jobs/${this.job}/images`, { query: { first: block * blockCount, limit: blockCount } }).then(
        (page) => page.items.forEach(this.take),
        () => this.asked.delete(block),
      );
    }
  }
}

/**
 * @param {import("../main.js").Context} context
 * @param {number} job
 * @param {number} number
 * @param {import("../core/signals.js").Signal<ReadonlySet<string>>} failed addresses of pictures that are not there
 */
function tile({ model }, job, number, failed) {
  const image = model.images.of(imageKey(job, number));
  const picture = h("img", { alt: "", loading: "lazy", decoding: "async", draggable: "false", on: { error: () => {
    failed.update((before) => new Set([...before, picture.getAttribute("src") ?? ""]));
  } } });
  effect(() => {
    const links = image()?.links ?? {};
    const hasPicture = links.result && !isDocument(image(), model.jobs.of(job).peek());
    // Of a large result the server makes no thumbnail, but pictures by IIIF.
    const next = [...(hasPicture ? [links.thumbnail, `/iiif/3/${job}.${number}.result/full/!320,320/0/default.jpg`] : []), links.source_thumbnail]
      .find((each) => each && !failed().has(each));
    if (!next) picture.removeAttribute("src");
    else if (picture.getAttribute("src") !== next) picture.setAttribute("src", next);
  });
  return h("div.tile", { role: "listitem" }, h("a", { href: `/jobs/${job}/${number}` },
    h("span.tile-picture", { classes: () => ({ busy: image()?.state === "running", undone: image()?.state !== "done" }) }, picture),
    h("span.tile-name.clip", { title: () => image()?.name ?? "" }, () => baseName(image()?.name ?? `Image ${number}`)),
    h("span.tile-state.small", null, () => image() ? [stateMark(image().state), progressOf(image())] : h("span.skeleton"))));
}

/**
 * @param {import("../main.js").Context} context
 * @param {number} job
 * @param {number} number
 */
function line({ model }, job, number) {
  const image = model.images.of(imageKey(job, number));
  return h("div.image-row", { role: "listitem" },
    h("span.number.quiet", null, String(number)),
    h("a.clip", { href: `/jobs/${job}/${number}` }, () => image()?.name ?? `Image ${number}`),
    h("span", null, () => image() ? stateMark(image().state) : ""),
    h("span.quiet.wide-only", null, () => image()?.width ? `${image().width} × ${image().height}` : ""),
    h("span.quiet.clip.wide-only", null, () => image()?.failure?.reason ?? (image()?.result_bytes ? bytes(image().result_bytes) : progressOf(image()) ?? "")));
}

/** @param {any} image */
function progressOf(image) {
  return image?.state === "running" && image.tasks_total > 1 ? ` ${count(image.tasks_done)} / ${count(image.tasks_total)}` : null;
}

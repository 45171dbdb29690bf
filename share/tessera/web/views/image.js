/** One image: original and result in the viewer, with what is known of it. */

import { get, post } from "../core/api.js";
import { h } from "../core/dom.js";
import { baseName, bytes, count, pixels } from "../core/format.js";
import { icon } from "../core/icons.js";
import { imageKey } from "../core/model.js";
import { derived, effect, onCleanup, signal } from "../core/signals.js";
import { hasEnded, isDocument } from "../core/states.js";
import { close, load, maximumPixels } from "../viewer/picture.js";
import { viewer } from "../viewer/viewer.js";
import { copyButton, empty, stateMark } from "./parts.js";
import { shareButton, sharedOfImage } from "./share.js";

/** @typedef {import("../viewer/picture.js").Picture} Picture */

/**
 * @param {import("../main.js").Context} context
 * @param {Record<string, number>} parameters
 */
export function view(context, { job: jobNumber, image: number }) {
  const { model, events, title, router, keyboard } = context;
  const job = model.jobs.of(jobNumber);
  const image = model.images.of(imageKey(jobNumber, number));
  const error = signal(/** @type {any} */ (null));
  events.want(`job:${jobNumber}`);
  effect(() => {
    model.gaps();
    get(`/jobs/${jobNumber}`).then((found) => model.jobs.put(jobNumber, found), () => {});
    get(`/jobs/${jobNumber}/images/${number}`).then((found) => { model.images.put(imageKey(jobNumber, number), found); error.set(null); }, error.set);
  });
  effect(() => title.set(`${baseName(image()?.name ?? `Image ${number}`)} · job ${jobNumber}`));
  const step = (/** @type {number} */ by) => {
    const next = number + by;
    if (next >= 0 && next < (job.peek()?.image_count ?? 0)) router.go(`/jobs/${jobNumber}/${next}`);
  };
  keyboard.bind({ ",": ["image before", () => step(-1)], ".": ["next image", () => step(1)] }, "Viewer");

  const rows = followRows(context, jobNumber, number, image, job);
  const pictures = followPictures(context, image, job, rows);
  const stage = viewer(context, {
    ...pictures,
    name: () => baseName(image()?.name ?? `Image ${number}`),
    status: () => status(image(), job(), pictures, rows()),
  });
  // What somebody wants to see first is what the pipeline did.
  let isFirst = true;
  effect(() => {
    if (!pictures.result() || !pictures.original() || !isFirst) return;
    isFirst = false;
    stage.setMode("curtain");
  });
  const mayShare = derived(() => Boolean(image()?.links?.result) && (context.may("operator") || (context.may("submitter") && job()?.submitter === context.session()?.name)));
  const isListed = derived(() => isDocument(image(), job()) && image()?.state === "done");
  const listing = signal(/** @type {Node | null} */ (null));
  effect(() => {
    if (!isListed() || listing.peek()) return;
    import("./document.js").then(({ documentView }) => listing.set(documentView(image.peek(), stage.element)), (trouble) => context.toast(trouble.message, { isBad: true }));
  });
  const has = { image: () => image() !== undefined };
  return h("section.image-view", null,
    h("header.bar.image-head", null,
      h("a.button.bare", { href: `/jobs/${jobNumber}`, "aria-label": `Back to job ${jobNumber}` }, icon("back"), h("span.wide-only", null, `Job ${jobNumber}`)),
      h("h1.clip", { title: () => image()?.name ?? "" }, () => baseName(image()?.name ?? `Image ${number}`)),
      () => image() ? stateMark(image().state) : null,
      h("div.row.tight.image-steps", null,
        h("button.bare.only-icon", { "aria-label": "Image before", title: "Image before (,)", disabled: () => number === 0, on: { click: () => step(-1) } }, icon("back")),
        h("span.quiet.small", null, () => `${count(number + 1)} of ${count(Math.max(number + 1, job()?.image_count ?? 0))}`),
        h("button.bare.only-icon.flipped", { "aria-label": "Next image", title: "Next image (.)", disabled: () => number + 1 >= (job()?.image_count ?? 0), on: { click: () => step(1) } }, icon("back"))),
      () => mayShare() ? shareButton(`Share image ${jobNumber}.${number}`, () => sharedOfImage(jobNumber, number, isListed())) : null,
      () => image()?.links?.result ? h("a.button.primary", { href: image().links.result, download: "" }, icon("download"), "Download") : null),
    () => error() && !has.image() ? empty("search", error().message, h("a.button", { href: `/jobs/${jobNumber}` }, `Job ${jobNumber}`))
      : h("div.image-body", null, () => isListed() ? listing() : stage.element, information(context, jobNumber, number, image, job, pictures.result)));
}

/**
 * What is finished of the result, while it is computed.
 * @param {import("../main.js").Context} context @param {number} jobNumber @param {number} number @param {() => any} image @param {() => any} job
 */
function followRows({ model, events }, jobNumber, number, image, job) {
  const rows = model.rows.of(imageKey(jobNumber, number));
  const isComputed = derived(() => job() !== undefined && ["waiting", "running"].includes(image()?.state) && !isDocument(image(), job()));
  effect(() => {
    if (!isComputed()) return;
    events.want(`rows:${jobNumber}.${number}`);
    // Ready when the first rows are.
    import("../viewer/tiles.js").catch(() => {});
  });
  effect(() => {
    if (!isComputed()) return;
    model.gaps();
    get(`/jobs/${jobNumber}/images/${number}/rows`).then((found) => model.rows.put(imageKey(jobNumber, number), found), () => {});
  });
  return rows;
}

/**
 * Loads original and result as soon as they are there, and the sizes between the steps.
 * @param {import("../main.js").Context} context @param {() => any} image @param {() => any} job @param {import("../core/signals.js").Signal<any>} rows
 */
function followPictures({}, image, job, rows) {
  const result = signal(/** @type {Picture | null} */ (null));
  const original = signal(/** @type {Picture | null} */ (null));
  const steps = signal(/** @type {any[]} */ ([]));
  const trouble = signal("");
  const abort = new AbortController();
  onCleanup(() => abort.abort());
  /**
   * @param {() => string | undefined} address
   * @param {() => Promise<Picture>} open
   * @param {import("../core/signals.js").Signal<Picture | null>} into
   */
  const follow = (address, open, into) => {
    let loaded = "";
    effect(() => {
      const next = address();
      if (!next || next === loaded) return;
      loaded = next;
      open().then(into.set, (error) => {
        if (!abort.signal.aborted) trouble.set(error.message);
      });
    });
  };
  // While it is computed, the result is what is finished of it; and it stays as it is when it is complete.
  let run = -1;
  effect(() => {
    const known = rows();
    if (!known?.width) return;
    if (run === known.run) {
      result.peek()?.tiles?.finished(known.rows);
      return;
    }
    // It begins, or starts over.
    if (result.peek()?.tiles) {
      close(result.peek());
      result.set(null);
    }
    if (known.rows.length === 0) return;
    run = known.run;
    openTiles(pictureAddress(known.job, known.image, "result"), known).then((picture) => {
      if (abort.signal.aborted || run !== known.run || result.peek()) {
        close(picture);
        return;
      }
      const newest = rows.peek();
      if (newest?.width && newest.run === run) picture.tiles?.finished(newest.rows);
      result.set(picture);
    }, (error) => trouble.set(error.message));
  });
  effect(() => {
    const shown = result()?.tiles;
    if (image()?.state === "done" && shown) shown.finished([[0, shown.height]]);
  });
  const isLarge = () => image().width * image().height > maximumPixels;
  /**
   * Large pictures, and those of a format that browsers do not know, are not loaded as one.
   * @param {"result" | "source"} part @param {boolean} isForeign @param {string} file @param {string} reduced
   */
  const open = async (part, isForeign, file, reduced) => {
    const { job: jobNumber, image: number, width, height } = image();
    if (isForeign || isLarge()) {
      const address = pictureAddress(jobNumber, number, part);
      const found = await get(`${address}/info.json`, { signal: abort.signal }).catch(() => null);
      if (found) return openTiles(address, { ...found, rows: [[0, found.height]] });
    }
    return load({ file: inline(file), reduced, width, height, signal: abort.signal });
  };
  follow(
    // What kind of result it is the job's pipeline says.
    () => (job() === undefined || isDocument(image(), job()) || result.peek()?.tiles ? undefined : image()?.links?.result),
    () => open("result", image().encoding?.startsWith("tiff"), image().links.result, image().links.thumbnail),
    result,
  );
  follow(
    // To compare a large one there must be a result; until then the machine computes.
    () => (image() === undefined || (isLarge() && !result() && !hasEnded(image().state)) ? undefined : image().links?.source),
    () => open("source", !/\.(png|jpe?g|webp)$/i.test(image().name), image().links.source, image().links.source_thumbnail)
      .catch((error) => {
        throw new Error(`The original is not shown: ${error.code === "over-limit" ? `it has ${pixels(image().width * image().height)}, and no parts that can be read by themselves; to compare, download both.` : error.message}`);
      }),
    original,
  );
  effect(() => {
    const picture = original();
    const pipeline = job()?.pipeline;
    if (!picture || !pipeline) return;
    post("/pipelines/check", { pipeline, shape: { width: picture.width, height: picture.height } }).then((checked) => steps.set(checked.steps), () => {});
  });
  onCleanup(() => {
    close(result.peek());
    close(original.peek());
  });
  return { result, original, steps, trouble };
}

/**
 * The address of pictures of a result or an original.
 * @param {number} job @param {number} image @param {"result" | "source"} part
 */
const pictureAddress = (job, image, part) => `/iiif/3/${job}.${image}.${part}`;

/** Its code is loaded when a picture needs tiles.
 * @param {string} address @param {{ width: number, height: number, rows: [number, number][] }} known
 */
const openTiles = async (address, known) => (await import("../viewer/tiles.js")).tiled(address, known);

/** @param {{ width: number, height: number } | null} size */
const sides = (size) => (size ? `${count(size.width)} × ${count(size.height)}` : "");

/** @param {string} address */
const inline = (address) => `${address}${address.includes("?") ? "&" : "?"}disposition=inline`;

/**
 * A sentence over the picture, while there is something to say.
 * @param {any} image
 * @param {any} job
 * @param {ReturnType<typeof followPictures>} pictures
 * @param {any} rows
 */
function status(image, job, { result, original, trouble }, rows) {
  if (!image) return null;
  if (image.state === "waiting") return h("div.note", null, icon("waiting"), "It waits for a free slot.");
  if (image.state === "running") return h("div.note", null, icon("running"), h("span.viewer-progress", null, image.tasks_total > 1 ? `${count(image.tasks_done)} of ${count(image.tasks_total)} parts are computed` : "It is being computed", h("progress", { max: Math.max(1, image.tasks_total), value: image.tasks_done, "aria-label": "Parts that are computed" }), rows?.objection ? h("span.small", null, `The picture is shown when all are: ${rows.objection}.`) : null));
  if (image.state === "cancelled") return h("div.note", null, icon("cancel"), "The job was cancelled before this image was made.");
  if (image.failure && hasEnded(image.state)) return h("div.note.bad", null, icon("failed"), h("span.wrap", null, image.failure.reason));
  if (trouble()) return h("div.note.bad", { role: "alert" }, icon("alert"), trouble());
  const shown = result() ?? original();
  const reduced = [result(), original()].find((each) => each?.bitmap && each.factor < 1)?.bitmap;
  const hitch = result()?.tiles?.trouble() || original()?.tiles?.trouble();
  if (hitch) return h("div.note.bad", { role: "alert" }, icon("alert"), hitch);
  if (!shown && image.state === "done" && !isDocument(image, job)) return h("div.note", null, icon("image"), "The picture is on its way.");
  if (reduced) return h("div.note", null, icon("image"), `Shown reduced to ${reduced.width} × ${reduced.height} pixels; the download is exact.`);
  return null;
}

/** @param {import("../main.js").Context} context @param {number} jobNumber @param {number} number @param {() => any} image @param {() => any} job @param {() => Picture | null} result */
function information(context, jobNumber, number, image, job, result) {
  const attempts = signal(/** @type {any[]} */ ([]));
  let isRead = false;
  effect(() => {
    if (isRead || image()?.state !== "dead-lettered") return;
    isRead = true;
    get(`/jobs/${jobNumber}/images/${number}/attempts`).then((page) => attempts.set(page.items), () => {});
  });
  const fact = (/** @type {string} */ word, /** @type {any} */ value) => value ? [h("dt", null, word), h("dd.wrap", null, value)] : null;
  return h("aside.image-facts", { "aria-label": "About this image", tabindex: "0" }, () => {
    const known = image();
    if (!known) return h("div.skeleton");
    return [
      h("dl.facts", null,
        fact("Name", known.name),
        fact("Pipeline", h("code.wrap", null, job()?.pipeline || "convert only")),
        fact("Original", known.width && sides(known)),
        fact("Result", known.result_bytes ? [sides(result()), bytes(known.result_bytes), known.encoding].filter(Boolean).join(", ") : ""),
        fact("Parts", known.tasks_total > 1 && `${count(known.tasks_done)} of ${count(known.tasks_total)}`),
        fact("Answered", known.from_cache && "by a kept result, without computing"),
        fact("SHA-256", known.digest && h("code.wrap", null, known.digest)),
        fact("Image", h("code", null, `${jobNumber}.${number}`))),
      known.source_kept || !hasEnded(known.state) ? null : h("p.quiet.small", null, "The original is not kept here: the image was sent by another program, or its time is over."),
      known.links?.source ? h("p", null, h("a", { href: known.links.source, download: "" }, "Download the original")) : null,
      known.digest ? h("p", null, copyButton(known.digest, "Copy the digest")) : null,
      (known.remarks ?? []).map((/** @type {any} */ remark) => h("div.note", null, icon("alert"), h("span.wrap", null, remark.message))),
      known.failure ? [h("h2.bad", null, known.failure.code), h("p.wrap", null, known.failure.reason), known.failure.output_tail && attempts().length === 0 ? h("pre.output", { tabindex: "0" }, known.failure.output_tail) : null] : null,
      attempts().map((attempt) => h("section.stack.tight", null, h("h3", null, `Attempt ${attempt.attempt} on ${attempt.worker}`), h("p.wrap", null, attempt.failure.reason), attempt.failure.output_tail ? h("pre.output", { tabindex: "0" }, attempt.failure.output_tail) : null)),
    ];
  });
}

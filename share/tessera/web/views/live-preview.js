/** What the pipeline makes of the chosen file, while it is being built: the whole picture, or a part at 100 %. */

import { send } from "../core/api.js";
import { h, listen } from "../core/dom.js";
import { bytes, count } from "../core/format.js";
import { icon } from "../core/icons.js";
import { derived, effect, onCleanup, signal, untracked } from "../core/signals.js";
import { Latest } from "../preview/latest.js";
import { badge, described, dragged, regionAround } from "../preview/region.js";

/** Larger files are sent for a preview only when somebody asks for it. */
const askedByteCount = 64 * 1024 * 1024;
/** Larger files are not decoded by the browser, nor previewed by the server. */
const shownByteCount = 512 * 1024 * 1024;
const tooLarge = "This image is too large for a preview: they are made of up to 200 megapixels. Start works all the same; to try the pipeline, choose a smaller image.";

/**
 * @typedef {{ file: File, path: string, pipeline: string, mode: "overview" | "region" }} Question
 * @typedef {ReturnType<typeof described> & { address: string, mode: string, region: number[] | null, pipeline: string }} Shown
 */

/**
 * @param {import("../main.js").Context} context
 * @param {() => number} selected
 * @param {import("../pipeline/editor.js").Editor} editor
 */
export function livePreview({ chosen, settings, sentFiles, keyboard }, selected, editor) {
  const shown = signal(/** @type {Shown | null} */ (null));
  const trouble = signal("");
  const isAsking = signal(false);
  const mode = signal(/** @type {"overview" | "region"} */ ("overview"));
  const asOriginal = signal(false);
  const center = signal({ x: 0.5, y: 0.5 });
  /** A large file that may be sent. @type {import("../core/signals.js").Signal<File | null>} */
  const allowed = signal(/** @type {File | null} */ (null));
  /** Sizes of results by pipeline: a region needs one. @type {Map<string, { width: number, height: number }>} */
  const sizes = new Map();
  const one = derived(() => chosen()[selected()] ?? null);
  const isLarge = () => (one()?.file.size ?? 0) > askedByteCount && allowed() !== one()?.file;
  const picture = /** @type {HTMLImageElement} */ (h("img.preview-image", { alt: "", draggable: "false" }));
  const stage = h("div.preview-picture", { classes: () => ({ panned: mode() === "region", stale: isAsking() || trouble() !== "" }) });

  const view = () => ({ width: stage.clientWidth || 600, height: stage.clientHeight || 400 });
  const latest = new Latest({
    request: async (/** @type {Question} */ question, signal) => {
      const upload = await sentFiles.upload(question.file, question.path);
      const size = sizes.get(question.pipeline);
      const region = question.mode === "region" && size ? regionAround(size, view(), center.peek()) : null;
      const place = region ? { mode: "region", region } : { mode: "overview", size: overviewSide(view()) };
      const response = await send("/previews", { method: "POST", body: { upload, pipeline: question.pipeline, ...place }, headers: { Accept: "image/png" }, signal });
      const picture = await response.blob();
      return { ...described(response.headers), address: URL.createObjectURL(picture), mode: place.mode, region, pipeline: question.pipeline };
    },
    answered: (answer, question) => {
      sizes.set(question.pipeline, { width: answer.width, height: answer.height });
      trouble.set("");
      isAsking.set(false);
      put(answer);
      // The size is known now, and the region can be asked for.
      if (question.mode === "region" && answer.mode === "overview") ask(0);
    },
    refused: (error, question) => {
      const isOutside = sizes.has(question.pipeline) && error.problem?.errors?.[0]?.pointer === "/region";
      sizes.delete(question.pipeline);
      if (isOutside) return ask(0);
      isAsking.set(false);
      trouble.set(error.code === "over-limit" ? tooLarge : error.message);
    },
  });

  /** @param {Shown | null} next */
  const put = (next) => {
    const before = shown.peek();
    if (before) URL.revokeObjectURL(before.address);
    if (next) picture.src = next.address;
    shown.set(next);
    place();
  };
  /** Moves the picture by as much as the region has moved since it was made. */
  const place = () => {
    const now = shown.peek();
    const size = now ? sizes.get(now.pipeline) : undefined;
    if (!now?.region || !size || mode.peek() !== "region") {
      picture.style.translate = "";
      return;
    }
    const [x, y] = regionAround(size, view(), center.peek());
    picture.style.translate = `${now.region[0] - x}px ${now.region[1] - y}px`;
  };
  const pipeline = derived(() => (asOriginal() ? "" : editor.text().trim()));
  /** @param {number} [pause] */
  const ask = (pause) => {
    const file = one.peek();
    if (!file) return;
    isAsking.set(true);
    latest.ask({ file: file.file, path: file.path, pipeline: pipeline.peek(), mode: mode.peek() }, pause);
  };

  // Another file: what is shown is of no use, and where one looked neither.
  effect(() => {
    one();
    untracked(() => {
      sizes.clear();
      trouble.set("");
      center.set({ x: 0.5, y: 0.5 });
      put(null);
    });
  });
  effect(() => {
    const file = one();
    pipeline();
    mode();
    const isWrong = editor.trouble() !== null && !asOriginal();
    if (!file || !settings.livePreview() || isLarge() || file.file.size > shownByteCount || isWrong) {
      latest.stop();
      isAsking.set(false);
      return;
    }
    untracked(() => ask());
  });
  effect(() => {
    center();
    untracked(() => {
      place();
      if (mode.peek() === "region" && shown.peek()) ask();
    });
  });
  onCleanup(() => {
    latest.stop();
    put(null);
  });

  const move = (/** @type {number} */ dx, /** @type {number} */ dy) => {
    const size = sizes.get(pipeline.peek());
    if (size && mode.peek() === "region") center.update((before) => dragged(before, dx, dy, size, view()));
  };
  /** @param {PointerEvent} event */
  const zoomTo = (event) => {
    const box = picture.getBoundingClientRect();
    center.set({ x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
    mode.set("region");
  };
  const select = (/** @type {number} */ by) => {
    const next = selected() + by;
    if (next >= 0 && next < chosen.peek().length) /** @type {any} */ (selected).set(next);
  };
  keyboard.bind({
    ",": ["the file before", () => select(-1)],
    ".": ["the next file", () => select(1)],
    0: ["see the whole picture", () => mode.set("overview")],
    1: ["see it at 100 %", () => mode.set("region")],
    o: ["original or preview", () => asOriginal.update((is) => !is)],
  }, "Preview");
  gestures(stage, picture, mode, move, zoomTo);

  stage.append(...contents());
  function contents() {
    return [
      h("div.preview-layer", null, () => (shown() ? picture : ownPicture(one(), chosen().length === 0))),
      h("div.preview-badge", { "aria-live": "polite", hidden: () => !shown() || trouble() !== "" || (!isAsking() && shown()?.pipeline !== pipeline()) }, () => {
        const now = shown();
        if (!now) return null;
        const { word, says } = asOriginal() ? { word: "Original", says: badge(now).says } : badge(now);
        return h("span.mark", { title: says, classes: { exact: now.isExact } }, icon(now.isExact ? "done" : "alert"), word);
      }),
      h("div.preview-trouble", { role: "status", hidden: () => trouble() === "" }, icon("alert"), h("span.wrap", null, trouble)),
    ];
  }

  const chip = (/** @type {"overview" | "region"} */ which, /** @type {string} */ word, /** @type {string} */ key) =>
    h("button.chip", { "aria-pressed": () => String(mode() === which), title: `${word} (${key})`, on: { click: () => mode.set(which) } }, word);
  return h("figure.preview", null,
    h("div.bar", null, h("h2", null, "Preview"),
      h("div.row.tight", { role: "group", "aria-label": "Size of the preview" }, chip("overview", "Whole", "0"), chip("region", "100 %", "1")),
      h("div.row.tight.bar-end", null,
        h("button.bare", { "aria-pressed": () => String(asOriginal()), title: "Original or preview (o)", on: { click: () => asOriginal.update((is) => !is) } }, "Original"),
        h("label.row.tight", null, h("input", { type: "checkbox", checked: settings.livePreview, on: { change: (/** @type {any} */ event) => settings.livePreview.set(event.target.checked) } }), "Live"))),
    stage,
    h("figcaption.small.quiet.wrap", null, () => caption(one(), chosen().length, selected(), shown()),
      () => (one() && isLarge() && settings.livePreview() ? h("button", { on: { click: () => allowed.set(one()?.file ?? null) } }, icon("upload"), `Send ${bytes(one()?.file.size ?? 0)} for a preview`) : null)));
}

/**
 * @param {import("../upload/uploads.js").Chosen | null} one
 * @param {number} fileCount
 * @param {number} place
 * @param {Shown | null} shown
 */
function caption(one, fileCount, place, shown) {
  if (!one) return "What the pipeline makes of a file is shown here while you build it.";
  const which = fileCount > 1 ? ` (${count(place + 1)} of ${count(fileCount)})` : "";
  const size = shown ? `, ${shown.pipeline ? "result " : ""}${shown.width} × ${shown.height}` : "";
  return `${one.path}${which}, ${bytes(one.file.size)}${size}. ${shown ? badge(shown).says : ""}`;
}

/**
 * The file as the browser decodes it, until there is a preview.
 * @param {import("../upload/uploads.js").Chosen | null} one
 * @param {boolean} isEmpty
 */
function ownPicture(one, isEmpty) {
  const failed = signal(false);
  const nothing = (/** @type {string} */ words) => h("div.preview-empty", null, icon("image"), h("span", null, words));
  if (!one) return nothing(isEmpty ? "A look at the chosen file" : "Choose one of the files");
  if (one.file.size > shownByteCount) return nothing("The file is too large for a preview. Start works all the same.");
  if (/\.tiff?$/i.test(one.path)) return nothing("This browser cannot show the file by itself.");
  const address = URL.createObjectURL(one.file);
  onCleanup(() => URL.revokeObjectURL(address));
  const own = h("img", { alt: one.path, src: address, on: { error: () => failed.set(true) } });
  return h("div.preview-own", null, () => (failed() ? nothing("This browser cannot show the file by itself.") : own));
}

/** @param {{ width: number, height: number }} view */
const overviewSide = ({ width, height }) => Math.min(1024, Math.max(256, Math.ceil((Math.max(width, height) * Math.min(2, devicePixelRatio || 1)) / 64) * 64));

/**
 * Drags and arrow keys move the region, a click on the whole picture looks at that place at 100 %.
 * @param {HTMLElement} stage
 * @param {HTMLImageElement} picture
 * @param {import("../core/signals.js").Signal<"overview" | "region">} mode
 * @param {(dx: number, dy: number) => void} move
 * @param {(event: PointerEvent) => void} zoomTo
 */
function gestures(stage, picture, mode, move, zoomTo) {
  /** @type {{ x: number, y: number } | null} */
  let from = null;
  stage.tabIndex = 0;
  stage.setAttribute("role", "group");
  stage.setAttribute("aria-label", "Picture of the preview; arrow keys move it at 100 %");
  picture.addEventListener("pointerdown", (event) => {
    if (mode.peek() === "overview") return;
    from = { x: event.clientX, y: event.clientY };
    picture.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  picture.addEventListener("pointermove", (event) => {
    if (!from) return;
    move(event.clientX - from.x, event.clientY - from.y);
    from = { x: event.clientX, y: event.clientY };
  });
  for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, () => { from = null; });
  picture.addEventListener("click", (event) => {
    if (mode.peek() === "overview") zoomTo(/** @type {PointerEvent} */ (event));
  });
  listen(stage, "keydown", (event) => {
    const step = event.shiftKey ? 200 : 40;
    const [dx, dy] = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[/** @type {string} */ (event.key)] ?? [0, 0];
    if ((dx === 0 && dy === 0) || mode.peek() === "overview") return;
    event.preventDefault();
    move(dx, dy);
  });
}

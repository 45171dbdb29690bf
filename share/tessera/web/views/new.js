/** A new job: files, pipeline, a look at a file, and Start, which needs no upload to be over. */

import { APIError, get, getAll, send } from "../core/api.js";
import { h } from "../core/dom.js";
import { bytes, count, counted } from "../core/format.js";
import { icon } from "../core/icons.js";
import { derived, effect, signal, untracked } from "../core/signals.js";
import { operations } from "../pipeline/catalogue.js";
import { cards } from "../pipeline/cards.js";
import { Editor } from "../pipeline/editor.js";
import { gallery } from "../pipeline/gallery.js";
import { dialog } from "./dialog.js";
import { fileList } from "./files.js";
import { livePreview } from "./live-preview.js";
import { deed, errorNote } from "./parts.js";

/** @param {import("../main.js").Context} context */
export function view(context) {
  const { router, title, settings, uploads, chosen, keyboard, sentFiles } = context;
  title.set("New job");
  const catalogue = signal(/** @type {any[]} */ ([]));
  const presets = signal(/** @type {any[]} */ ([]));
  const error = signal(/** @type {any} */ (null));
  const asText = signal(false);
  const encoding = signal("");
  const priority = signal(0);
  const prepared = signal(/** @type {number | null} */ (null));
  const selected = signal(0);
  const editor = new Editor(router.address.peek().searchParams.get("pipeline") ?? "", catalogue);
  const from = Number(router.address.peek().searchParams.get("from") ?? 0);
  /**
   * Originals of an earlier job, which are not uploaded again.
   * @type {import("../core/signals.js").Signal<any[]>}
   */
  const sources = signal(/** @type {any[]} */ ([]));
  operations().then(catalogue.set, error.set);
  get("/presets").then((page) => presets.set(page.items), () => {});
  if (from > 0) keptSources(from).then(sources.set, error.set);
  // The pipeline is in the address: to share, to come back to.
  effect(() => {
    const text = editor.text();
    untracked(() => router.query({ pipeline: text }));
  });
  const choose = () => gallery(catalogue, (name) => editor.insert(name));
  keyboard.bind(
    {
      a: ["add an operation", choose],
      "Control+z": ["undo", () => editor.undo()],
      "Control+Z": ["redo", () => editor.redo()],
      "Control+y": ["redo", () => editor.redo()],
      "Control+Enter": ["start", () => /** @type {HTMLElement | null} */ (document.querySelector("#start"))?.click()],
    },
    "New job",
  );

  const total = derived(() => chosen().reduce((sum, each) => sum + each.file.size, 0));
  const images = () => chosen().length + sources().length;
  const obstacle = () => {
    const trouble = editor.trouble();
    if (trouble) return `Step ${trouble.step + 1} is not right yet: ${trouble.message}`;
    if (images() === 0) return "Choose images first.";
    if (prepared() !== null) return `Preparing ${count(prepared() ?? 0)} of ${count(chosen().length)}`;
    return "";
  };
  const start = async () => {
    const pipeline = editor.text.peek().trim();
    const options = encoding.peek() ? { encoding: encoding.peek() } : {};
    prepared.set(0);
    try {
      const job = sources.peek().length > 0
        ? await again(pipeline, sources.peek(), options, priority.peek())
        : await uploads.submit({ pipeline, files: chosen.peek(), sent: sentFiles, priority: priority.peek(), options, told: prepared.set });
      sentFiles.forget();
      settings.used(pipeline);
      chosen.set([]);
      router.go(`/jobs/${job}`);
    } catch (trouble) {
      if (trouble instanceof APIError && trouble.code === "invalid-pipeline") editor.refusal.set({ step: 0, message: trouble.message });
      throw trouble;
    } finally {
      prepared.set(null);
    }
  };

  return h("section.view.new-view", null,
    h("h1.hidden-text", null, "New job"),
    () => errorNote(error()),
    h("div.new-columns", null,
      h("section.new-files", { "aria-label": "Files" }, sourceNote(sources), fileList(context, selected)),
      h("section.new-pipeline", { "aria-label": "Pipeline" },
        h("div.bar", null,
          h("h2", null, "Pipeline"),
          h("div.row.tight", { role: "group", "aria-label": "Shown as" },
            h("button.chip", { "aria-pressed": () => String(!asText()), on: { click: () => asText.set(false) } }, "Cards"),
            h("button.chip", { "aria-pressed": () => String(asText()), on: { click: () => asText.set(true) } }, "Text")),
          h("div.row.tight.bar-end", null,
            h("button.bare.only-icon", { "aria-label": "Undo", title: "Undo (Ctrl+Z)", disabled: () => editor.history().past.length === 0, on: { click: () => editor.undo() } }, icon("undo")),
            h("button.bare.only-icon", { "aria-label": "Redo", title: "Redo (Ctrl+Shift+Z)", disabled: () => editor.history().future.length === 0, on: { click: () => editor.redo() } }, icon("redo")),
            h("button.bare", { on: { click: () => presetsDialog(context, editor, presets) } }, "Presets"))),
        h("div.new-pipeline-body", null, () => asText() ? textField(editor) : cards(editor, choose))),
      h("section.new-preview", { "aria-label": "Preview" }, livePreview(context, selected, editor))),
    h("div.start-bar", null,
      h("div.stack.tight.grow", null,
        h("span", null, () => images() === 0 ? "No images yet" : `${counted(images(), "image")}${total() ? `, ${bytes(total())}` : ""}`),
        h("span.small", { classes: () => ({ bad: editor.trouble() !== null, quiet: editor.trouble() === null }), "aria-live": "polite" }, () => obstacle() || "Work begins with the first file that is here.")),
      outputOptions(encoding, priority),
      h("button.primary.start", { id: "start", disabled: () => obstacle() !== "", title: "Start (Ctrl+Enter)", on: { click: deed(context, start) } }, icon("running"), "Start")));
}

/**
 * @param {number} job
 * @returns {Promise<any[]>}
 */
const keptSources = async (job) => (await getAll(`/jobs/${job}/images?limit=500`)).filter((image) => image.source_kept);

/**
 * @param {string} pipeline
 * @param {readonly any[]} images
 * @param {any} options
 * @param {number} priority
 */
async function again(pipeline, images, options, priority) {
  const response = await send("/jobs", {
    method: "POST",
    headers: { "Idempotency-Key": crypto.randomUUID() },
    body: { pipeline, options, priority, images: images.map((image) => ({ name: image.name, source: `${image.job}.${image.image}` })) },
  });
  return (await response.json()).job;
}

/** @param {import("../core/signals.js").Signal<any[]>} sources */
function sourceNote(sources) {
  return () => sources().length === 0 ? null : h("div.note.source-note", null, icon("redo"),
    h("span.grow", null, `${counted(sources().length, "original")} of job ${sources()[0].job}, kept at the server: nothing is uploaded again.`),
    h("button.bare.only-icon", { "aria-label": "Do without them", on: { click: () => sources.set([]) } }, icon("close")));
}

/** @param {Editor} editor */
function textField(editor) {
  const field = h("textarea.code", {
    "aria-label": "Pipeline as text", rows: "6", spellcheck: "false", autocapitalize: "off", value: editor.text, placeholder: "gaussian-blur sigma=3 | sobel",
    "aria-invalid": () => (editor.trouble() ? "true" : null),
    on: { input: () => editor.write(field.value, "text") },
  });
  return h("div.stack", null, field,
    () => editor.trouble() ? h("p.bad.small.wrap", { role: "alert" }, `Step ${(editor.trouble()?.step ?? 0) + 1}: ${editor.trouble()?.message}`) : null,
    h("p.quiet.small", null, "Operations are joined by ", h("code", null, "|"), ", parameters are ", h("code", null, "name=value"), ". The command line takes the same text."));
}

/**
 * @param {import("../core/signals.js").Signal<string>} encoding
 * @param {import("../core/signals.js").Signal<number>} priority
 */
function outputOptions(encoding, priority) {
  const formats = [["", "Each file's own format"], ["png", "PNG"], ["jpeg quality=90", "JPEG, quality 90"], ["jpeg quality=75", "JPEG, quality 75"], ["webp quality=80", "WebP, quality 80"], ["webp lossless", "WebP, lossless"], ["tiff", "TIFF"]];
  return [
    h("label.row.tight", null, h("span.quiet.small.wide-only", null, "Results"), h("select", { "aria-label": "Format of the results", on: { change: (/** @type {any} */ event) => encoding.set(event.target.value) } }, formats.map(([value, word]) => h("option", { value, selected: value === encoding.peek() }, word)))),
    h("label.row.tight.wide-only", null, h("span.quiet.small", null, "Priority"), h("select", { "aria-label": "Priority", on: { change: (/** @type {any} */ event) => priority.set(Number(event.target.value)) } }, [["10", "High"], ["0", "Normal"], ["-10", "Low"]].map(([value, word]) => h("option", { value, selected: value === "0" }, word)))),
  ];
}

/**
 * @param {import("../main.js").Context} context
 * @param {Editor} editor
 * @param {import("../core/signals.js").Signal<any[]>} presets
 */
function presetsDialog(context, editor, presets) {
  dialog("Presets", (close) => {
    const take = (/** @type {string} */ pipeline) => {
      editor.write(pipeline);
      close();
    };
    const name = h("input", { "aria-label": "Name of a new preset", placeholder: "name, such as descreen", pattern: "[a-z0-9][a-z0-9-]*", required: true });
    const save = async (/** @type {Event} */ event) => {
      event.preventDefault();
      try {
        await send(`/presets/${encodeURIComponent(name.value)}`, { method: "PUT", headers: { "If-None-Match": "*" }, body: { pipeline: editor.text.peek() } });
        presets.set((await get("/presets")).items);
        name.value = "";
      } catch (trouble) {
        const isTaken = trouble instanceof APIError && trouble.status === 412;
        context.toast(isTaken ? `There is a preset ${name.value} already; choose another name` : trouble.message, { isBad: true });
      }
    };
    const line = (/** @type {string} */ word, /** @type {string} */ pipeline) => h("li", null, h("button.bare.preset", { on: { click: () => take(pipeline) } }, h("b", null, word), h("code.clip", null, pipeline)));
    return [
      () => presets().length === 0 ? h("p.quiet", null, "No presets yet.") : h("ul.stack.tight", null, presets().map((each) => line(each.preset, each.pipeline))),
      context.settings.recent().length > 0 ? [h("h3", null, "Used lately, here"), h("ul.stack.tight", null, context.settings.recent().filter(Boolean).map((each) => line("", each)))] : null,
      editor.text.peek() ? h("form.row", { on: { submit: save } }, name, h("button.primary", { type: "submit" }, "Save this pipeline")) : null,
    ];
  });
}

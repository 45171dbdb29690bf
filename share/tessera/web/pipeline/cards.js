/** The pipeline as cards: one for each step, with a form made from its schema; moved by dragging, by buttons, or by Alt and arrows. */

import { each, h } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { fieldView } from "./fields.js";
import { fieldsOf } from "./schema.js";

/**
 * @param {import("./editor.js").Editor} editor
 * @param {() => void} choose opens the choice of operations
 */
export function cards(editor, choose) {
  // A card is kept while its operation stays at its place, so that the field in use keeps its focus.
  const keyed = () => editor.steps().map((step, index) => ({ index, name: step.name, key: `${index} ${step.name} ${editor.operation(step.name) ? 1 : 0}` }));
  const list = h("ol.cards", { "aria-label": "Steps of the pipeline" }, each(keyed, (item) => item.key, (item) => card(editor, item.index, item.name)));
  return h("div.stack", null, list,
    h("div.row", null,
      h("button", { classes: () => ({ primary: editor.steps().length === 0 }), on: { click: choose } }, icon("add"), "Add an operation"),
      () => editor.steps().length === 0 ? h("span.quiet.small", null, "Without any, files are converted only.") : null));
}

/**
 * @param {import("./editor.js").Editor} editor
 * @param {number} index
 * @param {string} name
 */
function card(editor, index, name) {
  const operation = editor.operation(name);
  const focusCard = (/** @type {number} */ at) => queueMicrotask(() => setTimeout(() => /** @type {HTMLElement | null} */ (document.querySelector(`.card[data-step="${at}"] .card-grip`))?.focus()));
  const shift = (/** @type {number} */ by) => {
    editor.move(index, index + by);
    focusCard(Math.max(0, Math.min(editor.steps.peek().length - 1, index + by)));
  };
  const grip = h("button.bare.only-icon.card-grip", {
    "aria-label": `Move ${name}: Alt and an arrow key, or drag`, title: "Drag, or Alt + ↑ ↓",
    on: { keydown: (/** @type {KeyboardEvent} */ event) => {
      if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
      event.preventDefault();
      shift(event.key === "ArrowUp" ? -1 : 1);
    } },
  }, icon("drag"));
  const trouble = () => (editor.trouble()?.step === index ? editor.trouble() : null);
  const fields = operation ? fieldsOf(operation) : [];
  const isMain = (/** @type {any} */ field, /** @type {number} */ place) => place < 3 || field.isRequired;
  const values = () => editor.steps()[index]?.values ?? {};
  const view = (/** @type {any} */ field) => fieldView(field, `step-${index}-${field.name}`, () => values()[field.name] ?? field.initial, (value) => editor.give(index, field, value));
  const rest = fields.filter((field, place) => !isMain(field, place));
  const element = h("li.card", { "data-step": String(index), classes: () => ({ wrong: trouble() !== null }) },
    h("div.card-head", null, grip,
      h("h3.grow", { title: operation?.description ?? "" }, name || "(empty)"),
      h("button.bare.only-icon", { "aria-label": `Move ${name} up`, disabled: index === 0, on: { click: () => shift(-1) } }, icon("arrowUp")),
      h("button.bare.only-icon", { "aria-label": `Move ${name} down`, disabled: () => index >= editor.steps().length - 1, on: { click: () => shift(1) } }, icon("arrowDown")),
      h("button.bare.only-icon", { "aria-label": `Remove ${name}`, on: { click: () => editor.remove(index) } }, icon("close"))),
    operation ? h("p.quiet.small.card-says", null, operation.description) : null,
    h("div.fields", null, fields.filter(isMain).map(view)),
    rest.length > 0 ? h("details.more-fields", { open: rest.some((field) => field.name in values()) }, h("summary.small", null, `${rest.length} more`), h("div.fields", null, rest.map(view))) : null,
    () => trouble() ? h("p.card-trouble.bad.small", { role: "alert" }, icon("alert"), h("span.wrap", null, trouble()?.message)) : null);
  drags(element, grip, index, editor);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {HTMLElement} grip
 * @param {number} index
 * @param {import("./editor.js").Editor} editor
 */
function drags(element, grip, index, editor) {
  grip.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    grip.focus();
    grip.setPointerCapture(event.pointerId);
    element.classList.add("dragged");
  });
  grip.addEventListener("pointermove", (event) => {
    if (!grip.hasPointerCapture(event.pointerId)) return;
    element.style.transform = `translateY(${event.clientY - centre(element)}px)`;
  });
  const end = (/** @type {PointerEvent} */ event) => {
    if (!element.classList.contains("dragged")) return;
    element.classList.remove("dragged");
    element.style.transform = "";
    const others = [.../** @type {HTMLElement} */ (element.parentElement).children].filter((other) => other !== element);
    editor.move(index, others.filter((other) => centre(other) < event.clientY).length);
  };
  grip.addEventListener("pointerup", end);
  grip.addEventListener("pointercancel", end);
}

/**
 * The middle of an element's place, whatever drags it away from there.
 * @param {Element} element
 */
function centre(element) {
  const box = element.getBoundingClientRect();
  const moved = new DOMMatrix(getComputedStyle(element).transform).f;
  return box.top - moved + box.height / 2;
}


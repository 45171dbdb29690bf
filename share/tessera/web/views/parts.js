/** Small parts that several views share. */

import { h, listen } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { signal } from "../core/signals.js";
import { hasEnded, look, share } from "../core/states.js";
import { percent } from "../core/format.js";

/**
 * A state as icon and word.
 * @param {string} state
 * @param {string} [instead] another word
 */
export function stateMark(state, instead) {
  const { word, icon: sign, tone } = look(state);
  return h("span.state", { class: tone }, icon(sign), instead ?? word);
}

/**
 * The progress of a job; its word is for screen readers.
 * @param {() => any} job
 */
export function jobBar(job) {
  return h("progress", {
    max: 1,
    value: () => share(job()),
    "aria-label": () => `Job ${job().job}: ${percent(share(job()))} done`,
    classes: () => ({ ended: hasEnded(job().state), bad: job().state === "failed" }),
  });
}

/**
 * A pipeline as code, or a word for the empty one.
 * @param {string} pipeline
 */
export const pipelineText = (pipeline) => (pipeline === "" ? h("span.quiet", null, "convert only") : h("code.clip", { title: pipeline }, pipeline));

/**
 * A table. On a phone each row is a card, in which a value has its heading beside it.
 * @param {string} label
 * @param {string[]} heads the column of buttons has none
 * @param {readonly any[][]} rows
 */
export const table = (label, heads, rows) => h("div.scroll-x", { tabindex: "0", role: "region", "aria-label": label }, h("table.plain.carded", { role: "table" },
  h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map((head) => h("th", { scope: "col", role: "columnheader" }, head || h("span.hidden-text", null, "Act"))))),
  h("tbody", { role: "rowgroup" }, rows.map((cells) => h("tr", { role: "row" }, cells.map((cell, place) => h("td", { role: "cell", "data-head": heads[place] }, h("div", null, cell))))))));

/**
 * The choice between one's own and those of everybody, for those who may.
 * @param {import("../main.js").Context} context
 * @param {import("../core/signals.js").Signal<boolean>} isAll
 * @param {() => void} read
 * @param {...import("../core/dom.js").Child} more
 */
export const everybody = (context, isAll, read, ...more) => context.may("operator") ? h("div.row", null,
  h("label.check", null, h("input", { type: "checkbox", checked: isAll, on: { change: (/** @type {any} */ event) => { isAll.set(event.target.checked); read(); } } }), "Those of everybody"), ...more) : null;

/** Whether the page is at an address of this machine, which others cannot open. */
export const isLocal = /^(127\.|localhost$|\[::1\])/.test(location.hostname);

/**
 * @param {string} sign
 * @param {string} sentence
 * @param {...import("../core/dom.js").Child} more
 */
export const empty = (sign, sentence, ...more) => h("div.empty", null, icon(sign), h("p", null, sentence), ...more);

/** @param {Error | null} error */
export const errorNote = (error) => (error ? h("div.note.bad", { role: "alert" }, icon("alert"), h("span.wrap", null, error.message)) : null);

/**
 * Copies a text, and says so on the button.
 * @param {string} text
 * @param {string} [word]
 */
export function copyButton(text, word = "Copy") {
  const label = h("span", null, word);
  return h("button", { on: { click: async () => {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
    setTimeout(() => { label.textContent = word; }, 1500);
  } } }, icon("copy"), label);
}

/**
 * Runs a deed of a button; while it runs the button is off, and an error is told.
 * @param {import("../main.js").Context} context
 * @param {() => Promise<void>} deed
 */
export const deed = (context, deed) => async (/** @type {Event} */ event) => {
  const button = /** @type {HTMLButtonElement} */ (event.currentTarget);
  button.disabled = true;
  try {
    await deed();
  } catch (error) {
    context.toast(error.message, { isBad: true });
  } finally {
    button.disabled = false;
  }
};

/** Where a phone's layout begins; kept with the stylesheets. */
const narrow = matchMedia("(max-width: 760px)");

/** Whether there is the layout of a phone. */
export function narrowNow() {
  const is = signal(narrow.matches);
  listen(narrow, "change", () => is.set(narrow.matches));
  return is;
}

/** Dialogs: modal, closed by Escape, with the focus returned to where it was. */

import { h } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { root } from "../core/signals.js";

/**
 * @param {string} heading
 * @param {(close: () => void) => import("../core/dom.js").Child[]} content
 * @param {{ isWide?: boolean, hasHead?: boolean }} options
 */
export function dialog(heading, content, { isWide = false, hasHead = true } = {}) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const made = root(() => {
    const close = () => element.close();
    const element = h("dialog", { "aria-label": heading, classes: { wide: isWide } },
      hasHead ? h("div.row.spread", null, h("h2", null, heading), h("button.bare.only-icon", { "aria-label": "Close", on: { click: close } }, icon("close"))) : null,
      ...content(close));
    return element;
  });
  const element = made.value;
  element.addEventListener("close", () => {
    made.dispose();
    element.remove();
    before?.focus();
  });
  element.addEventListener("click", (/** @type {Event} */ event) => {
    if (event.target === element) element.close();
  });
  document.body.append(element);
  element.showModal();
  return element;
}

/**
 * Asks before something that cannot be undone; the question names it.
 * @param {{ heading: string, question: string, act: string, isBad?: boolean }} request
 * @returns {Promise<boolean>}
 */
export function confirm({ heading, question, act, isBad = true }) {
  return new Promise((resolve) => {
    let answer = false;
    const element = dialog(heading, (close) => [
      h("p.wrap", { class: "confirm-text" }, question),
      h("div.row.confirm-row", null,
        h("button", { autofocus: true, on: { click: close } }, "Keep as it is"),
        h("button.primary", { classes: { danger: isBad }, on: { click: () => { answer = true; close(); } } }, act)),
    ]);
    element.addEventListener("close", () => resolve(answer));
  });
}

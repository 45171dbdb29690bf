/** The choice of an operation: all of them by family, found by any word that people use for them. */

import { h } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { signal } from "../core/signals.js";
import { dialog } from "../views/dialog.js";
import { families } from "./catalogue.js";
import { search } from "./schema.js";

/**
 * @param {() => readonly any[]} catalogue
 * @param {(name: string) => void} take
 */
export function gallery(catalogue, take) {
  const words = signal("");
  dialog("Add an operation", (close) => {
    const input = h("input", {
      type: "search", "aria-label": "Find an operation", placeholder: "blur, edges, noise, rotate, …", autofocus: true,
      on: {
        input: () => words.set(input.value),
        keydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          const first = search(catalogue(), words.peek())[0];
          if (first) pick(first);
        },
      },
    });
    const pick = (/** @type {any} */ operation) => {
      close();
      take(operation.title);
    };
    const card = (/** @type {any} */ operation) => h("button.gallery-card", { on: { click: () => pick(operation) } },
      h("b", null, operation.title), h("span.quiet.small", null, operation.description));
    const found = () => {
      const list = search(catalogue(), words());
      if (list.length === 0) return h("p.quiet", null, `No operation is described by “${words()}”.`);
      if (words().trim() !== "") return h("div.gallery.found", { title: "Enter takes the first" }, list.map(card));
      return families.map((family) => h("section", null, h("h3.gallery-family", null, family), h("div.gallery", null, list.filter((each) => each.family === family).map(card))));
    };
    return [h("div.search.gallery-search", null, icon("search"), input), h("div.gallery-list", null, found)];
  }, { isWide: true });
}

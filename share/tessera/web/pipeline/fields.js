/** One parameter of an operation as a field of a form. */

import { h } from "../core/dom.js";
import { objection, sliderRange } from "./schema.js";

/**
 * @param {import("./schema.js").Field} field @param {string} id
 * @param {() => string} value @param {(value: string) => void} give
 */
export function fieldView(field, id, value, give) {
  const label = h("label", { for: id }, field.name.replaceAll("-", " "), field.unit ? h("span.quiet.small", null, ` ${field.unit}`) : null);
  const description = h("span.hidden-text", { id: `${id}-help` }, [field.summary, field.hint].filter(Boolean).join("; "));
  return h("div.field", { title: [field.summary, field.hint].filter(Boolean).join("; ") }, label, control(field, id, value, give), description);
}

/**
 * @param {import("./schema.js").Field} field
 * @param {string} id
 * @param {() => string} value
 * @param {(value: string) => void} give
 */
function control(field, id, value, give) {
  if (field.kind === "choice") {
    const choices = [...(field.mayBeAuto ? ["auto"] : []), ...(field.choices ?? [])];
    return h("select", { id, "aria-describedby": `${id}-help`, value, on: { change: (/** @type {any} */ event) => give(event.target.value) } },
      choices.map((choice) => h("option", { value: choice, selected: () => value() === choice }, choice)));
  }
  const input = h("input", {
    id, type: "text", value, spellcheck: "false", autocomplete: "off", "aria-describedby": `${id}-help`,
    inputmode: field.kind === "text" || field.kind === "color" ? "text" : "decimal",
    "aria-invalid": () => (objection(field, value()) ? "true" : null),
    placeholder: field.initial,
    on: {
      input: () => give(input.value.trim()),
      keydown: (/** @type {KeyboardEvent} */ event) => {
        const by = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
        const range = sliderRange(field);
        if (by === 0 || event.altKey || !range || !Number.isFinite(Number(input.value || field.initial))) return;
        event.preventDefault();
        give(stepped(Number(input.value || field.initial), by, range, field));
      },
    },
  });
  if (field.kind === "color") {
    const swatch = h("input", { type: "color", "aria-label": `${field.name}, chosen from a palette`, value: () => (/^#[0-9a-f]{6}/i.test(value()) ? value().slice(0, 7) : "#000000"), on: { input: () => give(swatch.value) } });
    return h("span.row.tight", null, input, swatch);
  }
  const range = sliderRange(field);
  if (!range || field.mayBeAuto) return input;
  const slider = h("input", {
    type: "range", min: range.from, max: range.to, step: range.step, "aria-label": `${field.name}, slider`, value,
    on: { input: () => give(slider.value) },
  });
  return h("span.row.tight.slider", null, slider, input);
}

/**
 * @param {number} value
 * @param {number} by
 * @param {{ step: number }} range
 * @param {import("./schema.js").Field} field
 */
function stepped(value, by, range, field) {
  const next = value + by * range.step;
  const limited = Math.min(field.maximum ?? Infinity, Math.max(field.minimum ?? -Infinity, next));
  return String(Number(limited.toFixed(4)));
}

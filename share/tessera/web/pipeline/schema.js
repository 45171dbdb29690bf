/** What a form asks for an operation, from its JSON Schema; and whether a value is allowed. Pure. */

/**
 * @typedef {{
 *   name: string, summary: string, initial: string, kind: "integer" | "odd" | "number" | "choice" | "color" | "text",
 *   minimum?: number, maximum?: number, choices?: string[], mayBeAuto: boolean, unit?: string, isRequired: boolean, hint?: string,
 * }} Field
 */

/**
 * @param {any} operation its schema, as `GET /operations` gives it
 * @returns {Field[]}
 */
export function fieldsOf(operation) {
  const asked = (operation.anyOf ?? []).flatMap((/** @type {any} */ each) => each.required ?? []);
  return Object.entries(operation.properties ?? {}).map(([name, property]) => fieldOf(name, property, asked.includes(name)));
}

/**
 * @param {string} name
 * @param {any} property
 * @param {boolean} isRequired
 * @returns {Field}
 */
function fieldOf(name, property, isRequired) {
  const alternatives = property.anyOf ?? [];
  const mayBeAuto = alternatives.some((/** @type {any} */ each) => each.const === "auto");
  const value = mayBeAuto ? (alternatives.find((/** @type {any} */ each) => each.const !== "auto") ?? {}) : property;
  return {
    name,
    summary: property.description ?? "",
    initial: property.default === undefined ? "" : String(property.default),
    kind: kindOf(value),
    minimum: value.minimum,
    maximum: value.maximum,
    choices: value.enum,
    mayBeAuto,
    unit: property.unit,
    isRequired,
    hint: value.$comment,
  };
}

/**
 * @param {any} value
 * @returns {Field["kind"]}
 */
function kindOf(value) {
  if (value.enum) return "choice";
  if (value.type === "integer") return value.not?.multipleOf === 2 ? "odd" : "integer";
  if (value.type === "number") return "number";
  return value.anyOf?.some((/** @type {any} */ each) => each.pattern) ? "color" : "text";
}

/**
 * A sentence if the value is not allowed, else `null`.
 * @param {Field} field @param {string} text
 */
export function objection(field, text) {
  if (text === "" || (field.mayBeAuto && text.toLowerCase() === "auto")) return null;
  const auto = field.mayBeAuto ? ", or auto" : "";
  if (field.kind === "choice") {
    return field.choices?.includes(text) ? null : `${field.name} is one of ${field.choices?.join(", ")}${auto}`;
  }
  if (field.kind === "integer" || field.kind === "odd" || field.kind === "number") {
    const value = Number(text);
    const range = `from ${field.minimum} to ${field.maximum}${auto}`;
    const isInRange = value >= (field.minimum ?? -Infinity) && value <= (field.maximum ?? Infinity);
    if (field.kind === "number") return /^[0-9+\-.eE]+$/.test(text) && isInRange ? null : `${field.name} is a number ${range}`;
    if (field.kind === "odd") {
      return /^[+-]?\d+$/.test(text) && isInRange && Math.abs(value % 2) === 1 ? null : `${field.name} is an odd integer ${range}`;
    }
    return /^[+-]?\d+$/.test(text) && isInRange ? null : `${field.name} is an integer ${range}`;
  }
  return null;
}

/**
 * The range of a slider: where the allowed one is wider than a hand can use, what is useful.
 * @param {Field} field
 */
export function sliderRange(field) {
  if (field.kind !== "integer" && field.kind !== "odd" && field.kind !== "number") return null;
  const { minimum, maximum } = field;
  if (minimum === undefined || maximum === undefined) return null;
  const initial = Number(field.initial);
  const base = Number.isFinite(initial) ? Math.abs(initial) : 1;
  const limit = Math.max(base * 8, 10);
  const from = Math.max(minimum, -limit);
  const to = Math.min(maximum, limit);
  if (field.kind === "odd") return { from: from % 2 ? from : from + 1, to: to % 2 ? to : to - 1, step: 2 };
  const span = to - from;
  return { from, to, step: field.kind === "integer" ? 1 : span <= 2 ? 0.01 : span <= 20 ? 0.1 : 1 };
}

/**
 * The operations in whose name, keywords or description all the words are; those named so first.
 * @param {readonly any[]} operations @param {string} text
 */
export function search(operations, text) {
  const words = text.toLowerCase().split(/[\s_-]+/).filter(Boolean);
  if (words.length === 0) return [...operations];
  const ranked = operations.map((operation) => {
    const name = operation.title.toLowerCase();
    const keywords = (operation.keywords ?? []).join(" ").toLowerCase();
    const all = `${name} ${keywords} ${operation.description} ${operation.family}`.toLowerCase();
    if (!words.every((word) => all.includes(word))) return { operation, rank: -1 };
    const isKeyword = (/** @type {string} */ word) => (operation.keywords ?? []).some((/** @type {string} */ each) => each === word || each === `${word}s`);
    const rank = words.every((word) => name.includes(word)) ? (name.startsWith(words[0]) ? 4 : 3) : words.every(isKeyword) ? 2 : words.every((word) => keywords.includes(word)) ? 1 : 0;
    return { operation, rank };
  });
  return ranked
    .filter((each) => each.rank >= 0)
    .sort((a, b) => b.rank - a.rank)
    .map((each) => each.operation);
}

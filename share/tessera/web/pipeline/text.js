/**
 * The pipeline language as steps, and back. Pure.
 *
 *     pipeline  = [ operation *( "|" operation ) ]
 *     operation = name *( space name "=" value )
 *     value     = word | <"> *( any character but <"> ) <">
 *
 * What the master would refuse is kept as it was written, so that a half-typed text survives a change of view.
 */

/** @typedef {{ name: string, values: Record<string, string>, rest: string[] }} Step `rest`: words that are not `name=value` */
/** @typedef {Step & { start: number, end: number }} PlacedStep the step's place in the text, without the space around it */

/**
 * The pieces between separators that are not in quotes.
 * @param {string} text
 * @param {(character: string) => boolean} isSeparator
 */
function fields(text, isSeparator) {
  const found = [];
  let start = 0;
  let isQuoted = false;
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === '"') isQuoted = !isQuoted;
    else if (!isQuoted && isSeparator(text[index])) {
      found.push({ start, end: index });
      start = index + 1;
    }
  }
  found.push({ start, end: text.length });
  return found;
}

/**
 * @param {string} text
 * @returns {PlacedStep[]}
 */
export function parse(text) {
  if (text.trim() === "") return [];
  return fields(text, (character) => character === "|").map(({ start, end }) => {
    const words = fields(text.slice(start, end), (character) => /\s/.test(character))
      .map((word) => text.slice(start + word.start, start + word.end))
      .filter((word) => word !== "");
    /** @type {Record<string, string>} */
    const values = {};
    const rest = [];
    for (const word of words.slice(1)) {
      const equals = word.indexOf("=");
      if (equals > 0 && !(word.slice(0, equals) in values)) values[word.slice(0, equals)] = unquoted(word.slice(equals + 1));
      else rest.push(word);
    }
    const piece = text.slice(start, end);
    const lead = piece.length - piece.trimStart().length;
    return { name: words[0] ?? "", values, rest, start: start + lead, end: start + Math.max(lead, piece.trimEnd().length) };
  });
}

/** @param {string} value */
const unquoted = (value) => (value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value);

/** @param {string} value */
const quoted = (value) => (/[\s|]/.test(value) || value === "" ? `"${value}"` : value);

/**
 * The text of steps. Arguments are in the order of `order`, that of the operation's description, as in the canonical text.
 * @param {readonly Step[]} steps
 * @param {(name: string) => readonly string[]} [order]
 */
export function print(steps, order = () => []) {
  return steps
    .map((step) => {
      const known = order(step.name);
      const names = Object.keys(step.values);
      const sorted = [...known.filter((name) => names.includes(name)), ...names.filter((name) => !known.includes(name))];
      return [step.name, ...sorted.map((name) => `${name}=${quoted(step.values[name])}`), ...step.rest].join(" ");
    })
    .join(" | ");
}

/**
 * A new step.
 * @param {string} name
 * @param {Record<string, string>} [values]
 * @returns {Step}
 */
export const step = (name, values = {}) => ({ name, values, rest: [] });

/**
 * The list with one item moved.
 * @template T
 * @param {readonly T[]} list
 * @param {number} from
 * @param {number} to
 * @returns {T[]}
 */
export function moved(list, from, to) {
  const next = [...list];
  const [item] = next.splice(from, 1);
  next.splice(Math.max(0, Math.min(next.length, to)), 0, item);
  return next;
}

/**
 * Which step holds a place of the text; the API counts in Unicode scalars.
 * @param {string} text
 * @param {number} scalar
 */
export function stepAt(text, scalar) {
  const offset = [...text].slice(0, scalar).join("").length;
  const steps = parse(text);
  const found = steps.findIndex((each) => offset <= each.end);
  return found < 0 ? steps.length - 1 : found;
}

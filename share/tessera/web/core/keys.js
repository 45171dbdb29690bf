/** Which command a sequence of keys means. Pure. */

/** @typedef {{ keys: string, says: string, scope: "page" | "view" }} Binding */

/**
 * The name of a key event, such as `Control+k`, `?` or `ArrowLeft`.
 * @param {{ key: string, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean }} event
 */
export function keyName({ key, ctrlKey, metaKey, altKey }) {
  const name = key === " " ? "Space" : key;
  return `${ctrlKey || metaKey ? "Control+" : ""}${altKey ? "Alt+" : ""}${name}`;
}

/**
 * @param {readonly string[]} bindings sequences of keys, separated by spaces
 * @param {string} pending what was pressed before
 * @param {string} name
 * @returns {{ found: string | null, pending: string }} the sequence that is complete, or what more keys may complete
 */
export function advance(bindings, pending, name) {
  const sequence = pending === "" ? name : `${pending} ${name}`;
  if (bindings.includes(sequence)) return { found: sequence, pending: "" };
  if (bindings.some((each) => each.startsWith(`${sequence} `))) return { found: null, pending: sequence };
  return pending === "" ? { found: null, pending: "" } : advance(bindings, "", name);
}

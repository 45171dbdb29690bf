/** Undo and redo of a text. Pure: each function returns a new history. */

/** @typedef {{ past: readonly string[], present: string, future: readonly string[], group: string | null }} History */

const limit = 200;

/**
 * @param {string} text
 * @returns {History}
 */
export const begin = (text) => ({ past: [], present: text, future: [], group: null });

/**
 * Changes of one `group`, such as the movement of one slider, are undone together.
 * @param {History} history @param {string} text @param {string | null} [group] @returns {History}
 */
export function change(history, text, group = null) {
  if (text === history.present) return history;
  if (group !== null && group === history.group) return { ...history, present: text, future: [] };
  return { past: [...history.past, history.present].slice(-limit), present: text, future: [], group };
}

/**
 * @param {History} history
 * @returns {History}
 */
export function undo(history) {
  if (history.past.length === 0) return history;
  const past = [...history.past];
  const present = /** @type {string} */ (past.pop());
  return { past, present, future: [history.present, ...history.future], group: null };
}

/**
 * @param {History} history
 * @returns {History}
 */
export function redo(history) {
  if (history.future.length === 0) return history;
  const [present, ...future] = history.future;
  return { past: [...history.past, history.present], present, future, group: null };
}

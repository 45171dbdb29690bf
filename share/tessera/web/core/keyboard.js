/** Keys without modifiers do what the help says, unless somebody types into a field or has them switched off (WCAG 2.1.4). */

import { advance, keyName } from "./keys.js";

/** @typedef {{ says: string, run: (event: KeyboardEvent) => void, group: string }} Command */

const pauseMilliseconds = 1200;

export class Keyboard {
  /** @param {import("./settings.js").Settings} settings */
  constructor(settings) {
    this.settings = settings;
    /** @type {Map<string, Command>} */
    this.page = new Map();
    /** @type {Map<string, Command>} */
    this.view = new Map();
    this.pending = "";
    this.pressedAt = 0;
    document.addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** Forgets the last view's keys. */
  enterView() {
    this.view = new Map();
  }

  /**
   * @param {Record<string, [string, (event: KeyboardEvent) => void]>} commands by keys: what it does, in words and deed
   * @param {string} group
   */
  bind(commands, group) {
    const into = group === "Everywhere" ? this.page : this.view;
    for (const [keys, [says, run]] of Object.entries(commands)) into.set(keys, { says, run, group });
  }

  /** All commands, for the help. */
  get commands() {
    return [...this.view, ...this.page].map(([keys, { says, group }]) => ({ keys, says, group }));
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.defaultPrevented || event.isComposing || ["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
    const name = keyName(event);
    const isPlain = !name.startsWith("Control+") && !name.startsWith("Alt+");
    const target = /** @type {HTMLElement} */ (event.target);
    if (document.querySelector("dialog[open]")) return;
    if (isPlain && (!this.settings.hasShortcuts.peek() || isTyping(target, event.key))) return;
    if (event.timeStamp - this.pressedAt > pauseMilliseconds) this.pending = "";
    this.pressedAt = event.timeStamp;
    const { found, pending } = advance([...this.view.keys(), ...this.page.keys()], this.pending, name);
    this.pending = pending;
    const command = found === null ? undefined : (this.view.get(found) ?? this.page.get(found));
    if (!command) return;
    event.preventDefault();
    command.run(event);
  }
}

/**
 * Whether a key belongs to the element that has the focus.
 * @param {HTMLElement} target
 * @param {string} key
 */
function isTyping(target, key) {
  if (target.isContentEditable) return true;
  const tag = target.tagName;
  if (tag === "INPUT") return !["checkbox", "button"].includes(/** @type {HTMLInputElement} */ (target).type);
  if (tag === "TEXTAREA" || tag === "SELECT") return true;
  const isOperated = tag === "BUTTON" || tag === "A" || tag === "SUMMARY" || target.getAttribute("role") === "slider";
  return isOperated && (key === "Enter" || key === " " || (target.getAttribute("role") === "slider" && key.startsWith("Arrow")));
}

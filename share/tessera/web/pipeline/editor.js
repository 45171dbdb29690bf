/** The pipeline that is being built: one text with its history; cards and text field are two views of it. */

import { post } from "../core/api.js";
import { derived, effect, onCleanup, signal } from "../core/signals.js";
import { initialValues } from "./catalogue.js";
import { begin, change, redo, undo } from "./history.js";
import { fieldsOf, objection } from "./schema.js";
import { moved, parse, print, step, stepAt } from "./text.js";

/** @typedef {{ step: number, message: string }} Trouble */

const checkPauseMilliseconds = 250;

export class Editor {
  /**
   * @param {string} text
   * @param {() => readonly any[]} catalogue
   */
  constructor(text, catalogue) {
    this.catalogue = catalogue;
    this.history = signal(begin(text));
    this.text = derived(() => this.history().present);
    this.steps = derived(() => parse(this.text()));
    /** What the server says of the text. */
    this.refusal = signal(/** @type {Trouble | null} */ (null));
    this.checked = signal(/** @type {any} */ (null));
    /** @type {import("../core/signals.js").Signal<Trouble | null>} */
    this.trouble = derived(() => this.#ownTrouble() ?? this.refusal());
    this.#checks();
  }

  /**
   * @param {string} text
   * @param {string | null} [group]
   */
  write(text, group = null) {
    this.history.update((history) => change(history, text, group));
  }

  undo() {
    this.history.update(undo);
  }

  redo() {
    this.history.update(redo);
  }

  /** @param {string} name */
  operation(name) {
    return this.catalogue().find((each) => each.title === name);
  }

  /**
   * @param {string} name
   * @param {number} [at]
   */
  insert(name, at = this.steps.peek().length) {
    const steps = [...this.steps.peek()].map(({ name: each, values, rest }) => ({ name: each, values, rest }));
    steps.splice(at, 0, step(name, initialValues(this.operation(name) ?? {})));
    this.#put(steps);
  }

  /** @param {number} at */
  remove(at) {
    this.#put(this.steps.peek().filter((_, index) => index !== at));
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  move(from, to) {
    if (to < 0 || to >= this.steps.peek().length) return;
    this.#put(moved(this.steps.peek(), from, to));
  }

  /**
   * Gives a parameter a value; the initial one is not written.
   * @param {number} at
   * @param {import("./schema.js").Field} field
   * @param {string} value
   */
  give(at, field, value) {
    const steps = this.steps.peek().map((each, index) => {
      if (index !== at) return each;
      const values = { ...each.values };
      if (value === "" || (value === field.initial && !field.isRequired)) delete values[field.name];
      else values[field.name] = value;
      return { ...each, values };
    });
    this.#put(steps, `${at} ${field.name}`);
  }

  /**
   * @param {readonly import("./text.js").Step[]} steps
   * @param {string | null} [group]
   */
  #put(steps, group = null) {
    this.write(print(steps, (name) => Object.keys(this.operation(name)?.properties ?? {})), group);
  }

  /**
   * What the page can say at once.
   * @returns {Trouble | null}
   */
  #ownTrouble() {
    if (this.catalogue().length === 0) return null;
    for (const [index, each] of this.steps().entries()) {
      const operation = this.operation(each.name);
      if (!operation) continue;
      for (const field of fieldsOf(operation)) {
        const message = objection(field, each.values[field.name] ?? "");
        if (message) return { step: index, message };
      }
    }
    return null;
  }

  /** Asks the server after each pause; an older answer never replaces a newer one. */
  #checks() {
    let number = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    effect(() => {
      const pipeline = this.text();
      number += 1;
      const mine = number;
      clearTimeout(timer);
      if (pipeline.trim() === "") {
        this.refusal.set(null);
        this.checked.set({ pipeline: "", result: "image", steps: [] });
        return;
      }
      timer = setTimeout(async () => {
        try {
          const checked = await post("/pipelines/check", { pipeline });
          if (mine !== number) return;
          this.checked.set(checked);
          this.refusal.set(null);
        } catch (error) {
          if (mine !== number) return;
          const problem = error.problem;
          this.checked.set(null);
          if (error.status === 422) {
            const position = problem?.errors?.[0]?.position?.[0];
            this.refusal.set({ step: position === undefined ? this.steps.peek().length - 1 : stepAt(pipeline, position), message: error.message });
          } else {
            this.refusal.set(null);
          }
        }
      }, checkPauseMilliseconds);
    });
    onCleanup(() => clearTimeout(timer));
  }
}

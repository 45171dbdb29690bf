/** What the workers did while the page was open, whatever view was shown: lanes, and sentences about what happened. */

import { happened, Lanes } from "./lanes.js";
import { signal } from "./signals.js";

/** @typedef {{ at: number, sentence: string, isBad: boolean }} Happening */

const keptCount = 6;

export class ClusterLog {
  /** @param {import("./model.js").Model} model */
  constructor(model) {
    this.lanes = new Lanes();
    this.happenings = signal(/** @type {readonly Happening[]} */ ([]));
    /** @type {Map<string, any>} */
    this.known = new Map();
    /** Whether a whole list was read: until then a worker is new to the page, not to the cluster. */
    this.isPrimed = false;
    model.listeners.add(({ type, data }) => {
      if (type === "worker") this.#saw(data, Date.now());
      else if (type === "worker-gone") this.#gone(data.worker, Date.now());
    });
  }

  /**
   * @param {any} worker
   * @param {number} now
   */
  #saw(worker, now) {
    this.lanes.saw(worker, now);
    if (this.isPrimed) this.#tell(happened(this.known.get(worker.worker), worker), now);
    this.known.set(worker.worker, worker);
  }

  /**
   * @param {string} name
   * @param {number} now
   */
  #gone(name, now) {
    const before = this.known.get(name);
    this.lanes.gone(name, now);
    this.known.delete(name);
    if (before && before.state !== "gone") this.#tell(happened(before, undefined), now);
  }

  /**
   * @param {{ sentence: string, isBad: boolean } | null} what
   * @param {number} now
   */
  #tell(what, now) {
    if (what) this.happenings.update((before) => [{ at: now, ...what }, ...before].slice(0, keptCount));
  }
}

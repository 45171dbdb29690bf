/**
 * What is known of the cluster: the newest state of each job, image, upload and worker, put together from answers of the API and
 * from events. Events carry whole states, not changes, so that folding one twice, or after a gap, does no harm.
 */

import { signal } from "./signals.js";

/** @typedef {import("./signals.js").Signal<any>} AnySignal */

/** Values by key; each has a signal, so that a row follows its own value only. */
export class Collection {
  constructor() {
    /** @type {Map<string, AnySignal>} */
    this.signals = new Map();
    /** Changes when a key appears or goes. */
    this.keys = signal(0);
  }

  /**
   * @param {string | number} key
   * @returns {AnySignal}
   */
  of(key) {
    const name = String(key);
    let found = this.signals.get(name);
    if (!found) {
      found = signal(undefined);
      this.signals.set(name, found);
    }
    return found;
  }

  /**
   * @param {string | number} key
   * @param {any} value
   */
  put(key, value) {
    const known = this.of(key);
    const isOther = (known.peek() === undefined) !== (value === undefined);
    known.set(value);
    if (isOther) this.keys.update((version) => version + 1);
  }

  /** The known values. */
  get values() {
    this.keys();
    return [...this.signals.values()].map((each) => each.peek()).filter((value) => value !== undefined);
  }

  clear() {
    for (const each of this.signals.values()) each.set(undefined);
    this.keys.update((version) => version + 1);
  }
}

/**
 * @param {number} job
 * @param {number} image
 */
export const imageKey = (job, image) => `${job}/${image}`;

export class Model {
  constructor() {
    this.jobs = new Collection();
    this.images = new Collection();
    /** What is finished of results that are being computed. */
    this.rows = new Collection();
    this.workers = new Collection();
    this.uploads = new Collection();
    this.cluster = signal(/** @type {any} */ (null));
    /** Counts the gaps: who shows a snapshot reads it again when this changes. */
    this.gaps = signal(0);
    /** @type {Set<(event: { type: string, data: any }) => void>} */
    this.listeners = new Set();
  }

  /** @param {{ type: string, data: any }} event */
  fold({ type, data }) {
    if (type === "job") this.jobs.put(data.job, data);
    else if (type === "job-forgotten") this.jobs.put(data.job, undefined);
    else if (type === "image") this.images.put(imageKey(data.job, data.image), data);
    else if (type === "rows") this.rows.put(imageKey(data.job, data.image), data);
    else if (type === "worker") this.workers.put(data.worker, data);
    else if (type === "worker-gone") this.workers.put(data.worker, undefined);
    else if (type === "upload") this.uploads.put(data.upload, data);
    else if (type === "cluster") {
      const isBack = data.reachable && this.cluster.peek()?.reachable === false;
      this.cluster.set(data);
      // What could not be read while the master was away is read now.
      if (isBack) this.gaps.update((gaps) => gaps + 1);
    }
    else if (type === "gap") this.gaps.update((gaps) => gaps + 1);
    for (const listener of this.listeners) listener({ type, data });
  }
}

/**
 * A list of the API that is read page by page, as far as somebody scrolls.
 *
 * Keys in order; the values are in a `Collection`, where events change them. `total` is what the API says, else what is read.
 */

import { signal } from "./signals.js";

/** @typedef {{ items: any[], next?: string | null, total?: number }} Page */

export class PagedKeys {
  /**
   * @param {(cursor: string | null) => Promise<Page>} read
   * @param {(item: any) => string} take stores an item and returns its key
   */
  constructor(read, take) {
    this.read = read;
    this.take = take;
    /** @type {string[]} */
    this.keys = [];
    this.version = signal(0);
    this.total = signal(0);
    this.error = signal(/** @type {Error | null} */ (null));
    this.isRead = signal(false);
    /** @type {string | null} */
    this.next = null;
    this.isReading = false;
    this.generation = 0;
  }

  get count() {
    this.version();
    return this.keys.length;
  }

  /** Reads the first page again; what was shown stays until it is there. */
  async restart() {
    this.generation += 1;
    const generation = this.generation;
    this.isReading = true;
    try {
      const page = await this.read(null);
      if (generation !== this.generation) return;
      this.keys = page.items.map(this.take);
      this.#turned(page);
    } catch (error) {
      if (generation === this.generation) this.error.set(/** @type {Error} */ (error));
    } finally {
      if (generation === this.generation) this.isReading = false;
    }
  }

  /**
   * Reads on when `end` comes near what has been read.
   * @param {number} end
   */
  async reach(end) {
    if (this.isReading || this.next === null || end < this.keys.length - 20) return;
    const generation = this.generation;
    this.isReading = true;
    try {
      const page = await this.read(this.next);
      if (generation !== this.generation) return;
      const known = new Set(this.keys);
      this.keys = [...this.keys, ...page.items.map(this.take).filter((key) => !known.has(key))];
      this.#turned(page);
    } catch (error) {
      if (generation === this.generation) this.error.set(/** @type {Error} */ (error));
    } finally {
      if (generation === this.generation) this.isReading = false;
    }
  }

  /**
   * Puts a key that an event brought at the front.
   * @param {string} key
   */
  unshift(key) {
    if (this.keys.includes(key)) return;
    this.keys = [key, ...this.keys];
    this.total.update((total) => total + 1);
    this.version.update((version) => version + 1);
  }

  /** @param {Page} page */
  #turned(page) {
    this.next = page.next ?? null;
    this.total.set(page.total ?? this.keys.length);
    this.error.set(null);
    this.isRead.set(true);
    this.version.update((version) => version + 1);
  }
}

/**
 * What the upload engine does next. Pure: events in, the next state and actions out; time and chance are arguments.
 *
 *     queued -> sending -> done
 *       ^         |  \--> refused          the server does not want this file
 *       |         v
 *       +--- resting (until a time)        trouble on the way: ask for the offset, then continue
 */

/**
 * @typedef {{ key: string, url: string, size: number, offset: number,
 *   state: "queued" | "sending" | "resting" | "done" | "refused", mustAsk: boolean, failures: number, restsUntil: number,
 *   reason?: string, code?: string }} Item
 */
/** @typedef {{ type: "append", key: string, url: string, from: number, to: number, isLast: boolean }} Append */
/** @typedef {{ type: "ask", key: string, url: string }} Ask */
/** @typedef {Append | Ask} Action */

export const concurrency = 3;
const firstPauseMilliseconds = 500;
const longestPauseMilliseconds = 30_000;

export class UploadPlan {
  /** @param {{ appendByteCount: number }} limits how many bytes one request may carry */
  constructor({ appendByteCount }) {
    this.appendByteCount = appendByteCount;
    /** @type {Map<string, Item>} */
    this.items = new Map();
    this.isOnline = true;
  }

  /** @param {{ key: string, url: string, size: number, mustAsk: boolean }} file `mustAsk`: bytes of it may be stored already */
  added({ key, url, size, mustAsk }) {
    const known = this.items.get(key);
    if (known && known.state !== "refused") return;
    this.items.set(key, { key, url, size, mustAsk, offset: 0, state: "queued", failures: 0, restsUntil: 0 });
  }

  /** @param {string} key */
  removed(key) {
    this.items.delete(key);
  }

  /**
   * The requests to begin now.
   * @param {number} now
   * @returns {Action[]}
   */
  next(now) {
    if (!this.isOnline) return [];
    /** @type {Action[]} */
    const actions = [];
    let running = 0;
    for (const item of this.items.values()) if (item.state === "sending") running += 1;
    for (const item of this.items.values()) {
      if (running >= concurrency) break;
      if (item.state !== "queued" && !(item.state === "resting" && item.restsUntil <= now)) continue;
      item.state = "sending";
      running += 1;
      actions.push(this.#request(item));
    }
    return actions;
  }

  /** When a resting file continues, or `null`. */
  get wakesAt() {
    let time = Infinity;
    for (const item of this.items.values()) if (item.state === "resting") time = Math.min(time, item.restsUntil);
    return Number.isFinite(time) ? time : null;
  }

  /**
   * The server has the bytes before `offset`.
   * @param {string} key
   * @param {number} offset
   * @param {boolean} isComplete
   */
  stored(key, offset, isComplete) {
    const item = this.items.get(key);
    if (!item) return;
    item.offset = offset;
    item.mustAsk = false;
    item.failures = 0;
    item.state = isComplete ? "done" : "queued";
  }

  /**
   * An attempt failed in a way that another may mend.
   * @param {string} key
   * @param {{ now: number, chance: number, retryAfter?: number | null, offset?: number | null }} event `chance` from 0 to 1
   */
  failed(key, { now, chance, retryAfter = null, offset = null }) {
    const item = this.items.get(key);
    if (!item) return;
    item.failures += 1;
    item.state = "resting";
    item.mustAsk = offset === null;
    if (offset !== null) item.offset = offset;
    const longest = Math.min(longestPauseMilliseconds, firstPauseMilliseconds * 2 ** (item.failures - 1));
    // A server that tells the right offset is well: the next request may go at once.
    const pause = offset === null || item.failures > 3 ? longest * (0.5 + chance / 2) : 0;
    item.restsUntil = now + Math.max(pause, retryAfter ?? 0);
  }

  /**
   * The server refused the file itself.
   * @param {string} key
   * @param {string} code
   * @param {string} reason
   */
  refused(key, code, reason) {
    const item = this.items.get(key);
    if (!item) return;
    item.state = "refused";
    item.code = code;
    item.reason = reason;
  }

  /** The network came back: nobody rests any longer. */
  online() {
    this.isOnline = true;
    for (const item of this.items.values()) if (item.state === "resting") item.restsUntil = 0;
  }

  offline() {
    this.isOnline = false;
  }

  /** Whether bytes are missing at the server that only this page can send. */
  get isBusy() {
    for (const item of this.items.values()) if (item.state !== "done" && item.state !== "refused") return true;
    return false;
  }

  /**
   * @param {Item} item
   * @returns {Action}
   */
  #request(item) {
    if (item.mustAsk) return { type: "ask", key: item.key, url: item.url };
    const to = Math.min(item.size, item.offset + this.appendByteCount);
    return { type: "append", key: item.key, url: item.url, from: item.offset, to, isLast: to === item.size };
  }
}

/**
 * The limits in the header `Upload-Limit`, a dictionary of integers (RFC 9651).
 * @param {string | null} header
 * @returns {Record<string, number>}
 */
export function parseLimits(header) {
  /** @type {Record<string, number>} */
  const limits = {};
  for (const member of (header ?? "").split(",")) {
    const [name, value] = member.split("=").map((part) => part.trim());
    if (/^\d+$/.test(value ?? "")) limits[name] = Number(value);
  }
  return limits;
}

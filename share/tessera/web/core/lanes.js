/**
 * What each slot of a worker did lately, as bars on lanes; and what just happened, in a sentence. Pure: states in, bars out.
 *
 * The page is told how many leases a worker holds, not which slot holds which: a lease that begins takes the lowest free lane, one
 * that ends frees the highest.
 */

/** @typedef {{ lane: number, from: number, to: number | null, isLost: boolean }} Bar times in milliseconds; `to` is `null` while it runs */

export const spanMilliseconds = 10 * 60_000;

export class Lanes {
  constructor() {
    /** @type {Map<string, Bar[]>} */
    this.bars = new Map();
  }

  /**
   * @param {any} worker its newest state
   * @param {number} now
   */
  saw(worker, now) {
    const bars = this.bars.get(worker.worker) ?? [];
    this.bars.set(worker.worker, bars);
    const running = bars.filter((bar) => bar.to === null).sort((a, b) => b.lane - a.lane);
    const held = isLost(worker.state) ? 0 : atWork(worker);
    for (const bar of running.slice(0, Math.max(0, running.length - held))) {
      bar.to = now;
      bar.isLost = isLost(worker.state);
    }
    const taken = new Set(bars.filter((bar) => bar.to === null).map((bar) => bar.lane));
    for (let lane = 0, missing = held - taken.size; missing > 0; lane += 1) {
      if (taken.has(lane)) continue;
      bars.push({ lane, from: now, to: null, isLost: false });
      missing -= 1;
    }
    while (bars.length > 0 && bars[0].to !== null && bars[0].to < now - spanMilliseconds) bars.shift();
  }

  /**
   * The worker is gone: what it held is lost.
   * @param {string} worker
   * @param {number} now
   */
  gone(worker, now) {
    for (const bar of this.bars.get(worker) ?? []) {
      if (bar.to !== null) continue;
      bar.to = now;
      bar.isLost = true;
    }
  }

  /**
   * @param {string} worker
   * @returns {readonly Bar[]}
   */
  of(worker) {
    return this.bars.get(worker) ?? [];
  }
}

/**
 * The slots of a worker that work: what it holds beyond them waits at the worker for the next free one.
 * @param {any} worker
 */
export const atWork = (worker) => Math.min(worker.leases_held, worker.slot_count);

/** @param {string} state */
const isLost = (state) => state === "gone" || state === "dead";

/**
 * What happened between two states of a worker, if it is worth a sentence.
 * @param {any} before @param {any} after @returns {{ sentence: string, isBad: boolean } | null}
 */
export function happened(before, after) {
  const worker = after ?? before;
  const name = `${worker.worker} (${worker.name})`;
  if (!before) return { sentence: `${name} is here, with ${slots(worker.slot_count)}.`, isBad: false };
  if (!after || (isLost(after.state) && !isLost(before.state))) {
    const held = before.leases_held;
    return { sentence: held > 0 ? `${name} was lost with ${held} ${held === 1 ? "task" : "tasks"}; they go to other nodes.` : `${name} is gone; it held no task.`, isBad: held > 0 };
  }
  if (before.state === after.state) return null;
  if (after.state === "suspect") return { sentence: `${name} is silent; it gets no new work until it is heard again.`, isBad: true };
  if (after.state === "draining") return { sentence: `${name} drains: it finishes what it holds.`, isBad: false };
  if (after.state === "quarantined") return { sentence: `${name} is in quarantine: ${after.quarantined_by ?? "its results differed"}.`, isBad: true };
  if (after.state === "not-ready") return { sentence: `${name} cannot work: ${after.unready ?? "it does not say why"}.`, isBad: true };
  if (after.state === "alive") return { sentence: `${name} takes work again.`, isBad: false };
  return null;
}

/** @param {number} count */
const slots = (count) => `${count} ${count === 1 ? "slot" : "slots"}`;

/**
 * Which topics of the event stream are wanted, by all tabs of a browser together. Pure: messages in, the union out.
 *
 * One tab leads: it holds the only connection, for HTTP/1.1 gives a host six of them. The others tell it what they want.
 */
export class Wants {
  constructor() {
    /** @type {Map<string, Set<string>>} */
    this.byTab = new Map();
  }

  /**
   * @param {string} tab
   * @param {Iterable<string>} topics
   */
  set(tab, topics) {
    this.byTab.set(tab, new Set(topics));
  }

  /** @param {string} tab */
  remove(tab) {
    this.byTab.delete(tab);
  }

  /** The wanted topics in a fixed order, so that equal wants are equal texts. */
  get union() {
    const all = new Set();
    for (const topics of this.byTab.values()) for (const topic of topics) all.add(topic);
    return [...all].sort();
  }
}

/** Counts who wants what within one tab. */
export class TopicCounter {
  constructor() {
    /** @type {Map<string, number>} */
    this.counts = new Map();
  }

  /**
   * @param {string} topic
   * @returns {boolean} whether the set of topics changed
   */
  add(topic) {
    const before = this.counts.get(topic) ?? 0;
    this.counts.set(topic, before + 1);
    return before === 0;
  }

  /**
   * @param {string} topic
   * @returns {boolean} whether the set of topics changed
   */
  remove(topic) {
    const before = this.counts.get(topic) ?? 0;
    if (before > 1) this.counts.set(topic, before - 1);
    else this.counts.delete(topic);
    return before === 1;
  }

  get topics() {
    return [...this.counts.keys()];
  }
}

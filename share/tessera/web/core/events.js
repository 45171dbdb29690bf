/**
 * The event stream: one connection for all tabs of a browser, elected by a Web Lock, shared by a BroadcastChannel.
 * Without these two each tab has a stream of its own.
 *
 *     tab --wants--> leader --topics--> GET /events
 *     tab <--event-- leader <---------- text/event-stream
 */

import { signal, onCleanup } from "./signals.js";
import { TopicCounter, Wants } from "./topics.js";

/** @typedef {{ type: string, data: any }} StreamEvent */
/** @typedef {"connecting" | "live" | "lost"} Link */

const types = ["job", "job-forgotten", "image", "rows", "worker", "worker-gone", "cluster", "upload", "gap"];
const reopenDelayMilliseconds = 50;
const retryDelayMilliseconds = 1500;

export class EventHub {
  /** @param {(event: StreamEvent) => void} deliver called for each event, in every tab */
  constructor(deliver) {
    this.deliver = deliver;
    this.link = signal(/** @type {Link} */ ("connecting"));
    this.tab = crypto.randomUUID();
    this.counter = new TopicCounter();
    this.wants = new Wants();
    this.isLeader = false;
    /** @type {EventSource | null} */
    this.source = null;
    this.openTopics = "";
    this.lastId = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {BroadcastChannel | null} */
    this.channel = null;
    this.isStarted = false;
    this.isStopped = false;
  }

  /** Begins to receive, or continues after `stop`. */
  start() {
    this.isStopped = false;
    if (this.isStarted) {
      if (this.isLeader) this.#reopenSoon();
      return;
    }
    this.isStarted = true;
    if (!navigator.locks || typeof BroadcastChannel === "undefined") {
      this.#lead();
      return;
    }
    this.channel = new BroadcastChannel("tessera-events");
    this.channel.onmessage = ({ data }) => this.#received(data);
    // The lock of this tab is free again when the tab is gone: so the leader learns of it.
    navigator.locks.request(`tessera-tab-${this.tab}`, () => new Promise(() => {}));
    this.#announce();
    navigator.locks.request("tessera-leader", () => {
      this.#lead();
      return new Promise(() => {});
    });
  }

  /**
   * Wants a topic until the surrounding scope ends.
   * @param {string} topic
   */
  want(topic) {
    if (this.counter.add(topic)) this.#announce();
    onCleanup(() => {
      if (this.counter.remove(topic)) this.#announce();
    });
  }

  /** Ends the connection, as when somebody signs out. */
  stop() {
    this.isStopped = true;
    this.source?.close();
    this.source = null;
    this.openTopics = "";
    this.lastId = "";
  }

  #announce() {
    this.wants.set(this.tab, this.counter.topics);
    if (this.isLeader) this.#reopenSoon();
    else this.channel?.postMessage({ kind: "want", tab: this.tab, topics: this.counter.topics });
  }

  #lead() {
    this.isLeader = true;
    this.channel?.postMessage({ kind: "leader" });
    this.#reopenSoon();
  }

  /** @param {any} message */
  #received(message) {
    if (message.kind === "event") this.#take(message.event);
    else if (message.kind === "link" && !this.isLeader) this.link.set(message.link);
    else if (message.kind === "leader") this.#announce();
    else if (message.kind === "want" && this.isLeader) this.#follower(message.tab, message.topics);
  }

  /**
   * @param {string} tab
   * @param {string[]} topics
   */
  #follower(tab, topics) {
    const isNew = !this.wants.byTab.has(tab);
    this.wants.set(tab, topics);
    this.channel?.postMessage({ kind: "link", link: this.link.peek() });
    this.#reopenSoon();
    if (!isNew) return;
    navigator.locks.request(`tessera-tab-${tab}`, () => {
      this.wants.remove(tab);
      this.#reopenSoon();
    });
  }

  #reopenSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#open(), reopenDelayMilliseconds);
  }

  #open() {
    if (this.isStopped) return;
    const topics = this.wants.union.join(",");
    if (topics === this.openTopics && this.source && this.source.readyState !== EventSource.CLOSED) return;
    this.source?.close();
    this.openTopics = topics;
    const address = new URL("/api/v1/events", location.origin);
    address.searchParams.set("topics", topics);
    // A stream with other topics continues where the last one was: a new EventSource cannot send the header.
    if (this.lastId) address.searchParams.set("last_event_id", this.lastId);
    const source = new EventSource(address);
    this.source = source;
    source.onopen = () => this.#linked("live");
    source.onerror = () => {
      this.#linked("lost");
      if (source.readyState !== EventSource.CLOSED) return;
      // The server refused the stream: the browser does not try again by itself.
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#open(), retryDelayMilliseconds * (1 + Math.random()));
    };
    for (const type of types) {
      source.addEventListener(type, (/** @type {MessageEvent} */ message) => {
        this.lastId = message.lastEventId || this.lastId;
        const event = { type, data: message.data ? JSON.parse(message.data) : null };
        this.#take(event);
        this.channel?.postMessage({ kind: "event", event });
      });
    }
  }

  /** @param {Link} link */
  #linked(link) {
    this.link.set(link);
    this.channel?.postMessage({ kind: "link", link });
  }

  /** @param {StreamEvent} event */
  #take(event) {
    if (this.link.peek() !== "live") this.link.set("live");
    this.deliver(event);
  }
}

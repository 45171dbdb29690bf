/** The page's side of uploads: submits jobs whose files are promised, hands the files to the Worker, and follows their progress. */

import { get, getAll, newKey, post } from "../core/api.js";
import { signal } from "../core/signals.js";
import { trustedScriptURL } from "../core/trusted.js";
import { fingerprint } from "./fingerprint.js";
import * as submissions from "./submissions.js";

/** @typedef {{ file: File, path: string }} Chosen */
/** @typedef {{ url: string, name: string, size: number, job?: number, fingerprint?: string, offset: number }} Missing */
/** @typedef {{ key: string, job: number, name: string, size: number, offset: number, state: string, reason?: string }} Transfer */

const batchCount = 2000;

export class Uploads {
  constructor() {
    /** @type {Map<string, Transfer>} */
    this.transfers = new Map();
    /** Changes with every progress. */
    this.version = signal(0);
    /** Files of own jobs that nobody sends now: they must be chosen again. */
    this.missing = signal(/** @type {Missing[]} */ ([]));
    /** @type {Worker | null} */
    this.worker = null;
    /** @type {any} */
    this.wakeLock = null;
    /** @type {Map<number, () => void>} */
    this.locks = new Map();
    addEventListener("beforeunload", (event) => {
      if (this.totals.isBusy) event.preventDefault();
    });
  }

  /** Finds what an earlier page left: submissions without an answer, and files that are not here in full. */
  async recover() {
    for (const { key, body } of await submissions.all().catch(() => [])) {
      try {
        await post("/jobs", body, { "Idempotency-Key": key });
      } catch (error) {
        if (error.status === 0 || error.status >= 500) continue;
      }
      await submissions.remove(key);
    }
    await this.findMissing();
  }

  /** Reads which files of own jobs are not here in full, without those that a page sends now. */
  async findMissing() {
    /** @type {Missing[]} */
    const found = await getAll("/uploads?state=receiving&limit=500");
    const locks = await navigator.locks?.query?.();
    const sent = new Set(locks?.held?.map((lock) => lock.name));
    this.missing.set(found.filter((each) => each.job !== undefined && !sent.has(lockName(each.job))));
  }

  /**
   * Makes a job and begins to send its files; work begins with the first that is there.
   * @param {{
   *   pipeline: string, files: readonly Chosen[], sent?: { idOf: (file: File) => string }, priority?: number, options?: Record<string, any>,
   *   told?: (done: number) => void,
   * }} request `sent` knows files that are at the server in full
   * @returns {Promise<number>} the job's number
   */
  async submit({ pipeline, files, sent = { idOf: () => "" }, priority = 0, options = {}, told = () => {} }) {
    /** @type {any[]} */
    const promises = [];
    for (const { file, path } of files) {
      const upload = sent.idOf(file);
      promises.push(upload ? { name: path, upload } : { name: path, size: file.size, fingerprint: await fingerprint(file, path) });
      told(promises.length);
    }
    const isOneBatch = files.length <= batchCount;
    const body = { pipeline, priority, options, images: promises.slice(0, batchCount), seal: isOneBatch ? "when-complete" : "never" };
    const key = newKey();
    await submissions.put({ key, body }).catch(() => {});
    let job;
    try {
      job = await post("/jobs", body, { "Idempotency-Key": key });
    } catch (error) {
      if (error.status !== 0) await submissions.remove(key).catch(() => {});
      throw error;
    }
    await submissions.remove(key).catch(() => {});
    this.#send(job.job, job.images, files.slice(0, batchCount), promises);
    for (let first = batchCount; first < files.length; first += batchCount) {
      const batch = await post(`/jobs/${job.job}/images`, { images: promises.slice(first, first + batchCount) }, { "Idempotency-Key": newKey() });
      this.#send(job.job, batch.images ?? batch.items, files.slice(first, first + batchCount), promises.slice(first));
    }
    if (!isOneBatch) await post(`/jobs/${job.job}/seal`);
    return job.job;
  }

  /**
   * Continues with files that were chosen again.
   * @param {readonly Chosen[]} files
   * @returns {Promise<{ resumed: number, others: Chosen[] }>}
   */
  async resume(files) {
    const wanted = new Map(this.missing.peek().map((each) => [each.fingerprint, each]));
    /** @type {Chosen[]} */
    const others = [];
    let resumed = 0;
    for (const chosen of files) {
      const missing = wanted.get(await fingerprint(chosen.file, chosen.path));
      if (missing?.job === undefined) {
        others.push(chosen);
        continue;
      }
      wanted.delete(missing.fingerprint);
      this.#add(missing.job, [{ url: missing.url, name: missing.name, file: chosen.file, offset: missing.offset }], true);
      resumed += 1;
    }
    this.missing.set([...wanted.values()]);
    return { resumed, others };
  }

  /** What is sent now. */
  get totals() {
    this.version();
    let bytes = 0;
    let sent = 0;
    let done = 0;
    let isBusy = false;
    for (const transfer of this.transfers.values()) {
      bytes += transfer.size;
      sent += transfer.offset;
      if (transfer.state === "done" || transfer.state === "refused") done += 1;
      else isBusy = true;
    }
    return { count: this.transfers.size, bytes, sent, done, isBusy };
  }

  /**
   * @param {number} job
   * @returns {Transfer[]}
   */
  ofJob(job) {
    this.version();
    return [...this.transfers.values()].filter((each) => each.job === job);
  }

  /**
   * @param {number} job
   * @param {any[]} answers
   * @param {readonly Chosen[]} files
   * @param {readonly any[]} promises
   */
  #send(job, answers, files, promises) {
    const missing = answers
      .map((answer, index) => ({ url: answer.url, name: files[index].path, file: files[index].file, offset: 0 }))
      .filter((_, index) => promises[index].upload === undefined);
    if (missing.length > 0) this.#add(job, missing, false);
  }

  /**
   * @param {number} job
   * @param {Array<{ url: string, name: string, file: File, offset: number }>} files
   * @param {boolean} mustAsk
   */
  #add(job, files, mustAsk) {
    if (!this.totals.isBusy) this.transfers.clear();
    for (const { url, name, file, offset } of files) {
      this.transfers.set(url, { key: url, job, name, size: file.size, offset, state: "queued" });
    }
    this.#hold(job);
    this.#started().postMessage({
      type: "add",
      files: files.map(({ url, file }) => ({ key: url, url, size: file.size, mustAsk, file })),
    });
    this.version.update((version) => version + 1);
    this.#stayAwake();
  }

  #started() {
    if (this.worker) return this.worker;
    this.worker = new Worker(trustedScriptURL(new URL("./worker.js", import.meta.url)), { type: "module" });
    this.worker.onmessage = ({ data }) => this.#told(data);
    return this.worker;
  }

  /** @param {any} message */
  #told(message) {
    const transfer = this.transfers.get(message.key);
    if (!transfer) return;
    transfer.offset = message.offset;
    if (message.type === "state") Object.assign(transfer, { state: message.state, reason: message.reason });
    this.version.update((version) => version + 1);
    if (this.totals.isBusy) return;
    for (const release of this.locks.values()) release();
    this.locks.clear();
    this.wakeLock?.release?.();
    this.wakeLock = null;
  }

  /**
   * Other tabs see by a lock that a job's files are being sent.
   * @param {number} job
   */
  #hold(job) {
    if (!navigator.locks || this.locks.has(job)) return;
    this.locks.set(job, () => {});
    navigator.locks.request(lockName(job), { mode: "shared" }, () => new Promise((resolve) => this.locks.set(job, () => resolve(null))));
  }

  /** A phone that sleeps sends nothing. */
  async #stayAwake() {
    if (this.wakeLock) return;
    this.wakeLock = await /** @type {any} */ (navigator).wakeLock?.request("screen").catch(() => null);
  }
}

/** @param {number} job */
const lockName = (job) => `tessera-uploading-${job}`;

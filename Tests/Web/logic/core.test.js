import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, duration, percent, pixels } from "../../../share/tessera/web/core/format.js";
import { advance, keyName } from "../../../share/tessera/web/core/keys.js";
import { happened, Lanes } from "../../../share/tessera/web/core/lanes.js";
import { imageKey, Model } from "../../../share/tessera/web/core/model.js";
import { PagedKeys } from "../../../share/tessera/web/core/pages.js";
import { match } from "../../../share/tessera/web/core/router.js";
import { derived, effect, flush, onCleanup, root, signal } from "../../../share/tessera/web/core/signals.js";
import { share } from "../../../share/tessera/web/core/states.js";
import { TopicCounter, Wants } from "../../../share/tessera/web/core/topics.js";
import { scrollToShow, visibleWindow } from "../../../share/tessera/web/core/window.js";

test("an effect runs again once, however many of its signals changed", () => {
  const a = signal(1);
  const b = signal(2);
  const seen = [];
  effect(() => seen.push(a() + b()));
  a.set(10);
  b.set(20);
  flush();
  assert.deepEqual(seen, [3, 30]);
});

test("what an effect made ends when it runs again, and all with its root", () => {
  const a = signal(0);
  const ended = [];
  const { dispose } = root(() => effect(() => {
    const value = a();
    onCleanup(() => ended.push(value));
  }));
  a.set(1);
  flush();
  assert.deepEqual(ended, [0]);
  dispose();
  a.set(2);
  flush();
  assert.deepEqual(ended, [0, 1]);
});

test("a derived signal tells its readers only of another value", () => {
  const a = signal(1);
  const isOdd = derived(() => a() % 2 === 1);
  let runs = 0;
  effect(() => {
    isOdd();
    runs += 1;
  });
  a.set(3);
  flush();
  assert.equal(runs, 1);
  a.set(4);
  flush();
  assert.equal(runs, 2);
});

test("a list of 100,000 has some rows in the document, wherever it is scrolled", () => {
  for (const scrollTop of [0, 1_000_000, 4_399_000, 9_999_999]) {
    const window = visibleWindow({ scrollTop, height: 900, rowHeight: 44, count: 100_000 });
    assert.ok(window.end - window.first <= 60, `${window.first} to ${window.end}`);
    assert.equal(window.total, 4_400_000);
  }
});

test("a grid shows whole rows", () => {
  const window = visibleWindow({ scrollTop: 500, height: 100, rowHeight: 100, columns: 7, count: 100, overscan: 1 });
  assert.deepEqual([window.first, window.end, window.top], [28, 49, 400]);
});

test("an empty list has no rows", () => {
  const window = visibleWindow({ scrollTop: 0, height: 500, rowHeight: 44, count: 0 });
  assert.deepEqual([window.first, window.end, window.total], [0, 0, 0]);
});

test("a row is scrolled into view by as little as needed", () => {
  assert.equal(scrollToShow({ scrollTop: 0, height: 100, rowHeight: 40, row: 1 }), 0);
  assert.equal(scrollToShow({ scrollTop: 0, height: 100, rowHeight: 40, row: 2 }), 20);
  assert.equal(scrollToShow({ scrollTop: 300, height: 100, rowHeight: 40, row: 2 }), 80);
});

test("the newest state of each key is kept, and folding one twice changes nothing", () => {
  const model = new Model();
  const running = { type: "image", data: { job: 3, image: 0, state: "running" } };
  model.fold(running);
  model.fold(running);
  model.fold({ type: "image", data: { job: 3, image: 0, state: "done" } });
  assert.equal(model.images.of(imageKey(3, 0))().state, "done");
  assert.equal(model.images.values.length, 1);
});

test("forgotten jobs and workers that are gone are not among the values", () => {
  const model = new Model();
  model.fold({ type: "job", data: { job: 3 } });
  model.fold({ type: "worker", data: { worker: "w1" } });
  model.fold({ type: "job-forgotten", data: { job: 3 } });
  model.fold({ type: "worker-gone", data: { worker: "w1" } });
  assert.deepEqual([model.jobs.values, model.workers.values], [[], []]);
});

test("the return of a master tells every view to read again", () => {
  const model = new Model();
  for (const reachable of [true, true, false, false]) model.fold({ type: "cluster", data: { reachable } });
  assert.equal(model.gaps(), 0);
  model.fold({ type: "cluster", data: { reachable: true } });
  assert.equal(model.gaps(), 1);
});

test("a gap tells every view to read again", () => {
  const model = new Model();
  model.fold({ type: "gap", data: {} });
  assert.equal(model.gaps(), 1);
});

test("one stream asks for what all tabs want", () => {
  const wants = new Wants();
  wants.set("a", ["jobs", "job:3"]);
  wants.set("b", ["workers", "jobs"]);
  assert.deepEqual(wants.union, ["job:3", "jobs", "workers"]);
  wants.remove("a");
  assert.deepEqual(wants.union, ["jobs", "workers"]);
});

test("a topic is wanted until the last view that wants it ends", () => {
  const counter = new TopicCounter();
  assert.equal(counter.add("jobs"), true);
  assert.equal(counter.add("jobs"), false);
  assert.equal(counter.remove("jobs"), false);
  assert.equal(counter.remove("jobs"), true);
});

const worker = (state, held, name = "w1") => ({ worker: name, name: "one", state, leases_held: held, slot_count: 2 });

test("a lease takes the lowest free lane, and its bar ends when it does", () => {
  const lanes = new Lanes();
  lanes.saw(worker("alive", 2), 100);
  lanes.saw(worker("alive", 1), 200);
  lanes.saw(worker("alive", 2), 300);
  assert.deepEqual(lanes.of("w1"), [
    { lane: 0, from: 100, to: null, isLost: false },
    { lane: 1, from: 100, to: 200, isLost: false },
    { lane: 1, from: 300, to: null, isLost: false },
  ]);
});

test("leases beyond the slots wait, and are not drawn as work", () => {
  const lanes = new Lanes();
  lanes.saw(worker("alive", 4), 100);
  assert.equal(lanes.of("w1").length, 2);
});

test("the bars of a lost worker are broken, and a sentence says how much it held", () => {
  const lanes = new Lanes();
  lanes.saw(worker("alive", 2), 100);
  lanes.gone("w1", 150);
  assert.deepEqual(lanes.of("w1").map((bar) => [bar.to, bar.isLost]), [[150, true], [150, true]]);
  assert.deepEqual(happened(worker("alive", 2), undefined), { sentence: "w1 (one) was lost with 2 tasks; they go to other nodes.", isBad: true });
  assert.equal(happened(worker("alive", 1), worker("alive", 2)), null);
});

test("bars that are older than ten minutes are forgotten", () => {
  const lanes = new Lanes();
  lanes.saw(worker("alive", 1), 0);
  lanes.saw(worker("alive", 0), 10);
  lanes.saw(worker("alive", 1), 700_000);
  assert.equal(lanes.of("w1").length, 1);
});

test("an address names its view; numbers only where numbers belong", () => {
  assert.deepEqual(match("/jobs/17/3"), { view: "image", parameters: { job: 17, image: 3 } });
  assert.equal(match("/jobs/17").view, "job");
  for (const path of ["/jobs/x", "/jobs/1/2/3", "/assets/a/main.js", "/api/v1/jobs"]) assert.equal(match(path).view, "not-found");
});

test("a sequence of keys is a command, and a wrong second key begins again", () => {
  const bindings = ["g j", "g n", "n", "?"];
  assert.deepEqual(advance(bindings, "", "g"), { found: null, pending: "g" });
  assert.deepEqual(advance(bindings, "g", "n"), { found: "g n", pending: "" });
  assert.deepEqual(advance(bindings, "g", "?"), { found: "?", pending: "" });
  assert.equal(keyName({ key: "k", metaKey: true }), "Control+k");
});

test("pages follow each other, and a job that an event brought is not read twice", async () => {
  const all = Array.from({ length: 5 }, (_, index) => ({ job: 5 - index }));
  const pages = new PagedKeys(async (cursor) => {
    const from = Number(cursor ?? 0);
    return { items: all.slice(from, from + 2), next: from + 2 < all.length ? String(from + 2) : null, total: 5 };
  }, (job) => String(job.job));
  await pages.restart();
  pages.unshift("6");
  pages.unshift("5");
  assert.deepEqual(pages.keys, ["6", "5", "4"]);
  await pages.reach(3);
  await pages.reach(5);
  await pages.reach(6);
  assert.deepEqual(pages.keys, ["6", "5", "4", "3", "2", "1"]);
  assert.equal(pages.next, null);
});

test("an error of a page is told, and what was read stays", async () => {
  let isBroken = false;
  const pages = new PagedKeys(async () => {
    if (isBroken) throw new Error("away");
    return { items: [{ job: 1 }] };
  }, (job) => String(job.job));
  await pages.restart();
  isBroken = true;
  await pages.restart();
  assert.deepEqual([pages.keys, pages.error()?.message], [["1"], "away"]);
});

test("a job is done to 100 % only when all of it is", () => {
  const job = { state: "running", image_count: 3, images_done: 2, images_failed: 0, pixels_total: 300, pixels_done: 299 };
  assert.equal(percent(share(job)), "66 %");
  assert.equal(percent(share({ ...job, state: "done" })), "100 %");
  assert.equal(percent(0.999), "99 %");
});

test("numbers are short and say their unit", () => {
  assert.equal(bytes(1), "1 byte");
  assert.equal(bytes(1536), "1.5 KiB");
  assert.equal(bytes(17 * 1024 ** 3), "17 GiB");
  assert.equal(pixels(400_000_000), "400 Mpx");
  assert.equal(duration(74_000), "1 min 14 s");
  assert.equal(duration(59_700), "1 min");
  assert.equal(duration(3_900_000), "1 h 5 min");
});

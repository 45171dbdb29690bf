import assert from "node:assert/strict";
import { test } from "node:test";
import { UploadPlan, parseLimits } from "../../../share/tessera/web/upload/plan.js";

const plan = (count, size = 100, mustAsk = false) => {
  const made = new UploadPlan({ appendByteCount: 60 });
  for (let number = 0; number < count; number += 1) made.added({ key: `f${number}`, url: `/u/${number}`, size, mustAsk });
  return made;
};

test("three files are sent at a time, in their order", () => {
  const uploads = plan(5);
  assert.deepEqual(uploads.next(0).map((action) => action.key), ["f0", "f1", "f2"]);
  assert.deepEqual(uploads.next(0), []);
  uploads.stored("f1", 100, true);
  assert.deepEqual(uploads.next(0).map((action) => action.key), ["f3"]);
});

test("a file is sent in parts, the last of which says so", () => {
  const uploads = plan(1);
  assert.deepEqual(uploads.next(0), [{ type: "append", key: "f0", url: "/u/0", from: 0, to: 60, isLast: false }]);
  uploads.stored("f0", 60, false);
  assert.deepEqual(uploads.next(0), [{ type: "append", key: "f0", url: "/u/0", from: 60, to: 100, isLast: true }]);
  uploads.stored("f0", 100, true);
  assert.equal(uploads.isBusy, false);
});

test("after trouble the server is asked how far it is, after a pause that grows", () => {
  const uploads = plan(1);
  uploads.next(0);
  uploads.failed("f0", { now: 1000, chance: 1 });
  assert.deepEqual(uploads.next(1400), []);
  assert.equal(uploads.wakesAt, 1500);
  assert.deepEqual(uploads.next(1500), [{ type: "ask", key: "f0", url: "/u/0" }]);
  uploads.failed("f0", { now: 2000, chance: 1 });
  assert.equal(uploads.wakesAt, 3000);
  uploads.next(3000);
  uploads.stored("f0", 40, false);
  assert.deepEqual(uploads.next(3000), [{ type: "append", key: "f0", url: "/u/0", from: 40, to: 100, isLast: true }]);
});

test("the right offset of a 409 is taken at once", () => {
  const uploads = plan(1);
  uploads.next(0);
  uploads.failed("f0", { now: 5, chance: 1, offset: 80 });
  assert.deepEqual(uploads.next(5), [{ type: "append", key: "f0", url: "/u/0", from: 80, to: 100, isLast: true }]);
});

test("an offset that is never right does not make a storm", () => {
  const uploads = plan(1);
  for (let round = 0; round < 4; round += 1) {
    uploads.next(1_000_000);
    uploads.failed("f0", { now: 1_000_000, chance: 1, offset: 10 });
  }
  assert.deepEqual(uploads.next(1_000_000), []);
});

test("Retry-After is obeyed", () => {
  const uploads = plan(1);
  uploads.next(0);
  uploads.failed("f0", { now: 0, chance: 0, retryAfter: 9000 });
  assert.deepEqual(uploads.next(8999), []);
  assert.equal(uploads.next(9000).length, 1);
});

test("a file that is resumed is asked for first, and finished ones are not sent", () => {
  const uploads = plan(2, 100, true);
  assert.deepEqual(uploads.next(0).map((action) => action.type), ["ask", "ask"]);
  uploads.stored("f0", 100, true);
  uploads.stored("f1", 70, false);
  assert.deepEqual(uploads.next(0), [{ type: "append", key: "f1", url: "/u/1", from: 70, to: 100, isLast: true }]);
});

test("a refused file does not stop the others", () => {
  const uploads = plan(4);
  uploads.next(0);
  uploads.refused("f0", "not-an-image", "it begins with text");
  assert.deepEqual(uploads.next(0).map((action) => action.key), ["f3"]);
});

test("nothing is sent while the browser is offline, and all at once after", () => {
  const uploads = plan(1);
  uploads.next(0);
  uploads.failed("f0", { now: 0, chance: 1 });
  uploads.offline();
  assert.deepEqual(uploads.next(1e9), []);
  uploads.online();
  assert.equal(uploads.next(0).length, 1);
});

test("limits are read from the header, and other members are passed over", () => {
  assert.deepEqual(parseLimits("max-size=10, max-append-size=16777216, x=?1"), { "max-size": 10, "max-append-size": 16_777_216 });
  assert.deepEqual(parseLimits(null), {});
});

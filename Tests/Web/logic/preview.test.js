import assert from "node:assert/strict";
import { test } from "node:test";
import { Latest } from "../../../share/tessera/web/preview/latest.js";
import { badge, described, dragged, regionAround } from "../../../share/tessera/web/preview/region.js";

/** Timers that fire when the test says so. */
function clock() {
  let now = 0;
  const due = new Set();
  return {
    after: (milliseconds, act) => {
      const entry = { at: now + milliseconds, act };
      due.add(entry);
      return () => due.delete(entry);
    },
    pass: async (milliseconds) => {
      now += milliseconds;
      for (const entry of [...due]) if (entry.at <= now && due.delete(entry)) entry.act();
      for (let turn = 0; turn < 5; turn += 1) await null;
    },
  };
}

function asking(request) {
  const { after, pass } = clock();
  const answers = [];
  const errors = [];
  const latest = new Latest({ request, answered: (answer) => answers.push(answer), refused: (error) => errors.push(error), after });
  return { latest, pass, answers, errors };
}

test("of questions within the pause only the last is asked", async () => {
  const asked = [];
  const { latest, pass, answers } = asking(async (question) => asked.push(question) && question);
  for (const question of [1, 2, 3]) {
    latest.ask(question);
    await pass(79);
  }
  assert.deepEqual(asked, []);
  await pass(1);
  assert.deepEqual(asked, [3]);
  assert.deepEqual(answers, [3]);
});

test("a newer question ends the request of an older one, whose answer is not shown", async () => {
  const requests = [];
  const { latest, pass, answers } = asking((question, signal) => new Promise((resolve) => requests.push({ question, signal, resolve })));
  latest.ask("old");
  await pass(80);
  latest.ask("new");
  assert.ok(requests[0].signal.aborted);
  await pass(80);
  requests[0].resolve("old");
  requests[1].resolve("new");
  await pass(0);
  assert.deepEqual(answers, ["new"]);
});

test("a busy server is asked again after the time that it names, any other refusal is told", async () => {
  let count = 0;
  const { latest, pass, answers, errors } = asking(async () => {
    count += 1;
    if (count === 1) throw Object.assign(new Error("busy"), { status: 429, retryAfter: 1000 });
    if (count === 2) return "picture";
    throw Object.assign(new Error("wrong"), { status: 422 });
  });
  latest.ask("a");
  await pass(80);
  await pass(999);
  assert.equal(count, 1);
  await pass(1);
  assert.deepEqual(answers, ["picture"]);
  latest.ask("b");
  await pass(80);
  assert.deepEqual(errors.map((each) => each.message), ["wrong"]);
});

test("a region fills the view and stays within the result", () => {
  const result = { width: 1000, height: 400 };
  assert.deepEqual(regionAround(result, { width: 300.7, height: 500 }, { x: 0.5, y: 0.5 }), [350, 0, 300, 400]);
  assert.deepEqual(regionAround(result, { width: 300, height: 200 }, { x: 0, y: 1 }), [0, 200, 300, 200]);
  assert.deepEqual(regionAround({ width: 1, height: 1 }, { width: 0, height: 0 }, { x: 0.3, y: 0.3 }), [0, 0, 1, 1]);
});

test("a drag moves the region against the pointer, and not beyond the edge", () => {
  const [result, view] = [{ width: 1000, height: 1000 }, { width: 200, height: 200 }];
  assert.deepEqual(dragged({ x: 0.5, y: 0.5 }, 100, -100, result, view), { x: 0.4, y: 0.6 });
  assert.deepEqual(dragged({ x: 0.5, y: 0.5 }, 1e6, -1e6, result, view), { x: 0.1, y: 0.9 });
});

test("the header fields say what is seen, and the badge says it in words", () => {
  const fields = new Map([["Tessera-Preview", "approximate;reason=otsu"], ["Tessera-Result", "width=40, height=30, bits=16"]]);
  const found = described({ get: (name) => fields.get(name) ?? null });
  assert.deepEqual(found, { isExact: false, reason: "otsu", width: 40, height: 30, bits: 16 });
  assert.match(badge(found).says, /^otsu .* 16 bits/);
  assert.equal(badge({ isExact: true, reason: "", bits: 8 }).word, "Exact");
});

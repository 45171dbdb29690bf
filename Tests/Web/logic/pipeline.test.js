import assert from "node:assert/strict";
import { test } from "node:test";
import * as history from "../../../share/tessera/web/pipeline/history.js";
import { fieldsOf, objection, search, sliderRange } from "../../../share/tessera/web/pipeline/schema.js";
import { moved, parse, print, stepAt } from "../../../share/tessera/web/pipeline/text.js";

const canonical = ["invert", "gaussian-blur sigma=3 | sobel", 'convolve kernel="0 1 0/1 -4 1/0 1 0" | otsu', "resize max-width=2048 fit=inside"];

test("a canonical text comes back from its steps unchanged", () => {
  for (const text of canonical) assert.equal(print(parse(text)), text);
});

test("a separator in quotes does not end a step", () => {
  const steps = parse('convolve kernel="1 | 2" | invert');
  assert.deepEqual(steps.map((step) => step.name), ["convolve", "invert"]);
  assert.equal(steps[0].values.kernel, "1 | 2");
});

test("a step knows its place in the text, without the space around it", () => {
  const text = "  invert |  sobel size=3 ";
  assert.deepEqual(parse(text).map(({ start, end }) => text.slice(start, end)), ["invert", "sobel size=3"]);
});

test("half-typed words are kept", () => {
  assert.equal(print(parse("gaussian-blur sigma= | sobel siz")), 'gaussian-blur sigma="" | sobel siz');
  assert.deepEqual(parse("invert | ").map((step) => step.name), ["invert", ""]);
});

test("an empty text has no steps: files are converted only", () => {
  assert.deepEqual(parse("  "), []);
  assert.equal(print([]), "");
});

test("arguments are printed in the order of the description", () => {
  assert.equal(print(parse("resize fit=cover width=3"), () => ["width", "height", "fit"]), "resize width=3 fit=cover");
});

test("an error's place, counted in Unicode scalars, leads to its step", () => {
  const text = "channel name=😀 | box-blur size=4";
  const scalars = [...text];
  assert.equal(stepAt(text, scalars.indexOf("4")), 1);
  assert.equal(stepAt(text, 2), 0);
});

test("a moved step lands where it was dropped", () => {
  assert.deepEqual(moved(["a", "b", "c"], 0, 2), ["b", "c", "a"]);
  assert.deepEqual(moved(["a", "b", "c"], 2, 0), ["c", "a", "b"]);
  assert.deepEqual(moved(["a", "b"], 0, 9), ["b", "a"]);
});

test("undo gives back each text, and a new change forgets what was undone", () => {
  let state = history.begin("a");
  state = history.change(state, "b");
  state = history.change(state, "c");
  state = history.undo(state);
  assert.equal(state.present, "b");
  assert.equal(history.redo(state).present, "c");
  state = history.change(state, "d");
  assert.deepEqual([state.present, state.future.length], ["d", 0]);
  assert.equal(history.undo(history.undo(history.undo(state))).present, "a");
});

test("the movement of one slider is undone as one", () => {
  let state = history.begin("sigma=1");
  for (const value of [2, 3, 4]) state = history.change(state, `sigma=${value}`, "0 sigma");
  state = history.change(state, "sigma=4 | invert");
  assert.equal(history.undo(history.undo(state)).present, "sigma=1");
});

const blur = {
  title: "box-blur", family: "smoothing", description: "Averages a square", keywords: ["mean", "average"],
  properties: {
    size: { type: "integer", minimum: 1, maximum: 255, not: { multipleOf: 2 }, default: 5, unit: "pixels" },
    border: { type: "string", enum: ["reflect-101", "constant"], default: "reflect-101" },
  },
};

test("an even size is refused with the range that is allowed", () => {
  const [size] = fieldsOf(blur);
  assert.equal(objection(size, "4"), "size is an odd integer from 1 to 255");
  assert.equal(objection(size, "257"), "size is an odd integer from 1 to 255");
  assert.equal(objection(size, "7"), null);
  assert.equal(objection(size, "1e1"), "size is an odd integer from 1 to 255");
});

test("auto is allowed where the schema has it, and only there", () => {
  const [width, size] = fieldsOf({ properties: { width: { default: "auto", anyOf: [{ type: "integer", minimum: 1, maximum: 9 }, { const: "auto" }] }, ...blur.properties } });
  assert.equal(width.mayBeAuto, true);
  assert.equal(objection(width, "auto"), null);
  assert.equal(objection(width, "10"), "width is an integer from 1 to 9, or auto");
  assert.notEqual(objection(size, "auto"), null);
});

test("a slider stays within what is allowed and what a hand can use", () => {
  const [size] = fieldsOf(blur);
  assert.deepEqual(sliderRange(size), { from: 1, to: 39, step: 2 });
});

test("an operation is found by a word that people use, and a name comes first", () => {
  const others = [{ title: "average-gray", family: "colour", description: "x", keywords: [] }, blur];
  assert.deepEqual(search(others, "average").map((each) => each.title), ["average-gray", "box-blur"]);
  assert.deepEqual(search(others, "box blur").map((each) => each.title), ["box-blur"]);
  assert.deepEqual(search(others, "nothing"), []);
});

test("an operation of which a word is a keyword comes before one that has it within another word", () => {
  const smooth = { title: "bilateral", family: "smoothing", description: "Keeps edges", keywords: ["edge-preserving"] };
  const edges = { title: "sobel", family: "edges", description: "Gradient", keywords: ["edges"] };
  assert.deepEqual(search([smooth, edges], "edge").map((each) => each.title), ["sobel", "bilateral"]);
});

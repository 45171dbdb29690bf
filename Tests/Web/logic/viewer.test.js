import assert from "node:assert/strict";
import { test } from "node:test";
import { apply, compose, identity, inverse, resultToOriginal } from "../../../share/tessera/web/viewer/mapping.js";
import { baseLevel, boxAround, levelFor, missingPatches, patchAddress, rowsAt, tileBox, tilesIn, without, withRun } from "../../../share/tessera/web/viewer/pyramid.js";
import { clamped, fit, fromFragment, imagePoint, nextScale, panned, toFragment, viewPoint, zoomed } from "../../../share/tessera/web/viewer/viewport.js";

const view = { width: 800, height: 600 };
const image = { width: 4000, height: 2000 };
const near = (actual, expected) => {
  for (const key of Object.keys(expected)) assert.ok(Math.abs(actual[key] - expected[key]) < 1e-6, `${key}: ${actual[key]} is not ${expected[key]}`);
};

test("a large image is fitted, a small one is not enlarged", () => {
  assert.deepEqual(fit(image, view), { x: 2000, y: 1000, scale: 0.2 });
  assert.equal(fit({ width: 10, height: 10 }, view).scale, 1);
});

test("the point under the pointer stays there while zooming", () => {
  const before = { x: 2000, y: 1000, scale: 0.2 };
  const point = imagePoint(before, view, 123, 456);
  const after = zoomed(before, view, 3.7, 123, 456);
  near(imagePoint(after, view, 123, 456), point);
  near(viewPoint(after, view, point.x, point.y), { x: 123, y: 456 });
});

test("a drag moves the image with the pointer", () => {
  const before = { x: 50, y: 50, scale: 2 };
  near(viewPoint(panned(before, 10, -20), view, 50, 50), { x: 410, y: 280 });
});

test("some of the image stays in view", () => {
  near(clamped({ x: -500, y: 9000, scale: 1000 }, image, view), { x: 0, y: 2000, scale: 32 });
});

test("the usual sizes follow each other in both directions", () => {
  assert.equal(nextScale(1, 1), 1.5);
  assert.equal(nextScale(1, -1), 2 / 3);
  assert.equal(nextScale(32, 1), 32);
});

test("an address brings the same view back", () => {
  assert.deepEqual(fromFragment(toFragment({ x: 120, y: 80, scale: 0.25 })), { x: 120, y: 80, scale: 0.25 });
  for (const other of ["", "#code=1", "#1,2", "#1,2,0", "#a,b,c"]) assert.equal(fromFragment(other), null);
});

test("an affine mapping and its inverse are nothing together", () => {
  const some = [2, 1, 5, -1, 3, 7];
  near(apply(compose(some, inverse(some)), 11, 13), { x: 11, y: 13 });
  assert.equal(inverse([1, 2, 0, 2, 4, 0]), null);
});

const at = (steps, x, y, size = image) => apply(resultToOriginal(steps, size), x, y);

test("operations that keep the geometry keep each point", () => {
  assert.deepEqual(resultToOriginal([{ operation: "sobel", width: 4000, height: 2000 }], image), identity);
});

test("a crop is where it was cut", () => {
  near(at([{ operation: "crop", arguments: { x: 100, y: 40, width: 10, height: 10 }, width: 10, height: 10 }], 3, 4), { x: 103, y: 44 });
});

test("a smaller copy leads to the full size", () => {
  near(at([{ operation: "resize", arguments: { scale: 0.25 }, width: 1000, height: 500 }], 250, 250), { x: 1000, y: 1000 });
});

test("a covered box leads to the middle of what was cut off", () => {
  const step = { operation: "resize", arguments: { width: 500, height: 500, fit: "cover" }, width: 500, height: 500 };
  near(at([step], 250, 250), { x: 2000, y: 1000 });
  near(at([step], 0, 0), { x: 1000, y: 0 });
});

test("each quarter turn leads each corner back", () => {
  const turned = { operation: "rotate", arguments: { degrees: 90 }, width: 2000, height: 4000 };
  near(at([turned], 2000, 0), { x: 0, y: 0 });
  near(at([turned], 0, 0), { x: 0, y: 2000 });
  const back = { operation: "rotate", arguments: { degrees: -90 }, width: 4000, height: 2000 };
  near(at([turned, back], 17, 23), { x: 17, y: 23 });
});

test("four turns by EXIF orientation agree with rotate and flip", () => {
  const oriented = (value, width, height) => [{ operation: "auto-orient", arguments: { orientation: value }, width, height }];
  const rotated = (degrees, width, height) => [{ operation: "rotate", arguments: { degrees }, width, height }];
  near(at(oriented(6, 2000, 4000), 5, 9), at(rotated(90, 2000, 4000), 5, 9));
  near(at(oriented(8, 2000, 4000), 5, 9), at(rotated(270, 2000, 4000), 5, 9));
  near(at(oriented(3, 4000, 2000), 5, 9), at(rotated(180, 4000, 2000), 5, 9));
  near(at(oriented(2, 4000, 2000), 5, 9), at([{ operation: "flip", arguments: { axis: "horizontal" }, width: 4000, height: 2000 }], 5, 9));
});

test("a border has its own width on each side", () => {
  near(at([{ operation: "border", arguments: { all: 10, left: 3 }, width: 4013, height: 2020 }], 3, 10), { x: 0, y: 0 });
});

const large = { width: 20_001, height: 5_000 };

test("the coarsest level is one tile, and a level is as fine as the screen", () => {
  assert.equal(baseLevel(large), 5);
  assert.equal(baseLevel({ width: 1024, height: 3 }), 0);
  assert.deepEqual([1, 2, 0.5, 0.26, 0.25, 0.04, 0.001].map((scale) => levelFor(large, scale)), [0, 0, 1, 1, 2, 4, 5]);
});

test("what is in view of a picture that is turned and reduced is the box around it", () => {
  const box = { x: 10, y: 20, width: 30, height: 40 };
  assert.deepEqual(boxAround([1, 0, 0, 0, 1, 0], box), box);
  // A quarter turn, and twice as large.
  assert.deepEqual(boxAround([0, -2, 100, 2, 0, 0], box), { x: -20, y: 20, width: 80, height: 60 });
});

test("tiles in view are those of the view, the middle first", () => {
  const tiles = tilesIn(large, 0, { x: 1000, y: 1000, width: 2100, height: 100 });
  assert.deepEqual(tiles.map(({ column, row }) => [column, row]).sort(), [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1], [3, 0], [3, 1]]);
  assert.ok([1, 2].includes(tiles[0].column));
  assert.deepEqual(tilesIn(large, 5, { x: -50, y: -50, width: 1e6, height: 1e6 }), [{ level: 5, column: 0, row: 0 }]);
  assert.deepEqual(tilesIn(large, 0, { x: 30_000, y: 0, width: 10, height: 10 }), []);
  assert.deepEqual(tileBox(large, { level: 0, column: 19, row: 4 }), { x: 19_456, y: 4096, width: 545, height: 904 });
});

test("a row of a level is there when all rows that it is made of are", () => {
  assert.deepEqual(rowsAt(large, 3, [[0, 279], [558, 837]]), [[0, 34], [70, 104]]);
  assert.deepEqual(rowsAt(large, 3, [[0, 7]]), []);
  assert.deepEqual(rowsAt(large, 3, [[4_990, 5_000]]), [[624, 625]], "the last row stands for fewer");
  assert.deepEqual(rowsAt({ width: 8, height: 21 }, 3, [[8, 21]]), [[1, 3]]);
});

test("only finished rows are asked for, and each once", () => {
  const tile = { level: 0, column: 2, row: 0 };
  assert.deepEqual(missingPatches(large, tile, [], []), []);
  assert.deepEqual(missingPatches(large, tile, [[0, 279], [558, 1500]], []), [[0, 279], [558, 1024]]);
  assert.deepEqual(missingPatches(large, tile, [[0, 1500]], [[0, 279], [558, 1024]]), [[279, 558]]);
  assert.deepEqual(missingPatches(large, { level: 0, column: 0, row: 1 }, [[0, 279]], []), []);
  // Between two chunks there are rows of a level that need both.
  assert.deepEqual(missingPatches(large, { level: 4, column: 0, row: 0 }, [[0, 558]], [[0, 17]]), [[17, 34]]);
});

test("runs are joined and taken apart", () => {
  assert.deepEqual(withRun([[0, 10], [20, 30]], [10, 20]), [[0, 30]]);
  assert.deepEqual(withRun([[20, 30]], [5, 8]), [[5, 8], [20, 30]]);
  assert.deepEqual(without([[0, 100]], [[10, 20], [20, 30], [90, 200]]), [[0, 10], [30, 90]]);
  assert.deepEqual(without([[5, 10], [20, 25]], [[0, 30]]), []);
});

test("a patch is a region and a size of IIIF", () => {
  assert.equal(patchAddress(large, { level: 0, column: 1, row: 0 }, [279, 558]), "1024,279,1024,279/1024,279/0/default.png");
  assert.equal(patchAddress(large, { level: 5, column: 0, row: 0 }, [100, 157]), "0,3200,20001,1800/626,57/0/default.png");
});

/**
 * The tiles of a large picture: a pyramid of levels, each half of the one before, cut into squares. Pure geometry.
 *
 * Rows that are not computed yet cannot be asked for. So a tile is filled by *patches*: runs of its rows that are finished.
 */

import { apply } from "./mapping.js";

/** @typedef {[number, number]} Run first row, and the row behind the last one */
/** @typedef {{ width: number, height: number }} Size */
/** @typedef {{ level: number, column: number, row: number }} Tile */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box */

export const tileSide = 1024;

/**
 * A side at a level.
 * @param {number} length
 * @param {number} level
 */
export const reduced = (length, level) => Math.ceil(length / 2 ** level);

/**
 * The level of which the whole picture is one tile.
 * @param {Size} picture
 */
export function baseLevel({ width, height }) {
  let level = 0;
  while (reduced(Math.max(width, height), level) > tileSide) level += 1;
  return level;
}

/**
 * The level whose pixels are at least as fine as those of the screen.
 * @param {Size} picture
 * @param {number} scale screen pixels per picture pixel
 */
export const levelFor = (picture, scale) => Math.max(0, Math.min(baseLevel(picture), Math.floor(Math.log2(1 / scale) + 1e-9)));

/**
 * The part of a level that a tile has, in the level's pixels.
 * @param {Size} picture
 * @param {Tile} tile
 * @returns {Box}
 */
export function tileBox(picture, { level, column, row }) {
  const [x, y] = [column * tileSide, row * tileSide];
  return { x, y, width: Math.min(tileSide, reduced(picture.width, level) - x), height: Math.min(tileSide, reduced(picture.height, level) - y) };
}

/**
 * The smallest box around what a box becomes.
 * @param {import("./mapping.js").Affine} affine
 * @param {Box} box
 * @returns {Box}
 */
export function boxAround(affine, { x, y, width, height }) {
  const corners = [[x, y], [x + width, y], [x, y + height], [x + width, y + height]].map(([atX, atY]) => apply(affine, atX, atY));
  const [left, top] = [Math.min(...corners.map((each) => each.x)), Math.min(...corners.map((each) => each.y))];
  return { x: left, y: top, width: Math.max(...corners.map((each) => each.x)) - left, height: Math.max(...corners.map((each) => each.y)) - top };
}

/**
 * The tiles of a level that show a part of the picture, those in the middle first.
 * @param {Size} picture
 * @param {number} level
 * @param {Box} box in the picture's pixels
 * @returns {Tile[]}
 */
export function tilesIn(picture, level, box) {
  const side = tileSide * 2 ** level;
  const last = (/** @type {number} */ length) => Math.ceil(reduced(length, level) / tileSide) - 1;
  const [left, top] = [Math.max(0, Math.floor(box.x / side)), Math.max(0, Math.floor(box.y / side))];
  const right = Math.min(last(picture.width), Math.ceil((box.x + box.width) / side) - 1);
  const bottom = Math.min(last(picture.height), Math.ceil((box.y + box.height) / side) - 1);
  /** @type {Tile[]} */
  const tiles = [];
  for (let row = top; row <= bottom; row += 1) for (let column = left; column <= right; column += 1) tiles.push({ level, column, row });
  const distance = (/** @type {Tile} */ { column, row }) => Math.hypot((column + 0.5) * side - box.x - box.width / 2, (row + 0.5) * side - box.y - box.height / 2);
  return tiles.sort((first, second) => distance(first) - distance(second));
}

/**
 * The rows of a level that finished rows of the picture give: a row of the level is there when all rows that it is made of are.
 * @param {Size} picture
 * @param {number} level
 * @param {readonly Run[]} finished
 * @returns {Run[]}
 */
export function rowsAt(picture, level, finished) {
  const side = 2 ** level;
  return finished
    .map(([first, end]) => /** @type {Run} */ ([Math.ceil(first / side), end >= picture.height ? reduced(picture.height, level) : Math.floor(end / side)]))
    .filter(([first, end]) => first < end);
}

/**
 * Runs without others; all sorted, none overlapping.
 * @param {readonly Run[]} runs
 * @param {readonly Run[]} others
 * @returns {Run[]}
 */
export function without(runs, others) {
  /** @type {Run[]} */
  const rest = [];
  for (const [first, end] of runs) {
    let next = first;
    for (const [from, to] of others) {
      if (to <= next || from >= end) continue;
      if (from > next) rest.push([next, from]);
      next = Math.max(next, to);
    }
    if (next < end) rest.push([next, end]);
  }
  return rest;
}

/**
 * Runs and one more.
 * @param {readonly Run[]} runs
 * @param {Run} run
 * @returns {Run[]}
 */
export function withRun(runs, run) {
  let [first, end] = run;
  /** @type {Run[]} */
  const rest = [];
  for (const each of runs) {
    if (each[1] < first || each[0] > end) rest.push(each);
    else [first, end] = [Math.min(first, each[0]), Math.max(end, each[1])];
  }
  return [...rest, /** @type {Run} */ ([first, end])].sort((one, other) => one[0] - other[0]);
}

/**
 * What of a tile can be asked for and is not there yet, as rows of its level.
 * @param {Size} picture
 * @param {Tile} tile
 * @param {readonly Run[]} finished rows of the picture
 * @param {readonly Run[]} known rows of the level
 * @returns {Run[]}
 */
export function missingPatches(picture, tile, finished, known) {
  const box = tileBox(picture, tile);
  const inTile = rowsAt(picture, tile.level, finished)
    .map(([first, end]) => /** @type {Run} */ ([Math.max(first, box.y), Math.min(end, box.y + box.height)]))
    .filter(([first, end]) => first < end);
  return without(inTile, known);
}

/**
 * Region and size of a patch as an address of IIIF has them.
 * @param {Size} picture
 * @param {Tile} tile
 * @param {Run} rows of the level
 */
export function patchAddress(picture, tile, [first, end]) {
  const side = 2 ** tile.level;
  const box = tileBox(picture, tile);
  const [x, y] = [box.x * side, first * side];
  const width = Math.min(box.width * side, picture.width - x);
  const height = Math.min((end - first) * side, picture.height - y);
  return `${x},${y},${width},${height}/${box.width},${end - first}/0/default.png`;
}

/**
 * A large picture, or one that is still being computed, as tiles of the server's. Only what can be there is asked for; what arrives
 * is painted over what is seen, so that nothing flashes. A coarse level is always kept, and finer tiles of what is in view.
 */

import { signal } from "../core/signals.js";
import { baseLevel, levelFor, missingPatches, patchAddress, reduced, tileBox, tilesIn, withRun } from "./pyramid.js";

/** @typedef {import("./pyramid.js").Run} Run */
/** @typedef {import("./pyramid.js").Tile} Tile */
/** @typedef {{ canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, tile: Tile, rows: Run[], asked: Run[], use: number }} Sheet rows of the level that are painted, and those that are on their way */

const concurrentCount = 4;
/** 4 MiB each. */
const keptCount = 48;
const retryMilliseconds = 1000;

export class Tiles {
  /**
   * @param {{ address: string, width: number, height: number, rows: readonly Run[] }} picture `address`: of the image, for IIIF; `rows`: the finished ones
   */
  constructor({ address, width, height, rows }) {
    this.address = address;
    this.width = width;
    this.height = height;
    this.rows = rows;
    /** Changes when there is something new to be drawn. */
    this.version = signal(0);
    this.trouble = signal("");
    /** @type {Map<string, Sheet>} */
    this.sheets = new Map();
    this.base = { level: baseLevel(this), column: 0, row: 0 };
    /** @type {Tile[]} */
    this.wanted = [this.base];
    this.running = 0;
    this.uses = 0;
    /** The server knows less than what it told before: the next event says more. */
    this.isStale = false;
    this.abort = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.#fetchMore();
  }

  /** @param {readonly Run[]} rows that are finished now */
  finished(rows) {
    this.rows = rows;
    this.isStale = false;
    this.version.update((version) => version + 1);
    this.#fetchMore();
  }

  stop() {
    this.abort.abort();
    clearTimeout(this.timer);
    this.sheets.clear();
  }

  /** Whether every row of the coarse level is painted. */
  get isComplete() {
    const rows = this.sheets.get(key(this.base))?.rows ?? [];
    return rows.length === 1 && rows[0][0] === 0 && rows[0][1] === reduced(this.height, this.base.level);
  }

  /**
   * Draws what is in view, and asks for what is missing there.
   * @param {CanvasRenderingContext2D} context
   * @param {{ x: number, y: number, scale: number, ratio: number, middle: number, height: number }} place the picture's point in the middle of the view; `middle` and `height` in pixels of the canvas
   * @param {{ checks: CanvasPattern, hatch: CanvasPattern } | null} grounds of transparent and of missing parts; `null`: none
   */
  paint(context, { x, y, scale, ratio, middle, height }, grounds) {
    const zoom = scale * ratio;
    // Whole pixels of the canvas, so that neighbours meet without a seam.
    const across = (/** @type {number} */ at) => Math.round(middle + (at - x) * zoom);
    const down = (/** @type {number} */ at) => Math.round(height / 2 + (at - y) * zoom);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.imageSmoothingQuality = "high";
    const [left, right] = [across(0), across(this.width)];
    if (grounds) {
      context.fillStyle = grounds.hatch;
      context.fillRect(left, down(0), right - left, down(this.height) - down(0));
    }
    const box = { x: x - middle / zoom, y: y - height / 2 / zoom, width: (2 * middle) / zoom, height: height / zoom };
    const level = levelFor(this, zoom);
    const fine = level < this.base.level ? tilesIn(this, level, box) : [];
    for (const tile of [this.base, ...fine]) {
      const sheet = this.sheets.get(key(tile));
      if (!sheet) continue;
      sheet.use = this.uses += 1;
      const side = 2 ** tile.level;
      const { x: firstColumn, y: firstRow, width } = tileBox(this, tile);
      context.imageSmoothingEnabled = zoom * side < 2;
      for (const [first, end] of sheet.rows) {
        const [atX, atY] = [across(firstColumn * side), down(first * side)];
        const [toX, toY] = [across(Math.min(this.width, (firstColumn + width) * side)), down(Math.min(this.height, end * side))];
        if (grounds) {
          context.fillStyle = grounds.checks;
          context.fillRect(atX, atY, toX - atX, toY - atY);
        }
        context.drawImage(sheet.canvas, 0, first - firstRow, width, end - first, atX, atY, toX - atX, toY - atY);
      }
    }
    // What is looked at comes first.
    this.wanted = [...fine, this.base];
    this.#fetchMore();
  }

  /**
   * The pixel at a point: red, green, blue and alpha of 8 bits, or `null` where none is there at full size.
   * @param {number} x
   * @param {number} y
   */
  pixelAt(x, y) {
    const [atX, atY] = [Math.floor(x), Math.floor(y)];
    if (atX < 0 || atY < 0 || atX >= this.width || atY >= this.height) return null;
    const tile = tilesIn(this, 0, { x: atX, y: atY, width: 1, height: 1 })[0];
    const sheet = this.sheets.get(key(tile));
    if (!sheet?.rows.some(([first, end]) => first <= atY && atY < end)) return null;
    const { x: column, y: row } = tileBox(this, tile);
    return [...sheet.context.getImageData(atX - column, atY - row, 1, 1).data];
  }

  #fetchMore() {
    for (const tile of this.wanted) {
      if (this.running >= concurrentCount || this.abort.signal.aborted || this.timer !== undefined || this.isStale) return;
      const sheet = this.sheets.get(key(tile));
      const patch = missingPatches(this, tile, this.rows, sheet ? [...sheet.rows, ...sheet.asked].sort((one, other) => one[0] - other[0]) : [])[0];
      if (patch) this.#fetch(sheet ?? this.#sheet(tile), patch);
    }
  }

  /** @param {Tile} tile */
  #sheet(tile) {
    const canvas = document.createElement("canvas");
    const box = tileBox(this, tile);
    canvas.width = box.width;
    canvas.height = box.height;
    /** @type {Sheet} */
    const sheet = { canvas, context: /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")), tile, rows: [], asked: [], use: this.uses += 1 };
    this.sheets.set(key(tile), sheet);
    const others = [...this.sheets.values()].filter((each) => each.tile !== this.base && each.asked.length === 0).sort((one, other) => one.use - other.use);
    for (const old of others.slice(0, Math.max(0, this.sheets.size - keptCount))) this.sheets.delete(key(old.tile));
    return sheet;
  }

  /**
   * @param {Sheet} sheet
   * @param {Run} patch
   */
  async #fetch(sheet, patch) {
    this.running += 1;
    sheet.asked.push(patch);
    try {
      const response = await fetch(`${this.address}/${patchAddress(this, sheet.tile, patch)}`, { signal: this.abort.signal });
      if (response.ok) {
        const bitmap = await createImageBitmap(await response.blob(), { premultiplyAlpha: "none" });
        sheet.context.clearRect(0, patch[0] - tileBox(this, sheet.tile).y, bitmap.width, bitmap.height);
        sheet.context.drawImage(bitmap, 0, patch[0] - tileBox(this, sheet.tile).y);
        bitmap.close();
        sheet.rows = withRun(sheet.rows, patch);
        this.trouble.set("");
        this.version.update((version) => version + 1);
      } else {
        const problem = await response.json().catch(() => null);
        if (response.status === 404 || response.status === 410) {
          // The image has started over, or it is gone.
          this.isStale = true;
          if (!["not-computed-yet", "not-ready"].includes(problem?.code)) this.trouble.set(problem?.detail ?? "the picture is gone");
        } else {
          if (response.status !== 429) this.trouble.set(problem?.detail ?? `the server answered with status ${response.status}`);
          this.#pause(Number(response.headers.get("Retry-After")) * 1000 || retryMilliseconds);
        }
      }
    } catch {
      this.#pause(retryMilliseconds);
    } finally {
      sheet.asked = sheet.asked.filter((each) => each !== patch);
      this.running -= 1;
    }
    this.#fetchMore();
  }

  /**
   * Asks for nothing for a while.
   * @param {number} milliseconds
   */
  #pause(milliseconds) {
    if (this.timer !== undefined || this.abort.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.#fetchMore();
    }, milliseconds);
  }
}

/** @param {Tile} tile */
const key = ({ level, column, row }) => `${level}/${column}/${row}`;

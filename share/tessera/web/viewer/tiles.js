/**
 * A large picture, or one that is still being computed, as tiles of the server's. Only what can be there is asked for; what arrives
 * is painted over what is seen, so that nothing flashes. A coarse level is always kept, and finer tiles of what is in view.
 */

import { signal } from "../core/signals.js";
import { apply, inverse } from "./mapping.js";
import { baseLevel, boxAround, levelFor, missingPatches, patchAddress, tileBox, tilesIn, withRun } from "./pyramid.js";

/** @typedef {import("./pyramid.js").Run} Run */
/** @typedef {import("./pyramid.js").Tile} Tile */
/** @typedef {{ canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, tile: Tile, rows: Run[], asked: Run[], use: number }} Sheet rows of the level that are painted, and those that are on their way */

const concurrentCount = 4;
/** 4 MiB each. */
const keptCount = 48;
const retryMilliseconds = 1000;
const hatchSize = 12;

/**
 * A picture of tiles.
 * @param {string} address @param {{ width: number, height: number, rows: readonly Run[] }} known
 * @returns {import("./picture.js").TiledPicture}
 */
export const tiled = (address, { width, height, rows }) => ({ tiles: new Tiles({ address, width, height, rows }), width, height, factor: 1 });

export class Tiles {
  /**
   * @param {{ address: string, width: number, height: number, rows: readonly Run[] }} picture `address`: of the image, for IIIF; `rows`: the finished ones. Nothing is asked for before it is painted.
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

  /**
   * Draws what is in view, and asks for what is missing there.
   * @param {CanvasRenderingContext2D} context
   * @param {import("./mapping.js").Affine} affine from the picture to the canvas
   * @param {import("./pyramid.js").Size} view in pixels of the canvas
   * @param {CanvasPattern | null} ground of transparent parts; `null`: none, also where parts are missing
   */
  paint(context, affine, view, ground) {
    // Whole pixels of the canvas, so that neighbours meet without a seam.
    const corner = (/** @type {number} */ x, /** @type {number} */ y) => {
      const at = apply(affine, x, y);
      return { x: Math.round(at.x), y: Math.round(at.y) };
    };
    /**
     * Lays the square of side 1 over a box of the picture.
     * @param {readonly number[]} box left, top, right, bottom
     * @param {CanvasPattern | null} pattern is painted there, as large as it is
     */
    const lay = ([left, top, right, bottom], pattern) => {
      const [from, across, down] = [corner(left, top), corner(right, top), corner(left, bottom)];
      const transform = () => context.setTransform(across.x - from.x, across.y - from.y, down.x - from.x, down.y - from.y, from.x, from.y);
      transform();
      if (!pattern) return;
      context.beginPath();
      context.rect(0, 0, 1, 1);
      context.resetTransform();
      context.fillStyle = pattern;
      context.fill();
      transform();
    };
    context.imageSmoothingQuality = "high";
    if (ground) lay([0, 0, this.width, this.height], hatch(context));
    const zoom = Math.sqrt(Math.abs(affine[0] * affine[4] - affine[1] * affine[3]));
    const back = inverse(affine);
    const level = levelFor(this, zoom);
    const fine = back && level < this.base.level ? tilesIn(this, level, boxAround(back, { x: 0, y: 0, ...view })) : [];
    for (const tile of [this.base, ...fine]) {
      const sheet = this.sheets.get(key(tile));
      if (!sheet) continue;
      sheet.use = this.uses += 1;
      const side = 2 ** tile.level;
      const { x: firstColumn, y: firstRow, width } = tileBox(this, tile);
      for (const [first, end] of sheet.rows) {
        lay([firstColumn * side, first * side, Math.min(this.width, (firstColumn + width) * side), Math.min(this.height, end * side)], ground);
        context.imageSmoothingEnabled = zoom * side < 2;
        context.drawImage(sheet.canvas, 0, first - firstRow, width, end - first, 0, 0, 1, 1);
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

/**
 * Where nothing is computed yet.
 * @param {CanvasRenderingContext2D} context
 */
function hatch(context) {
  const tile = document.createElement("canvas");
  tile.width = 2 * hatchSize;
  tile.height = 2 * hatchSize;
  const inner = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  inner.fillStyle = "#5e5e5e";
  inner.fillRect(0, 0, 2 * hatchSize, 2 * hatchSize);
  inner.strokeStyle = "#767676";
  inner.lineWidth = 3;
  for (const shift of [-2, 0, 2]) {
    inner.beginPath();
    inner.moveTo(shift * hatchSize, 2 * hatchSize);
    inner.lineTo((shift + 2) * hatchSize, 0);
    inner.stroke();
  }
  return /** @type {CanvasPattern} */ (context.createPattern(tile, "repeat"));
}

/** @param {Tile} tile */
const key = ({ level, column, row }) => `${level}/${column}/${row}`;

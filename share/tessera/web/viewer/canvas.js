/**
 * Draws result and original on one canvas, in the coordinates of the result. The original is mapped into them, so that the same
 * thing is at the same place, whatever the pipeline did to the geometry.
 */

import { compose, identity, inverse } from "./mapping.js";

/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {import("./viewport.js").Viewport} Viewport */
/** @typedef {import("./mapping.js").Affine} Affine */
/** @typedef {"result" | "curtain" | "side" | "original" | "difference"} Mode */
/**
 * @typedef {{ result: Picture | null, original: Picture | null, toOriginal: Affine, viewport: Viewport, mode: Mode,
 *   curtain: number, gain: number }} Scene `curtain`: its place as a share of the width; `gain`: the difference is doubled so often
 */

const checkSize = 12;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Scene} scene
 * @param {{ ground: string, ink: string }} colors
 */
export function draw(canvas, scene, colors) {
  const ratio = devicePixelRatio;
  const view = { width: canvas.clientWidth, height: canvas.clientHeight };
  const width = Math.round(view.width * ratio);
  const height = Math.round(view.height * ratio);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalCompositeOperation = "source-over";
  context.fillStyle = colors.ground;
  context.fillRect(0, 0, width, height);
  const part = (/** @type {number} */ x, /** @type {number} */ partWidth, /** @type {() => void} */ paint) => {
    context.save();
    context.beginPath();
    context.rect(x * ratio, 0, partWidth * ratio, height);
    context.clip();
    paint();
    context.restore();
  };
  const place = (/** @type {number} */ middle) => ({ ...scene.viewport, ratio, middle: middle * ratio, height });
  const middle = view.width / 2;
  if (scene.mode === "side") {
    part(0, middle, () => original(context, scene, place(middle / 2)));
    part(middle, middle, () => result(context, scene, place(middle * 1.5)));
    rule(context, middle, ratio, height, colors.ink);
  } else if (scene.mode === "curtain") {
    const x = view.width * scene.curtain;
    part(0, x, () => original(context, scene, place(middle)));
    part(x, view.width - x, () => result(context, scene, place(middle)));
    rule(context, x, ratio, height, colors.ink);
  } else if (scene.mode === "original") {
    original(context, scene, place(middle));
  } else if (scene.mode === "difference") {
    difference(context, canvas, scene, place(middle));
  } else {
    result(context, scene, place(middle));
  }
}

/** @typedef {Viewport & { ratio: number, middle: number, height: number }} Place */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Place} place
 */
function result(context, { result: picture }, place) {
  if (picture) paint(context, picture, identity, place, true);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Place} place
 */
function original(context, { original: picture, toOriginal }, place) {
  const back = inverse(toOriginal);
  if (picture && back) paint(context, picture, back, place, true);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Picture} picture
 * @param {Affine} affine from the picture to the result
 * @param {Place} place
 * @param {boolean} isChecked
 */
function paint(context, picture, affine, { x, y, scale, ratio, middle, height }, isChecked) {
  const zoom = scale * ratio;
  /** @type {Affine} from the picture to the canvas */
  const onCanvas = compose([zoom, 0, middle - x * zoom, 0, zoom, height / 2 - y * zoom], affine);
  if (picture.tiles) {
    picture.tiles.paint(context, onCanvas, { width: 2 * middle, height }, isChecked ? checks(context, 1) : null);
    return;
  }
  const { factor } = picture;
  const [a, b, c, d, e, f] = onCanvas;
  context.setTransform(a / factor, d / factor, b / factor, e / factor, c, f);
  if (isChecked) {
    context.fillStyle = checks(context, zoom / factor);
    context.fillRect(0, 0, picture.bitmap.width, picture.bitmap.height);
  }
  // Above 100 % pixels are shown as they are, without invented ones between them.
  context.imageSmoothingEnabled = zoom / factor < 2;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture.bitmap, 0, 0);
}

/**
 * What is seen through transparent parts.
 * @param {CanvasRenderingContext2D} context
 * @param {number} zoom
 */
function checks(context, zoom) {
  const tile = document.createElement("canvas");
  tile.width = 2 * checkSize;
  tile.height = 2 * checkSize;
  const inner = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  inner.fillStyle = "#8c8c8c";
  inner.fillRect(0, 0, 2 * checkSize, 2 * checkSize);
  inner.fillStyle = "#737373";
  inner.fillRect(0, 0, checkSize, checkSize);
  inner.fillRect(checkSize, checkSize, checkSize, checkSize);
  const pattern = /** @type {CanvasPattern} */ (context.createPattern(tile, "repeat"));
  pattern.setTransform(new DOMMatrix().scale(1 / zoom));
  return pattern;
}

/**
 * The absolute difference of each channel, doubled `gain` times.
 * @param {CanvasRenderingContext2D} context
 * @param {HTMLCanvasElement} canvas
 * @param {Scene} scene
 * @param {Place} place
 */
function difference(context, canvas, scene, place) {
  const back = inverse(scene.toOriginal);
  if (!scene.result || !scene.original || !back) return;
  context.fillStyle = "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  paint(context, scene.result, identity, place, false);
  // Tiles lie over coarser ones, and count once.
  const apart = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  paint(/** @type {CanvasRenderingContext2D} */ (apart.getContext("2d")), scene.original, back, place, false);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalCompositeOperation = "difference";
  context.drawImage(apart, 0, 0);
  context.globalCompositeOperation = "lighter";
  for (let round = 0; round < scene.gain; round += 1) context.drawImage(canvas, 0, 0);
  context.globalCompositeOperation = "source-over";
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} ratio
 * @param {number} height
 * @param {string} color
 */
function rule(context, x, ratio, height, color) {
  context.fillStyle = "#000";
  context.fillRect(Math.round(x * ratio) - 1.5 * ratio, 0, 3 * ratio, height);
  context.fillStyle = color;
  context.fillRect(Math.round(x * ratio) - 0.5 * ratio, 0, ratio, height);
}

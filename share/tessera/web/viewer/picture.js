/**
 * Pictures for the viewer. The browser decodes PNG, JPEG and WebP of moderate size itself; anything else is shown by a reduced
 * picture of the server's, and `factor` says by how much.
 */

import { failure } from "../core/api.js";

/** @typedef {import("./tiles.js").Tiles} Tiles */
/** @typedef {{ bitmap: ImageBitmap, tiles?: undefined, width: number, height: number, factor: number }} WholePicture width and height of the full picture; `factor`: bitmap pixels per picture pixel */
/** @typedef {{ tiles: Tiles, bitmap?: undefined, width: number, height: number, factor: 1 }} TiledPicture */
/** @typedef {WholePicture | TiledPicture} Picture */

/** Pictures with more are shown by tiles, or reduced. */
export const maximumPixels = 120_000_000;
const reducedSide = 2048;
const decodable = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/avif", "image/bmp"];

/**
 * @param {{ file: string, reduced?: string, width?: number, height?: number, signal: AbortSignal }} source addresses of the file and of its thumbnail; the size, if known
 * @returns {Promise<WholePicture>}
 */
export async function load({ file, reduced, width = 0, height = 0, signal }) {
  if (reduced && width * height > maximumPixels) return loadReduced(reduced, width, height, signal);
  const response = await fetch(file, { signal });
  if (!response.ok) throw await failure(response);
  const type = (response.headers.get("Content-Type") ?? "").split(";")[0];
  if (!decodable.includes(type)) {
    response.body?.cancel();
    if (!reduced) throw new Error(`This browser cannot show ${type || "this file"}; download it.`);
    return loadReduced(reduced, width, height, signal);
  }
  // The browser turns it as EXIF data says, and so does the cluster before the pipeline.
  const bitmap = await createImageBitmap(await response.blob(), { premultiplyAlpha: "none" });
  return { bitmap, width: bitmap.width, height: bitmap.height, factor: 1 };
}

/**
 * Lets the memory of a picture go.
 * @param {Picture | null} picture
 */
export function close(picture) {
  picture?.bitmap?.close();
  picture?.tiles?.stop();
}

/**
 * @param {string} address
 * @param {number} width
 * @param {number} height
 * @param {AbortSignal} signal
 * @returns {Promise<WholePicture>}
 */
async function loadReduced(address, width, height, signal) {
  const url = new URL(address, location.origin);
  url.searchParams.set("size", String(reducedSide));
  const response = await fetch(url, { signal });
  if (!response.ok) throw await failure(response);
  const bitmap = await createImageBitmap(await response.blob());
  // The picture is upright, the size is that of the stored rows.
  const isTurned = bitmap.width > bitmap.height !== width > height;
  const known = width === 0 ? { width: bitmap.width, height: bitmap.height } : isTurned ? { width: height, height: width } : { width, height };
  return { bitmap, ...known, factor: bitmap.width / known.width };
}

const probe = document.createElement("canvas");
probe.width = 1;
probe.height = 1;

/**
 * The pixel at a point of the picture: red, green, blue and alpha of 8 bits, or `null` outside.
 * @param {Picture} picture
 * @param {number} x
 * @param {number} y
 */
export function pixelAt(picture, x, y) {
  if (picture.tiles) return picture.tiles.pixelAt(x, y);
  const { bitmap, width, height, factor } = picture;
  if (x < 0 || y < 0 || x >= width || y >= height) return null;
  const context = /** @type {CanvasRenderingContext2D} */ (probe.getContext("2d", { willReadFrequently: true }));
  context.clearRect(0, 0, 1, 1);
  context.drawImage(bitmap, Math.floor(x * factor), Math.floor(y * factor), 1, 1, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
}

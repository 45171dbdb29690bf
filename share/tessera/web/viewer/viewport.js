/**
 * Where a picture lies on the screen. Pure geometry: a viewport is the image's point in the middle of the view, and the scale in
 * screen pixels per image pixel.
 */

/** @typedef {{ x: number, y: number, scale: number }} Viewport */
/** @typedef {{ width: number, height: number }} Size */

export const maximumScale = 32;

/**
 * The whole image in view.
 * @param {Size} image
 * @param {Size} view
 * @returns {Viewport}
 */
export function fit(image, view) {
  const scale = Math.min(view.width / image.width, view.height / image.height, 1);
  return { x: image.width / 2, y: image.height / 2, scale };
}

/**
 * The smallest scale: a quarter of what fits.
 * @param {Size} image
 * @param {Size} view
 */
const minimumScale = (image, view) => Math.min(1, fit(image, view).scale) / 4;

/**
 * @param {Viewport} viewport
 * @param {Size} image
 * @param {Size} view
 * @returns {Viewport} the viewport with some of the image in view
 */
export function clamped(viewport, image, view) {
  const scale = Math.min(maximumScale, Math.max(minimumScale(image, view), viewport.scale));
  return { scale, x: Math.min(image.width, Math.max(0, viewport.x)), y: Math.min(image.height, Math.max(0, viewport.y)) };
}

/**
 * The image's point at a point of the view.
 * @param {Viewport} viewport
 * @param {Size} view
 * @param {number} x
 * @param {number} y
 */
export const imagePoint = (viewport, view, x, y) => ({
  x: viewport.x + (x - view.width / 2) / viewport.scale,
  y: viewport.y + (y - view.height / 2) / viewport.scale,
});

/**
 * The view's point at a point of the image.
 * @param {Viewport} viewport
 * @param {Size} view
 * @param {number} x
 * @param {number} y
 */
export const viewPoint = (viewport, view, x, y) => ({
  x: view.width / 2 + (x - viewport.x) * viewport.scale,
  y: view.height / 2 + (y - viewport.y) * viewport.scale,
});

/**
 * Zooms by a factor; the image's point under (x, y) of the view stays there.
 * @param {Viewport} viewport
 * @param {Size} view
 * @param {number} factor
 * @param {number} x
 * @param {number} y
 * @returns {Viewport}
 */
export function zoomed(viewport, view, factor, x, y) {
  const fixed = imagePoint(viewport, view, x, y);
  const scale = viewport.scale * factor;
  return { scale, x: fixed.x - (x - view.width / 2) / scale, y: fixed.y - (y - view.height / 2) / scale };
}

/**
 * Moves by screen pixels.
 * @param {Viewport} viewport
 * @param {number} dx
 * @param {number} dy
 * @returns {Viewport}
 */
export const panned = (viewport, dx, dy) => ({
  ...viewport,
  x: viewport.x - dx / viewport.scale,
  y: viewport.y - dy / viewport.scale,
});

/**
 * The next of the usual scales in a direction.
 * @param {number} scale
 * @param {1 | -1} direction
 */
export function nextScale(scale, direction) {
  const steps = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32];
  if (direction > 0) return steps.find((step) => step > scale * 1.01) ?? maximumScale;
  return [...steps].reverse().find((step) => step < scale * 0.99) ?? steps[0];
}

/**
 * The viewport in an address: `#x,y,z`, z in percent.
 * @param {Viewport} viewport
 */
export const toFragment = ({ x, y, scale }) => `#${Math.round(x)},${Math.round(y)},${Number((scale * 100).toFixed(1))}`;

/**
 * @param {string} fragment
 * @returns {Viewport | null}
 */
export function fromFragment(fragment) {
  const found = /^#(-?\d+),(-?\d+),(\d+(?:\.\d+)?)$/.exec(fragment);
  if (!found || Number(found[3]) <= 0) return null;
  return { x: Number(found[1]), y: Number(found[2]), scale: Number(found[3]) / 100 };
}

/** Which part of a result is shown at 100 %, and what the server says of a preview. Pure. */

/** @typedef {{ width: number, height: number }} Size */
/** @typedef {{ x: number, y: number }} Point a place in the result, both from 0 to 1 */

/** A region is at most this long: more would be behind the edge of nearly every screen. */
export const longestSide = 1600;

/**
 * The region around `center` that fills a view, within the result: [x, y, width, height].
 * @param {Size} result
 * @param {Size} view in pixels of the result
 * @param {Point} center
 * @returns {[number, number, number, number]}
 */
export function regionAround(result, view, center) {
  const width = Math.min(result.width, longestSide, Math.max(1, Math.floor(view.width)));
  const height = Math.min(result.height, longestSide, Math.max(1, Math.floor(view.height)));
  const place = (/** @type {number} */ share, /** @type {number} */ side, /** @type {number} */ whole) => Math.min(whole - side, Math.max(0, Math.round(share * whole - side / 2)));
  return [place(center.x, width, result.width), place(center.y, height, result.height), width, height];
}

/**
 * The center after the picture was dragged by some pixels; it stays where a region can be.
 * @param {Point} center
 * @param {number} dx
 * @param {number} dy
 * @param {Size} result
 * @param {Size} view
 * @returns {Point}
 */
export function dragged(center, dx, dy, result, view) {
  const moved = (/** @type {number} */ share, /** @type {number} */ by, /** @type {number} */ whole, /** @type {number} */ side) => {
    const half = Math.min(whole, side) / 2 / whole;
    return Math.min(1 - half, Math.max(half, share - by / whole));
  };
  return { x: moved(center.x, dx, result.width, view.width), y: moved(center.y, dy, result.height, view.height) };
}

/**
 * What a preview's header fields say.
 * @param {{ get: (name: string) => string | null }} headers
 */
export function described(headers) {
  const [kind, ...parameters] = (headers.get("Tessera-Preview") ?? "").split(";");
  const reason = parameters.find((each) => each.trim().startsWith("reason="))?.split("=")[1] ?? "";
  const result = headers.get("Tessera-Result") ?? "";
  const number = (/** @type {string} */ name) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(result)?.[1] ?? 0);
  return { isExact: kind === "exact", reason, width: number("width"), height: number("height"), bits: number("bits") };
}

/**
 * The badge of a preview: a word, and what it means.
 * @param {{ isExact: boolean, reason: string, bits: number }} preview
 */
export function badge({ isExact, reason, bits }) {
  const depth = bits > 8 ? ` Of ${bits} bits per sample the screen shows 8.` : "";
  if (isExact) return { word: "Exact", says: `These are the pixels of the result.${depth}` };
  if (reason === "reduced") return { word: "Approximate", says: `Made of a smaller copy of the image; 100 % shows true pixels.${depth}` };
  if (reason === "document") return { word: "Approximate", says: `The result is a document; what it lists is drawn here.${depth}` };
  return { word: "Approximate", says: `${reason} looks at the whole image, and saw a smaller copy or a part of it here.${depth}` };
}

/**
 * Where the points of a result lie in its original: one viewport serves both pictures. Pure.
 *
 * A mapping is affine: original = (a b c / d e f) (result, 1).
 */

/** @typedef {[number, number, number, number, number, number]} Affine a, b, c, d, e, f */
/** @typedef {{ width: number, height: number }} Size */
/** @typedef {{ operation: string, arguments?: Record<string, any>, width?: number, height?: number }} CheckedStep of `POST /pipelines/check` with a shape */

/** @type {Affine} */
export const identity = [1, 0, 0, 0, 1, 0];

/**
 * `first` after `second`.
 * @param {Affine} first
 * @param {Affine} second
 * @returns {Affine}
 */
export function compose([a, b, c, d, e, f], [g, h, i, j, k, l]) {
  return [a * g + b * j, a * h + b * k, a * i + b * l + c, d * g + e * j, d * h + e * k, d * i + e * l + f];
}

/**
 * @param {Affine} affine
 * @param {number} x
 * @param {number} y
 */
export const apply = ([a, b, c, d, e, f], x, y) => ({ x: a * x + b * y + c, y: d * x + e * y + f });

/**
 * @param {Affine} affine
 * @returns {Affine | null}
 */
export function inverse([a, b, c, d, e, f]) {
  const determinant = a * e - b * d;
  if (Math.abs(determinant) < 1e-12) return null;
  return [e / determinant, -b / determinant, (b * f - c * e) / determinant, -d / determinant, a / determinant, (c * d - a * f) / determinant];
}

/**
 * The mapping from the result to its original.
 * @param {readonly CheckedStep[]} steps
 * @param {Size} original
 * @returns {Affine}
 */
export function resultToOriginal(steps, original) {
  let affine = identity;
  let before = original;
  for (const step of steps) {
    const after = { width: step.width ?? before.width, height: step.height ?? before.height };
    affine = compose(affine, wayBack(step.operation, step.arguments ?? {}, before, after));
    before = after;
  }
  return affine;
}

/**
 * The way back of one step, from points after it to points before it.
 * @param {string} name @param {Record<string, any>} values @param {Size} before @param {Size} after
 * @returns {Affine}
 */
function wayBack(name, values, before, after) {
  if (name === "crop") return [1, 0, Number(values.x ?? 0), 0, 1, Number(values.y ?? 0)];
  if (name === "border") {
    const side = (/** @type {string} */ key) => Number(values[key] === undefined || values[key] === "auto" ? (values.all ?? 0) : values[key]);
    return [1, 0, -side("left"), 0, 1, -side("top")];
  }
  if (name === "flip") {
    const axis = values.axis ?? "horizontal";
    const x = axis === "vertical" ? [1, 0] : [-1, before.width];
    const y = axis === "horizontal" ? [1, 0] : [-1, before.height];
    return [x[0], 0, x[1], 0, y[0], y[1]];
  }
  if (name === "rotate") return turn(Number(values.degrees ?? 90), before, after);
  if (name === "affine") {
    const numbers = String(values.matrix ?? "1,0,0,0,1,0").split(",").map(Number);
    return inverse(/** @type {Affine} */ (numbers)) ?? identity;
  }
  if (name === "auto-orient") return orientation(Number(values.orientation ?? 1), before);
  if (name === "resize") return values.fit === "cover" ? cover(after, before) : stretch(after, before);
  return before.width === after.width && before.height === after.height ? identity : stretch(after, before);
}

/**
 * @param {Size} from
 * @param {Size} to
 * @returns {Affine}
 */
const stretch = (from, to) => [to.width / from.width, 0, 0, 0, to.height / from.height, 0];

/**
 * A box that is filled, with what reaches beyond it cut off equally on both sides.
 * @param {Size} box
 * @param {Size} image
 * @returns {Affine}
 */
function cover(box, image) {
  const factor = Math.min(image.width / box.width, image.height / box.height);
  return [factor, 0, (image.width - box.width * factor) / 2, 0, factor, (image.height - box.height * factor) / 2];
}

/**
 * A turn around the middle; positive angles are clockwise.
 * @param {number} degrees
 * @param {Size} before
 * @param {Size} after
 * @returns {Affine}
 */
function turn(degrees, before, after) {
  const quarters = degrees / 90;
  // Exact for quarter turns, where sine and cosine are not.
  const cosine = Number.isInteger(quarters) ? [1, 0, -1, 0][((quarters % 4) + 4) % 4] : Math.cos((degrees * Math.PI) / 180);
  const sine = Number.isInteger(quarters) ? [0, 1, 0, -1][((quarters % 4) + 4) % 4] : Math.sin((degrees * Math.PI) / 180);
  return [
    cosine,
    sine,
    before.width / 2 - (cosine * after.width) / 2 - (sine * after.height) / 2,
    -sine,
    cosine,
    before.height / 2 + (sine * after.width) / 2 - (cosine * after.height) / 2,
  ];
}

/**
 * EXIF's eight orientations.
 * @param {number} value
 * @param {Size} before
 * @returns {Affine}
 */
function orientation(value, { width, height }) {
  /** @type {Affine[]} */
  const ways = [
    identity,
    [-1, 0, width, 0, 1, 0],
    [-1, 0, width, 0, -1, height],
    [1, 0, 0, 0, -1, height],
    [0, 1, 0, 1, 0, 0],
    [0, 1, 0, -1, 0, height],
    [0, -1, width, -1, 0, height],
    [0, -1, width, 1, 0, 0],
  ];
  return ways[value - 1] ?? identity;
}

/** Numbers, sizes and times as people read them. */

const integer = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "short" });
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** @param {number} value */
export const count = (value) => integer.format(value);

/**
 * `1 image`, `2 images`.
 * @param {number} value
 * @param {string} noun
 * @param {string} [plural]
 */
export const counted = (value, noun, plural = `${noun}s`) => `${count(value)} ${value === 1 ? noun : plural}`;

/**
 * A size in powers of 1024.
 * @param {number} value
 */
export function bytes(value) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 && value === 1 ? "1 byte" : `${short.format(unit === 0 ? value : Number(value.toPrecision(3)))} ${units[unit]}`;
}

/**
 * Pixels: `12.3 Mpx`.
 * @param {number} value
 */
export function pixels(value) {
  if (value >= 1e9) return `${short.format(value / 1e9)} Gpx`;
  if (value >= 1e6) return `${short.format(value / 1e6)} Mpx`;
  if (value >= 1e3) return `${short.format(value / 1e3)} Kpx`;
  return `${short.format(value)} px`;
}

/**
 * A span of time in its two largest units: `1 h 5 min`.
 * @param {number} milliseconds
 */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 1) return `${Math.round(milliseconds)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${Math.floor(hours / 24)} d`;
}

/**
 * How long ago: `3 min ago`.
 * @param {number} then
 * @param {number} now
 */
export function age(then, now) {
  const seconds = Math.round((now - then) / 1000);
  if (seconds < 5) return "just now";
  if (seconds < 60) return relative.format(-seconds, "second");
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3600), "hour");
  return relative.format(-Math.floor(seconds / 86_400), "day");
}

/** @param {number} time */
export const time = (time) => moment.format(time);

/**
 * A share from 0 to 1 in percent, rounded down: 100 % means that all is done.
 * @param {number} share
 */
export const percent = (share) => `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`;

/**
 * The last part of a path.
 * @param {string} path
 */
export const baseName = (path) => path.slice(path.lastIndexOf("/") + 1) || path;

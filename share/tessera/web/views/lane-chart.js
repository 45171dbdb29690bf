/** The lanes of a worker's slots over the last minutes; running work is drawn while it runs. */

import { h } from "../core/dom.js";
import { atWork } from "../core/lanes.js";
import { clock } from "../core/clock.js";
import { effect, onCleanup, untracked } from "../core/signals.js";

const laneHeight = 10;
const laneGap = 3;
const frameMilliseconds = 100;

/**
 * @param {() => readonly import("../core/lanes.js").Bar[]} bars
 * @param {() => any} worker
 * @param {() => number} span minutes
 */
export function laneChart(bars, worker, span) {
  const canvas = h("canvas.lanes", { role: "img", "aria-label": () => `${atWork(worker())} of ${worker().slot_count} slots are at work; the last ${span()} min as bars` });
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");
  const paint = () => untracked(() => draw(canvas, bars(), Math.max(1, worker().slot_count), span() * 60_000));
  effect(() => {
    canvas.style.height = `${Math.max(1, worker().slot_count) * (laneHeight + laneGap) + laneGap}px`;
    clock();
    span();
    requestAnimationFrame(paint);
  });
  const timer = setInterval(() => {
    if (!document.hidden && !isStill.matches && canvas.isConnected && bars().some((bar) => bar.to === null)) paint();
  }, frameMilliseconds);
  onCleanup(() => clearInterval(timer));
  return h("div.lane-chart", null, canvas, h("div.lane-axis.small.quiet", { "aria-hidden": "true" }, h("span", null, () => `${span()} min ago`), h("span", null, "now")));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {readonly import("../core/lanes.js").Bar[]} bars
 * @param {number} laneCount
 * @param {number} spanMilliseconds
 */
function draw(canvas, bars, laneCount, spanMilliseconds) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (width === 0) return;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  // The stylesheet gives the canvas its colours, resolved for the scheme.
  const { color: accent, borderTopColor: ground, outlineColor: bad } = getComputedStyle(canvas);
  context.scale(devicePixelRatio, devicePixelRatio);
  const now = Date.now();
  const x = (/** @type {number} */ time) => Math.max(0, width - ((now - time) / spanMilliseconds) * width);
  context.fillStyle = ground;
  for (let lane = 0; lane < laneCount; lane += 1) context.fillRect(0, top(lane), width, laneHeight);
  for (const bar of bars) {
    const left = x(bar.from);
    const right = bar.to === null ? width : x(bar.to);
    if (right <= 0) continue;
    context.fillStyle = bar.isLost ? bad : accent;
    context.globalAlpha = bar.to === null || bar.isLost ? 1 : 0.55;
    context.fillRect(left, top(bar.lane), Math.max(1, right - left - 0.5), laneHeight);
    context.globalAlpha = 1;
    if (bar.isLost) breakMark(context, right, top(bar.lane));
  }
}

/**
 * A bar that broke off.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 */
function breakMark(context, x, y) {
  context.beginPath();
  context.moveTo(x - 4, y - 2);
  context.lineTo(x + 1, y + laneHeight / 2);
  context.lineTo(x - 4, y + laneHeight / 2);
  context.lineTo(x + 1, y + laneHeight + 2);
  context.lineWidth = 1.5;
  context.strokeStyle = context.fillStyle;
  context.stroke();
}

/** @param {number} lane */
const top = (lane) => laneGap + lane * (laneHeight + laneGap);

/** The viewer: result and original as curtain, side by side, blinking or as difference, on one viewport. */

import { h, listen } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { effect, onCleanup, signal } from "../core/signals.js";
import { draw } from "./canvas.js";
import { gestures } from "./gestures.js";
import { apply, identity, resultToOriginal } from "./mapping.js";
import { pixelAt } from "./picture.js";
import { clamped, fit, fromFragment, imagePoint, nextScale, panned, toFragment, zoomed } from "./viewport.js";

/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {import("./canvas.js").Mode} Mode */

const blinkMilliseconds = 600;
const panStep = 80;
const curtainStep = 0.02;

/** @type {Array<{ mode: Mode, word: string, sign: string, key: string }>} */
const modes = [
  { mode: "result", word: "Result", sign: "image", key: "r" },
  { mode: "curtain", word: "Curtain", sign: "curtain", key: "c" },
  { mode: "side", word: "Side by side", sign: "side", key: "s" },
  { mode: "difference", word: "Difference", sign: "difference", key: "d" },
];

/**
 * @param {import("../main.js").Context} context
 * @param {{ result: () => Picture | null, original: () => Picture | null, steps: () => readonly import("./mapping.js").CheckedStep[], name: () => string, status: () => import("../core/dom.js").Child }} source
 *   `steps`: the checked pipeline with the sizes after each step
 */
export function viewer({ keyboard }, { result, original, steps, name, status }) {
  const mode = signal(/** @type {Mode} */ ("result"));
  const isBlinking = signal(false);
  const showsOriginal = signal(false);
  const curtain = signal(0.5);
  const gain = signal(0);
  const viewport = signal(fromFragment(location.hash) ?? { x: 0, y: 0, scale: 0 });
  const size = signal({ width: 0, height: 0 });
  const under = signal(/** @type {{ x: number, y: number } | null} */ (null));
  const main = () => result() ?? original();
  const toOriginal = () => {
    const first = original();
    return first && result() ? resultToOriginal(steps(), first) : identity;
  };
  const pane = () => ({ width: mode() === "side" ? size().width / 2 : size().width, height: size().height });
  const canCompare = () => result() !== null && original() !== null;

  const edit = (/** @type {(viewport: import("./viewport.js").Viewport) => import("./viewport.js").Viewport} */ change) => {
    const picture = main();
    if (picture) viewport.set(clamped(change(viewport.peek()), picture, pane()));
  };
  const middleZoom = (/** @type {number} */ factor) => edit((now) => zoomed(now, pane(), factor, pane().width / 2, pane().height / 2));
  const showAll = () => edit(() => fit(/** @type {Picture} */ (main()), pane()));
  const toScale = (/** @type {number} */ scale) => edit((now) => ({ ...now, scale }));
  const setMode = (/** @type {Mode} */ next) => {
    if (next !== "result" && !canCompare()) return;
    isBlinking.set(false);
    mode.set(next);
  };
  const inWords = () => {
    const picture = main();
    if (!picture) return `${name()}: not shown yet`;
    const shown = isBlinking() ? "blinking between original and result" : mode() === "result" ? "result" : (modes.find((each) => each.mode === mode())?.word.toLowerCase() ?? "original");
    return `${name()}, ${shown}, ${picture.width} by ${picture.height} pixels, at ${Math.round(viewport().scale * 100)} percent, middle at ${Math.round(viewport().x)}, ${Math.round(viewport().y)}`;
  };

  const canvas = h("canvas.viewer-canvas", { role: "img", tabindex: "0", "aria-label": () => inWords() });

  const observer = new ResizeObserver(([entry]) => size.set({ width: entry.contentRect.width, height: entry.contentRect.height }));
  observer.observe(canvas);
  onCleanup(() => observer.disconnect());
  // The first picture is shown whole, unless the address says where to look.
  effect(() => {
    if (main() && size().width > 0 && viewport.peek().scale === 0) showAll();
  });
  effect(() => {
    if (!isBlinking()) return;
    showsOriginal.set(true);
    const timer = setInterval(() => showsOriginal.update((shown) => !shown), blinkMilliseconds);
    onCleanup(() => clearInterval(timer));
  });
  let frame = 0;
  effect(() => {
    const scene = {
      result: result(), original: original(), toOriginal: toOriginal(), viewport: viewport(), curtain: curtain(), gain: gain(),
      mode: isBlinking() ? /** @type {Mode} */ (showsOriginal() ? "original" : "result") : !result() && original() ? /** @type {Mode} */ ("original") : mode(),
    };
    size();
    // Tiles that arrive are drawn.
    result()?.tiles?.version();
    original()?.tiles?.version();
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      const style = getComputedStyle(canvas);
      draw(canvas, scene, { ground: style.getPropertyValue("--picture").trim(), ink: "#fff" });
    });
  });
  let writes = 0;
  effect(() => {
    const fragment = toFragment(viewport());
    clearTimeout(writes);
    writes = /** @type {any} */ (setTimeout(() => {
      if (viewport.peek().scale > 0) history.replaceState(history.state, "", `${location.pathname}${location.search}${fragment}`);
    }, 300));
  });
  onCleanup(() => clearTimeout(writes));

  gestures(canvas, { view: pane, change: edit, hover: (x, y) => under.set({ x, y }) });
  listen(canvas, "pointerleave", () => under.set(null));
  const handle = curtainHandle(curtain, mode, isBlinking);

  const readout = () => {
    const point = under();
    const picture = main();
    if (!point || !picture) return "";
    const x = mode() === "side" ? point.x % pane().width : point.x;
    const at = imagePoint(viewport(), pane(), x, point.y);
    const inResult = result() && pixelAt(/** @type {Picture} */ (result()), at.x, at.y);
    const before = apply(toOriginal(), at.x, at.y);
    const inOriginal = original() && pixelAt(/** @type {Picture} */ (original()), before.x, before.y);
    if (!inResult && !inOriginal) return "";
    return `${Math.floor(at.x)}, ${Math.floor(at.y)}   ${inOriginal ? inOriginal.slice(0, 3).join(" ") : ""}${inOriginal && inResult ? " → " : ""}${inResult ? inResult.slice(0, 3).join(" ") : ""}`;
  };

  keyboard.bind(
    {
      ArrowLeft: ["move the view", () => edit((now) => panned(now, panStep, 0))],
      ArrowRight: ["move the view", () => edit((now) => panned(now, -panStep, 0))],
      ArrowUp: ["move the view", () => edit((now) => panned(now, 0, panStep))],
      ArrowDown: ["move the view", () => edit((now) => panned(now, 0, -panStep))],
      "+": ["closer", () => middleZoom(nextScale(viewport.peek().scale, 1) / viewport.peek().scale)],
      "-": ["farther", () => middleZoom(nextScale(viewport.peek().scale, -1) / viewport.peek().scale)],
      0: ["fit", showAll],
      1: ["100 %", () => toScale(1)],
      2: ["200 %", () => toScale(2)],
      4: ["400 %", () => toScale(4)],
      r: ["result alone", () => setMode("result")],
      c: ["curtain", () => setMode("curtain")],
      "[": ["curtain to the left", () => curtain.update((x) => Math.max(0, x - curtainStep))],
      "]": ["curtain to the right", () => curtain.update((x) => Math.min(1, x + curtainStep))],
      s: ["side by side", () => setMode("side")],
      b: ["blink", () => blink()],
      d: ["difference", () => setMode("difference")],
    },
    "Viewer",
  );
  const blink = () => {
    if (!canCompare()) return;
    mode.set("result");
    isBlinking.update((now) => !now);
  };
  const button = (/** @type {string} */ word, /** @type {string} */ sign, /** @type {() => void} */ act) => h("button.only-icon", { "aria-label": word, title: word, on: { click: act } }, icon(sign));

  const element = h("div.viewer", null,
    h("div.viewer-stage", null, canvas, () => labels(mode, isBlinking, showsOriginal, result, original), handle, () => h("div.viewer-status", null, status())),
    h("div.viewer-bar", { role: "toolbar", "aria-label": "Viewer" },
      h("div.row.tight", { role: "group", "aria-label": "Compare" },
        modes.map(({ mode: each, word, sign, key }) => h("button.mode", { "aria-pressed": () => String(mode() === each && !isBlinking() && result() !== null), disabled: () => each !== "result" && !canCompare(), title: `${word} (${key})`, on: { click: () => setMode(each) } }, icon(sign), word)),
        h("button.mode", { "aria-pressed": () => String(isBlinking()), disabled: () => !canCompare(), title: "Blink (b)", on: { click: blink } }, icon("blink"), "Blink")),
      () => mode() === "difference" ? h("label.row.tight.small", null, "Amplified", h("select", { on: { change: (/** @type {any} */ event) => gain.set(Number(event.target.value)) } }, [0, 1, 2, 3, 4, 5].map((power) => h("option", { value: String(power), selected: power === gain.peek() }, `× ${2 ** power}`)))) : null,
      h("div.row.tight.viewer-zoom", { role: "group", "aria-label": "Size" },
        button("Farther (-)", "minus", () => middleZoom(nextScale(viewport.peek().scale, -1) / viewport.peek().scale)),
        h("span.viewer-scale", null, () => !main() ? "–" : `${viewport().scale < 0.1 ? (viewport().scale * 100).toFixed(1) : Math.round(viewport().scale * 100)} %`),
        button("Closer (+)", "add", () => middleZoom(nextScale(viewport.peek().scale, 1) / viewport.peek().scale)),
        button("Fit (0)", "fit", showAll),
        h("button", { title: "100 % (1)", on: { click: () => toScale(1) } }, "1:1")),
      h("output.viewer-readout.small.wide-only", { "aria-label": "Pixel under the pointer" }, readout)),
  );
  return { element, mode, setMode };
}

/**
 * What is seen where.
 * @param {() => Mode} mode
 * @param {() => boolean} isBlinking
 * @param {() => boolean} showsOriginal
 * @param {() => Picture | null} result
 * @param {() => Picture | null} original
 */
function labels(mode, isBlinking, showsOriginal, result, original) {
  const label = (/** @type {string} */ word, /** @type {string} */ side) => h("span.viewer-label", { class: side, "aria-hidden": "true" }, word);
  if (!original()) return null;
  if (!result()) return label("Original", "left");
  if (isBlinking()) return label(showsOriginal() ? "Original" : "Result", "left");
  if (mode() === "curtain" || mode() === "side") return [label("Original", "left"), label("Result", "right")];
  return null;
}

/**
 * The curtain as a slider, for thumbs, keys and screen readers.
 * @param {import("../core/signals.js").Signal<number>} curtain
 * @param {() => Mode} mode
 * @param {() => boolean} isBlinking
 */
function curtainHandle(curtain, mode, isBlinking) {
  const move = (/** @type {number} */ by) => curtain.update((x) => Math.max(0, Math.min(1, x + by)));
  const handle = h("div.curtain-handle", {
    role: "slider", tabindex: "0", "aria-label": "Curtain: the original is left of it, the result right", "aria-valuemin": "0", "aria-valuemax": "100",
    "aria-valuenow": () => String(Math.round(curtain() * 100)), hidden: () => mode() !== "curtain" || isBlinking(),
    on: {
      keydown: (/** @type {KeyboardEvent} */ event) => {
        const by = { ArrowLeft: -curtainStep, ArrowDown: -curtainStep, ArrowRight: curtainStep, ArrowUp: curtainStep, PageUp: 0.1, PageDown: -0.1, Home: -1, End: 1 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        move(by);
      },
      pointerdown: (/** @type {PointerEvent} */ event) => {
        event.preventDefault();
        handle.focus();
        handle.setPointerCapture(event.pointerId);
      },
      pointermove: (/** @type {PointerEvent} */ event) => {
        if (!handle.hasPointerCapture(event.pointerId)) return;
        const box = /** @type {HTMLElement} */ (handle.parentElement).getBoundingClientRect();
        curtain.set(Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)));
      },
    },
  }, icon("curtain"));
  effect(() => {
    handle.style.left = `${curtain() * 100}%`;
  });
  return handle;
}

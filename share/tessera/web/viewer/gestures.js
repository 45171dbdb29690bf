/** Pointers and the wheel as movements of the viewport: drag, pinch, wheel, double click. */

import { listen } from "../core/dom.js";
import { panned, zoomed } from "./viewport.js";

/** @typedef {import("./viewport.js").Viewport} Viewport */

/**
 * @param {HTMLElement} element
 * @param {{ view: () => { width: number, height: number }, change: (edit: (viewport: Viewport) => Viewport) => void, hover: (x: number, y: number) => void }} target
 *   `view`: the size of one pane
 */
export function gestures(element, { view, change, hover }) {
  /** @type {Map<number, { x: number, y: number }>} */
  const pointers = new Map();
  const at = (/** @type {PointerEvent | WheelEvent | MouseEvent} */ event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  /**
   * Within the pane that the point is in.
   * @param {number} x
   */
  const inPane = (x) => x % view().width;

  listen(element, "pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
  });
  listen(element, "pointermove", (event) => {
    const point = at(event);
    hover(point.x, point.y);
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
    pointers.set(event.pointerId, point);
    if (others.length === 0) {
      change((viewport) => panned(viewport, point.x - before.x, point.y - before.y));
      return;
    }
    const other = others[0];
    const ratio = Math.hypot(point.x - other.x, point.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
    const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
    change((viewport) => panned(zoomed(viewport, view(), ratio, inPane(middle.x), middle.y), (point.x - before.x) / 2, (point.y - before.y) / 2));
  });
  for (const end of ["pointerup", "pointercancel"]) listen(element, end, (event) => pointers.delete(event.pointerId));
  listen(element, "wheel", (event) => {
    event.preventDefault();
    const { x, y } = at(event);
    const lines = event.deltaMode === 1 ? 16 : 1;
    change((viewport) => zoomed(viewport, view(), Math.exp(-event.deltaY * lines * 0.0022), inPane(x), y));
  }, { passive: false });
  listen(element, "dblclick", (event) => {
    const { x, y } = at(event);
    change((viewport) => zoomed(viewport, view(), event.shiftKey ? 0.5 : 2, inPane(x), y));
  });
}

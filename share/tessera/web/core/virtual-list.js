/** A list of any length, of which only the rows in view are in the document. */

import { h, listen } from "./dom.js";
import { effect, root, onCleanup, signal, untracked } from "./signals.js";
import { scrollToShow, visibleWindow } from "./window.js";

/** Rows are made for so long in one go, so that a jump through a long list keeps the page responsive. */
const makingMilliseconds = 4;

/**
 * @param {{
 *   count: () => number,
 *   rowHeight: () => number,
 *   columns?: (width: number) => number,
 *   row: (index: number) => HTMLElement,
 *   show?: (first: number, end: number) => void,
 *   label: string,
 *   role?: string,
 *   className?: string,
 * }} options `row` makes the item at an index once, when it comes into view; `show` is told what is in view
 */
export function virtualList({ count, rowHeight, columns = () => 1, row, show, label, role = "list", className = "" }) {
  const size = signal({ width: 0, height: 0 });
  const scrollTop = signal(0);
  /** Changes when rows that were put off are to be made. */
  const turn = signal(0);
  /** @type {Map<number, { value: HTMLElement, dispose: () => void }>} */
  const shown = new Map();
  const space = h("div.virtual-space");
  const scroller = h("div.virtual", { class: className, role, "aria-label": label, tabindex: "0" }, space);
  onCleanup(() => {
    for (const entry of shown.values()) entry.dispose();
  });

  const observer = new ResizeObserver(([entry]) => size.set({ width: entry.contentRect.width, height: entry.contentRect.height }));
  observer.observe(scroller);
  onCleanup(() => observer.disconnect());
  listen(scroller, "scroll", () => scrollTop.set(scroller.scrollTop), { passive: true });

  effect(() => {
    const { width, height } = size();
    if (width === 0) return;
    const perRow = Math.max(1, columns(width));
    const window = visibleWindow({ scrollTop: scrollTop(), height, rowHeight: rowHeight(), columns: perRow, count: count() });
    space.style.height = `${window.total}px`;
    for (const [index, entry] of shown) {
      if (index >= window.first && index < window.end) continue;
      entry.value.remove();
      entry.dispose();
      shown.delete(index);
    }
    turn();
    untracked(() => {
      const startedAt = performance.now();
      for (let index = window.first; index < window.end; index += 1) {
        if (!shown.has(index)) {
          if (performance.now() - startedAt > makingMilliseconds) {
            requestAnimationFrame(() => turn.update((number) => number + 1));
            break;
          }
          make(index);
        }
        const style = /** @type {HTMLElement} */ (shown.get(index)?.value).style;
        style.top = `${Math.floor(index / perRow) * rowHeight()}px`;
        style.left = `${(index % perRow) * (100 / perRow)}%`;
        style.width = `${100 / perRow}%`;
        style.height = `${rowHeight()}px`;
      }
      show?.(window.first, window.end);
    });
  });

  /** @param {number} index */
  function make(index) {
    const entry = root(() => row(index));
    entry.value.classList.add("virtual-row");
    shown.set(index, entry);
    place(space, shown, index, entry.value);
  }

  return {
    element: scroller,
    /** Makes all rows again, as when the list is another one. */
    reset() {
      for (const entry of shown.values()) {
        entry.value.remove();
        entry.dispose();
      }
      shown.clear();
      scroller.scrollTop = 0;
      scrollTop.set(0);
      size.update((old) => ({ ...old }));
    },
    /**
     * The row of an item, scrolled into view.
     * @param {number} index
     * @returns {HTMLElement | undefined}
     */
    reveal(index) {
      const perRow = Math.max(1, columns(scroller.clientWidth));
      scroller.scrollTop = scrollToShow({
        scrollTop: scroller.scrollTop,
        height: scroller.clientHeight,
        rowHeight: untracked(rowHeight),
        row: Math.floor(index / perRow),
      });
      scrollTop.set(scroller.scrollTop);
      if (!shown.has(index)) make(index);
      return shown.get(index)?.value;
    },
  };
}

/**
 * Keeps the order of the document that of the list, for the keyboard and for screen readers.
 * @param {HTMLElement} space @param {Map<number, { value: HTMLElement }>} shown @param {number} index @param {HTMLElement} element
 */
function place(space, shown, index, element) {
  const next = [...shown.keys()].filter((other) => other > index).sort((a, b) => a - b)[0];
  space.insertBefore(element, next === undefined ? null : (shown.get(next)?.value ?? null));
}

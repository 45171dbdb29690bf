/** Which rows of a long list are in the document. Pure geometry. */

/**
 * @param {{ scrollTop: number, height: number, rowHeight: number, columns?: number, count: number, overscan?: number }} list
 *   `height` of the visible part and `rowHeight` in CSS pixels; `count` of items; `overscan` rows above and below
 * @returns {{ first: number, end: number, top: number, total: number }}
 *   the items [first, end), the place of the first one's row, and the height of all rows
 */
export function visibleWindow({ scrollTop, height, rowHeight, columns = 1, count, overscan = 4 }) {
  const rows = Math.ceil(count / columns);
  const firstRow = Math.max(0, Math.min(rows - 1, Math.floor(scrollTop / rowHeight) - overscan));
  const endRow = Math.min(rows, Math.ceil((scrollTop + height) / rowHeight) + overscan);
  return {
    first: Math.max(0, firstRow * columns),
    end: Math.min(count, endRow * columns),
    top: Math.max(0, firstRow) * rowHeight,
    total: rows * rowHeight,
  };
}

/**
 * Where to scroll so that a row is in view, moving as little as needed.
 * @param {{ scrollTop: number, height: number, rowHeight: number, row: number }} list
 */
export function scrollToShow({ scrollTop, height, rowHeight, row }) {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + height) return top + rowHeight - height;
  return scrollTop;
}

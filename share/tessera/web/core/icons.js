/** The icons: strokes on a 24 by 24 grid, drawn in the colour of the text beside them. */

import { svg } from "./dom.js";

/** @type {Record<string, string>} */
const paths = {
  add: "M12 5v14M5 12h14",
  alert: "M12 4 2.5 20h19ZM12 10v4.5M12 17.2v.3",
  arrowDown: "M12 5v14m-6-6 6 6 6-6",
  arrowUp: "M12 19V5m-6 6 6-6 6 6",
  back: "M19 12H5m6-6-6 6 6 6",
  blink: "M2 12s4-6.5 10-6.5S22 12 22 12s-4 6.5-10 6.5S2 12 2 12Zm10-3a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  cancel: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM6 6l12 12",
  close: "M6 6l12 12M18 6 6 18",
  copy: "M9 9h11v11H9ZM5 15H4V4h11v1",
  curtain: "M4 5h16v14H4ZM12 3v18M9.5 10.5 8 12l1.5 1.5m5-3L16 12l-1.5 1.5",
  difference: "M9 5a7 7 0 1 0 0 14A7 7 0 0 0 9 5Zm6 0a7 7 0 1 1 0 14",
  done: "M4.5 12.5 10 18 19.5 6.5",
  download: "M12 4v11m-5-5 5 5 5-5M5 20h14",
  drag: "M9 6v.2M9 12v.2M9 18v.2M15 6v.2M15 12v.2M15 18v.2",
  failed: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 7.5v5.5M12 16.3v.3",
  file: "M6 3h8l4 4v14H6ZM14 3v4h4",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  folder: "M3 6h6l2 2h10v11H3Z",
  grid: "M4 4h7v7H4ZM13 4h7v7h-7ZM4 13h7v7H4ZM13 13h7v7h-7Z",
  help: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .9-1 1.7M12 16.5v.3",
  image: "M3 5h18v14H3ZM3 16l5-5 4 4 3-3 6 5M15.5 8.5v.2",
  jobs: "M4 6h16M4 12h16M4 18h10",
  key: "M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm3 1 9-9m-4 4 3 3",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1m2 4a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  list: "M8 6h12M8 12h12M8 18h12M4 6v.2M4 12v.2M4 18v.2",
  lost: "M3 12h5l2-4 3 8 2-4h6M19 5l-3 3m0-3 3 3",
  minus: "M5 12h14",
  nodes: "M4 4h16v6H4ZM4 14h16v6H4ZM7.5 7v.2M7.5 17v.2",
  pause: "M8 5v14M16 5v14",
  redo: "M20 8H9a5 5 0 0 0 0 10h4m7-10-4-4m4 4-4 4",
  running: "M8 5v14l11-7Z",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm4.8 11.3L20 20",
  settings: "M4 7h10m4 0h2M4 17h2m4 0h10M14 7a2 2 0 1 0 4 0 2 2 0 0 0-4 0ZM6 17a2 2 0 1 0 4 0 2 2 0 0 0-4 0Z",
  side: "M4 5h16v14H4ZM12 5v14",
  undo: "M4 8h11a5 5 0 0 1 0 10h-4M4 8l4-4M4 8l4 4",
  upload: "M12 20V9m-5 5 5-5 5 5M5 4h14",
  waiting: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 7v5l3.5 2",
};

/** @param {string} name */
export function icon(name) {
  return svg(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: paths[name] ?? paths.help }),
  );
}

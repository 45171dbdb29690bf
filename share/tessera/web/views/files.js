/** The chosen files: any number, in a virtual list. */

import { h } from "../core/dom.js";
import { bytes, count } from "../core/format.js";
import { icon } from "../core/icons.js";
import { effect, untracked } from "../core/signals.js";
import { virtualList } from "../core/virtual-list.js";
import { chooseFiles } from "../upload/choose.js";

/**
 * @param {import("../main.js").Context} context
 * @param {import("../core/signals.js").Signal<number>} selected
 */
export function fileList({ chosen }, selected) {
  const add = async (/** @type {boolean} */ isFolder) => {
    const files = await chooseFiles({ isFolder });
    chosen.update((known) => [...known, ...files.filter((each) => !known.some((other) => other.path === each.path && other.file.size === each.file.size))]);
  };
  const list = virtualList({
    count: () => chosen().length,
    rowHeight: () => 40,
    row: (index) => row(chosen, index, selected),
    label: "Chosen files",
    className: "file-list",
  });
  let before = untracked(chosen);
  effect(() => {
    const files = chosen();
    // Files that are added leave the rows as they are; anything else makes them again.
    if (before.some((each, index) => each !== files[index])) untracked(() => list.reset());
    before = files;
    list.element.style.setProperty("--rows", String(files.length));
    if (untracked(selected) >= files.length) selected.set(Math.max(0, files.length - 1));
  });
  return h("div.files", null,
    h("div.bar", null, h("h2", null, "Files"), h("span.quiet.small", null, () => chosen().length ? count(chosen().length) : ""),
      h("div.row.tight.bar-end", null,
        h("button", { on: { click: () => add(false) } }, icon("file"), "Files"),
        h("button", { on: { click: () => add(true) } }, icon("folder"), "Folder"),
        () => chosen().length > 1 ? h("button.bare", { on: { click: () => chosen.set([]) } }, "Clear") : null)),
    () => chosen().length === 0 ? h("div.files-empty", null, icon("image"), h("p", null, "Drop or paste images here, or choose files or a folder."), h("p.quiet.small", null, "PNG, JPEG, TIFF, WebP. Before Start nothing is sent but the file that is previewed.")) : list.element);
}

/**
 * @param {import("../core/signals.js").Signal<import("../upload/uploads.js").Chosen[]>} chosen
 * @param {number} index
 * @param {import("../core/signals.js").Signal<number>} selected
 */
function row(chosen, index, selected) {
  const { file, path } = untracked(chosen)[index];
  return h("div.file-row", { role: "listitem", classes: () => ({ chosen: selected() === index }) },
    h("button.bare.file-name", { title: path, "aria-pressed": () => String(selected() === index), on: { click: () => selected.set(index) } }, h("span.clip", null, path)),
    h("span.quiet.small.number", null, bytes(file.size)),
    h("button.bare.only-icon", { "aria-label": `Leave out ${path}`, on: { click: () => chosen.update((files) => files.filter((_, place) => place !== index)) } }, icon("close")));
}

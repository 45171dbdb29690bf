/** Files and folders, from a dialog, a drop or a paste. */

/** @typedef {import("./uploads.js").Chosen} Chosen */

/**
 * @param {{ isFolder?: boolean }} options
 * @returns {Promise<Chosen[]>}
 */
export function chooseFiles({ isFolder = false } = {}) {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    if (isFolder) input.webkitdirectory = true;
    else input.accept = "image/png,image/jpeg,image/webp,image/tiff,.png,.jpg,.jpeg,.webp,.tif,.tiff";
    const end = (/** @type {Chosen[]} */ chosen) => {
      input.remove();
      resolve(chosen);
    };
    input.addEventListener("change", () => end(named(input.files)));
    input.addEventListener("cancel", () => end([]));
    // An element that is nowhere in the page may be collected while its dialog is open, and what is chosen is lost.
    input.hidden = true;
    document.body.append(input);
    input.click();
  });
}

/**
 * @param {FileList | null} list
 * @returns {Chosen[]}
 */
export const named = (list) => [...(list ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name })).filter(isOpen);

/**
 * Files of the system, such as `.DS_Store`, are not meant.
 * @param {Chosen} chosen
 */
const isOpen = ({ path }) => !path.split("/").some((part) => part.startsWith(".") || part === "Thumbs.db");

/**
 * The files of a drop, with those in its folders.
 * @param {DataTransfer} transfer
 * @returns {Promise<Chosen[]>}
 */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  if (entries.length === 0) return named(transfer.files);
  /** @type {Chosen[]} */
  const found = [];
  for (const entry of entries) await walk(/** @type {any} */ (entry), found);
  return found.filter(isOpen);
}

/**
 * @param {any} entry
 * @param {Chosen[]} found
 */
async function walk(entry, found) {
  if (entry.isFile) {
    /** @type {File} */
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    /** @type {any[]} */
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return;
    for (const each of batch) await walk(each, found);
  }
}

/**
 * Pictures in the clipboard, which have no names of their own.
 * @param {DataTransfer | null} clipboard
 * @returns {Chosen[]}
 */
export function pasted(clipboard) {
  return [...(clipboard?.files ?? [])].map((file) => {
    const name = file.name === "image.png" ? `pasted-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}.png` : file.name;
    return { file, path: name };
  });
}

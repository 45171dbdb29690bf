/** A look at a chosen file, as the browser decodes it, before anything is sent. */

import { h } from "../core/dom.js";
import { bytes } from "../core/format.js";
import { icon } from "../core/icons.js";
import { effect, onCleanup, signal } from "../core/signals.js";

const shownByteCount = 200_000_000;

/**
 * @param {import("../main.js").Context} context
 * @param {() => number} selected
 * @param {import("../pipeline/editor.js").Editor} editor
 */
export function filePreview({ chosen }, selected, editor) {
  const picture = signal(/** @type {HTMLImageElement | null} */ (null));
  const words = signal("");
  effect(() => {
    const one = chosen()[selected()];
    picture.set(null);
    words.set("");
    if (!one) return;
    words.set(`${one.path}, ${bytes(one.file.size)}`);
    if (one.file.size > shownByteCount || /\.tiff?$/i.test(one.path)) return;
    const address = URL.createObjectURL(one.file);
    let isWanted = true;
    const image = new Image();
    image.alt = one.path;
    image.onload = () => {
      if (!isWanted) return;
      words.set(`${one.path}, ${image.naturalWidth} × ${image.naturalHeight}, ${bytes(one.file.size)}`);
      picture.set(image);
    };
    image.src = address;
    onCleanup(() => {
      isWanted = false;
      URL.revokeObjectURL(address);
    });
  });
  const steps = () => (editor.checked()?.result === "document" ? "The result is a document: what was found, as JSON." : "");
  return h("figure.preview", null,
    h("div.preview-picture", null, () => picture() ?? h("div.preview-empty", null, icon("image"), h("span", null, () => chosen().length === 0 ? "A look at the chosen file" : "This browser cannot show the file; the cluster reads it."))),
    h("figcaption.small.quiet.wrap", null, words, () => (steps() ? h("span", null, " ", steps()) : null)));
}

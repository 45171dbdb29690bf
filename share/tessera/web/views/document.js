/** A result that is a JSON document, beside the original it was found in. */

import { send } from "../core/api.js";
import { h } from "../core/dom.js";
import { bytes } from "../core/format.js";
import { signal } from "../core/signals.js";

const shownByteCount = 200_000;
const memberCount = 200;

/**
 * @param {any} image
 * @param {Node} original the viewer, which shows the original alone
 */
export function documentView(image, original) {
  const text = signal("");
  const trouble = signal("");
  send(image.links.result, { headers: { Range: `bytes=0-${shownByteCount - 1}` } })
    .then((response) => response.text())
    .then(text.set, (error) => trouble.set(error.message));
  return h("div.document", null, image.links.source ? original : null, h("div.document-text", { tabindex: "0", role: "region", "aria-label": "Document" }, () => {
    if (trouble()) return h("p.bad", null, trouble());
    const value = parsed(text());
    if (value !== undefined) return tree("", value, true);
    return [image.result_bytes > shownByteCount ? h("p.quiet", null, `The first ${bytes(shownByteCount)} of ${bytes(image.result_bytes)}; the download has all.`) : null, h("pre.output.whole", null, text())];
  }));
}

/**
 * @param {string} text
 * @returns {any} `undefined` for a text that is cut off
 */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * @param {string} name
 * @param {any} value
 * @param {boolean} isOpen
 * @returns {Node}
 */
function tree(name, value, isOpen) {
  const label = name ? [h("span.tree-name", null, name), ": "] : [];
  if (value === null || typeof value !== "object") return h("div.tree-leaf", null, label, h("code", null, JSON.stringify(value)));
  const members = Array.isArray(value) ? value.map((each, index) => [String(index), each]) : Object.entries(value);
  if (members.every(([, each]) => typeof each === "number") && members.length <= 8) return h("div.tree-leaf", null, label, h("code", null, members.map(([key, each]) => (Array.isArray(value) ? each : `${key} ${each}`)).join(", ")));
  const content = h("div.tree-members");
  const details = h("details.tree", { open: isOpen }, h("summary", null, label, h("span.quiet", null, `${members.length} ${Array.isArray(value) ? "items" : "members"}`)), content);
  const fill = () => {
    if (content.childElementCount > 0 || !details.open) return;
    content.append(...members.slice(0, memberCount).map(([key, each]) => tree(key, each, false)));
    if (members.length > memberCount) content.append(h("p.quiet", null, `and ${members.length - memberCount} more, in the download`));
  };
  details.addEventListener("toggle", fill);
  fill();
  return details;
}

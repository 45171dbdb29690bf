/** Sharing: a dialog that makes a link which opens a file or a job without a token, for a time. */

import { getAll, post } from "../core/api.js";
import { h } from "../core/dom.js";
import { time } from "../core/format.js";
import { icon } from "../core/icons.js";
import { signal } from "../core/signals.js";
import { dialog } from "./dialog.js";
import { copyButton, errorNote, isLocal } from "./parts.js";

/**
 * Something that a link can open.
 * @typedef {{ word: string, explanation: string, path: string, prefix?: boolean }} Shared
 */

const lifetimes = [["1h", "1 hour"], ["1d", "1 day"], ["7d", "7 days"], ["30d", "30 days"]];

/**
 * The button that opens the dialog.
 * @param {string} heading
 * @param {() => Shared[]} choices the first one is chosen
 */
export const shareButton = (heading, choices) => h("button", { on: { click: () => shareDialog(heading, choices()) } }, icon("link"), "Share");

/**
 * What can be shared of a job whose results are there.
 * @param {number} job
 * @returns {Shared[]}
 */
export const sharedOfJob = (job) => [
  { word: "All results, as one ZIP file", explanation: "It has what is done when somebody downloads it.", path: `/jobs/${job}/results.zip` },
  { word: "The whole job, for programs", explanation: "Results, originals and the list of images: programs append the rest of a path.", path: `/jobs/${job}`, prefix: true },
];

/**
 * What can be shared of an image.
 * @param {number} job
 * @param {number} image
 * @param {boolean} isDocument whether the result is no picture
 * @returns {Shared[]}
 */
export const sharedOfImage = (job, image, isDocument) => [
  { word: "The result", explanation: "The file as Download gives it.", path: `/jobs/${job}/images/${image}/result` },
  { word: "Result and original, for programs", explanation: "Programs append /result, /source or /thumbnail.", path: `/jobs/${job}/images/${image}`, prefix: true },
  ...(isDocument ? [] : [{ word: "The picture, for viewers", explanation: "OpenSeadragon, Mirador and other viewers of IIIF images open it, of any size.", path: `/iiif/3/${job}.${image}.result`, prefix: true }]),
];

/**
 * @param {string} heading
 * @param {Shared[]} choices
 */
function shareDialog(heading, choices) {
  const made = signal(/** @type {any} */ (null));
  const error = signal(/** @type {any} */ (null));
  const isBusy = signal(false);
  const chosen = signal(choices[0]);
  const lifetime = h("select", { id: "share-lifetime" }, lifetimes.map(([value, word]) => h("option", { value, selected: value === "7d" }, word)));
  const make = async (/** @type {Event} */ event) => {
    event.preventDefault();
    isBusy.set(true);
    error.set(null);
    try {
      const { path, prefix } = chosen.peek();
      made.set(await post("/links", { path, expires_in: lifetime.value, ...(prefix ? { prefix } : {}) }));
    } catch (trouble) {
      error.set(trouble);
    }
    isBusy.set(false);
  };
  const choice = (/** @type {Shared} */ each, /** @type {number} */ number) => h("label.choice", null,
    h("input", { type: "radio", name: "share-what", checked: each === choices[0], autofocus: number === 0, on: { change: () => chosen.set(each) } }),
    h("span", null, each.word, h("span.quiet.small.choice-says", null, each.explanation)));
  const form = () => h("form.stack.share", { on: { submit: make } },
    h("p", null, "Anybody who has the link can open it, without a token. It opens this and nothing else."),
    h("fieldset.stack.tight", null, h("legend.hidden-text", null, "What the link opens"), choices.map(choice)),
    h("div.row", null, h("label", { for: "share-lifetime" }, "It ends after"), lifetime),
    () => errorNote(error()),
    h("div.row.confirm-row", null, h("button.primary", { type: "submit", disabled: isBusy }, icon("link"), "Make the link")));
  dialog(heading, () => [h("div", { "aria-live": "polite" }, () => (made() ? ready(made()) : form()))]);
}

/** @param {any} link */
function ready(link) {
  const address = linkAddress(link);
  const field = h("input.share-address", { readonly: true, value: address, "aria-label": "The link", on: { focus: () => field.select() } });
  return h("div.stack.share", null,
    h("p", null, `Good until ${time(link.expires_at)}. Settings lists your links, and revokes them.`),
    isLocal ? h("p.quiet.small", null, `${location.hostname} is this machine: nobody else can open the link.`) : null,
    field,
    h("div.row.confirm-row", null, copyButton(address, "Copy the link")));
}

/**
 * The address of a link as others open it. Viewers of IIIF images want that of the information.
 * @param {any} link
 */
export const linkAddress = (link) => location.origin + link.url + (link.path.startsWith("/iiif/") ? "/info.json" : "");

/**
 * All of one's links, the newest first.
 * @param {boolean} ofEverybody
 */
export const allLinks = async (ofEverybody) => (await getAll(`/links?limit=500${ofEverybody ? "&of=everybody" : ""}`)).reverse();

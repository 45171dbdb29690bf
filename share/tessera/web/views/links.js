/** The links that open files without a token: which there are, when they end, and a way to revoke them. */

import { post, remove } from "../core/api.js";
import { clock } from "../core/clock.js";
import { h } from "../core/dom.js";
import { age, counted, time } from "../core/format.js";
import { icon } from "../core/icons.js";
import { signal } from "../core/signals.js";
import { confirm } from "./dialog.js";
import { copyButton, deed, errorNote, everybody, table } from "./parts.js";
import { allLinks, linkAddress } from "./share.js";

/** Rows that are shown at first. */
const shownCount = 20;

/** @param {import("../main.js").Context} context */
export function links(context) {
  const found = signal(/** @type {any[] | null} */ (null));
  const error = signal(/** @type {any} */ (null));
  const isAll = signal(false);
  const hasAllRows = signal(false);
  const read = () => allLinks(isAll.peek()).then((links) => { found.set(links); error.set(null); }, error.set);
  read();
  const revoke = (/** @type {any} */ link) => deed(context, async () => {
    const isSure = await confirm({ heading: "Revoke this link?", question: `${whatItOpens(link)} can no longer be opened by the link that ${link.owner} made ${age(link.created_at, clock.peek())}.`, act: "Revoke it" });
    if (!isSure) return;
    await remove(`/links/${link.link_id}`);
    await read();
  });
  const rotate = async () => {
    const isSure = await confirm({ heading: "Sign links with a new key?", question: "Links of the key before stay good. Links of the key before that one end at once. After two changes of the key, every link that there is today has ended.", act: "Change the key" });
    if (!isSure) return;
    const { ended } = await post("/link-keys");
    context.toast(ended === 0 ? "The key is changed; no link has ended" : `The key is changed; ${counted(ended, "link")} ended`);
    await read();
  };
  const row = (/** @type {any} */ link) => [
    whatItOpens(link),
    ...(isAll.peek() ? [link.owner] : []),
    h("span.quiet", null, link.last_used_at ? age(link.last_used_at, clock.peek()) : "never"),
    link.expires_at > clock.peek() ? time(link.expires_at) : h("span.quiet", null, "has ended"),
    h("div.row.row-end", null,
      link.url && link.expires_at > clock.peek() ? copyButton(linkAddress(link)) : null,
      h("button.bare.danger", { "aria-label": `Revoke the link to ${whatItOpens(link)}`, on: { click: revoke(link) } }, "Revoke")),
  ];
  const list = (/** @type {any[]} */ all) => [
    table("Table of links", ["Opens", ...(isAll.peek() ? ["Made by"] : []), "Last used", "Ends", ""], (hasAllRows() ? all : all.slice(0, shownCount)).map(row)),
    !hasAllRows() && all.length > shownCount ? h("div.row", null, h("button.bare", { on: { click: () => hasAllRows.set(true) } }, `Show all ${all.length}`)) : null,
  ];
  return h("section.panel.stack", { "aria-label": "Links" }, h("h2", null, "Links"),
    () => errorNote(error()),
    () => {
      const all = found();
      if (all === null) return error() ? null : h("div.skeleton");
      if (all.length === 0) return h("p.quiet", null, "There are none. Share, at a job or an image, makes a link that opens it without a token.");
      return list(all);
    },
    () => everybody(context, isAll, read, context.may("admin") ? h("button.bare", { on: { click: deed(context, rotate) } }, icon("key"), "Change the key") : null));
}

/** @param {{ path: string, prefix: boolean }} link */
function whatItOpens({ path, prefix }) {
  if (path.startsWith("/iiif/")) {
    const [job, image, part] = path.split("/")[3].split(".");
    return `${part === "source" ? "Original" : "Picture"} of image ${job}.${image}, for viewers`;
  }
  const [, , job, , image, file] = path.split("/");
  if (prefix) return image === undefined ? `All of job ${job}` : `All of image ${job}.${image}`;
  if (path.endsWith("/results.zip")) return `Results of job ${job}`;
  if (file) return `${{ result: "Result", source: "Original", thumbnail: "Thumbnail" }[file] ?? file} of image ${job}.${image}`;
  return image === undefined ? `Job ${job}` : `Image ${job}.${image}`;
}

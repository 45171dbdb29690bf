/** The page that an address without a view gets. */

import { h } from "../core/dom.js";
import { icon } from "../core/icons.js";

/** @param {import("../main.js").Context} context */
export function view({ title }) {
  title.set("Not found");
  return h("div.empty", null, icon("search"), h("h1", null, "There is no such page"), h("a.button", { href: "/" }, "All jobs"));
}

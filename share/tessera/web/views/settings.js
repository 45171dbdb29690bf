/** Settings: of this browser, the session, tokens, and the way to the API. */

import { get, post, remove } from "../core/api.js";
import { clock } from "../core/clock.js";
import { h } from "../core/dom.js";
import { age, time } from "../core/format.js";
import { icon } from "../core/icons.js";
import { signal } from "../core/signals.js";
import { confirm } from "./dialog.js";
import { shortcutSwitch } from "./help.js";
import { links } from "./links.js";
import { copyButton, deed, errorNote, table } from "./parts.js";
import { webhooks } from "./webhooks.js";

/** @param {import("../main.js").Context} context */
export function view(context) {
  const { title, may, session } = context;
  title.set("Settings");
  return h("section.view.page", null,
    h("h1", null, "Settings"),
    thisBrowser(context),
    h("section.panel.stack", { "aria-label": "Session" }, h("h2", null, "Session"),
      h("p", null, () => `Signed in as ${session()?.name}, with the role ${session()?.role}.`, " ", h("span.quiet", null, () => rights[session()?.role] ?? "")),
      h("div.row", null, h("button", { on: { click: deed(context, async () => { await remove("/session"); session.set(null); }) } }, "Sign out"))),
    () => may("submitter") ? links(context) : null,
    () => may("submitter") ? webhooks(context) : null,
    () => may("admin") ? tokens(context) : null,
    h("section.panel.stack", { "aria-label": "For programs" }, h("h2", null, "For programs"),
      h("p", null, "This page uses no route that programs cannot use. ", h("a", { href: "/api/v1/openapi.json", target: "_blank" }, "The API as OpenAPI 3.1")),
      h("pre.output", { tabindex: "0" }, `curl -H "Authorization: Bearer $TOKEN" ${location.origin}/api/v1/jobs`)));
}

/** @type {Record<string, string>} */
const rights = {
  viewer: "It sees everything and changes nothing.",
  submitter: "It submits jobs, and cancels its own.",
  operator: "It also cancels jobs of others, drains nodes and redrives failures.",
  admin: "It also makes and revokes tokens.",
};

/** @param {import("../main.js").Context} context */
function thisBrowser({ settings, toast }) {
  const theme = (/** @type {string} */ word, /** @type {string} */ value) => h("button.chip", { "aria-pressed": () => String(settings.theme() === value), on: { click: () => settings.theme.set(value) } }, word);
  const notify = async (/** @type {any} */ event) => {
    if (!event.target.checked) { settings.notifies.set(false); return; }
    const answer = typeof Notification === "undefined" ? "denied" : await Notification.requestPermission();
    settings.notifies.set(answer === "granted");
    event.target.checked = answer === "granted";
    if (answer !== "granted") toast("This browser does not allow notifications of this page; its settings can change that", { isBad: true });
  };
  return h("section.panel.stack", { "aria-label": "This browser" }, h("h2", null, "This browser"),
    h("div.row", { role: "group", "aria-label": "Colours" }, theme("As the system", "auto"), theme("Light", "light"), theme("Dark", "dark")),
    h("label.check", null, h("input", { type: "checkbox", checked: settings.notifies, on: { change: notify } }), "Tell me when my jobs end, while I look elsewhere"),
    shortcutSwitch(settings));
}

/** @param {import("../main.js").Context} context */
function tokens(context) {
  const list = signal(/** @type {any[]} */ ([]));
  const error = signal(/** @type {any} */ (null));
  const fresh = signal("");
  const read = () => get("/tokens").then((page) => list.set(page.items), error.set);
  read();
  const name = h("input", { id: "token-name", required: true, pattern: "[A-Za-z0-9][A-Za-z0-9@._\\-]*", maxlength: "64", placeholder: "ada" });
  const role = h("select", { id: "token-role" }, ["viewer", "submitter", "operator", "admin"].map((each) => h("option", { value: each, selected: each === "submitter" }, each)));
  const expiry = h("select", { id: "token-expiry" }, [["30d", "30 days"], ["1d", "1 day"], ["365d", "1 year"], ["", "never"]].map(([value, word]) => h("option", { value }, word)));
  const make = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      const body = { name: name.value, role: role.value, ...(expiry.value ? { expires_in: expiry.value } : {}) };
      const made = await post("/tokens", body);
      fresh.set(made.token);
      name.value = "";
      await read();
    } catch (trouble) {
      context.toast(trouble.message, { isBad: true });
    }
  };
  const revoke = (/** @type {any} */ token) => deed(context, async () => {
    const isSure = await confirm({ heading: `Revoke the token of ${token.name}?`, question: `Programs and pages that use the token of ${token.name} (${token.role}, ${token.token_id}) are signed out at once.`, act: "Revoke it" });
    if (!isSure) return;
    await remove(`/tokens/${token.token_id}`);
    await read();
  });
  return h("section.panel.stack", { "aria-label": "Tokens" }, h("h2", null, "Tokens"),
    () => errorNote(error()),
    () => table("Table of tokens", ["Name", "Role", "Made", "Last used", "Ends", ""], list().map((token) => [
      token.sign_in ? `${token.name} (a browser)` : token.name, token.role, h("span.quiet", { title: time(token.created_at) }, age(token.created_at, clock.peek())),
      h("span.quiet", null, token.last_used_at ? age(token.last_used_at, clock.peek()) : "never"), h("span.quiet", null, token.expires_at ? time(token.expires_at) : "never"),
      h("div.row.row-end", null, h("button.bare.danger", { "aria-label": `Revoke the token of ${token.name}`, on: { click: revoke(token) } }, "Revoke"))])),
    () => fresh() ? h("div.note", { role: "status" }, icon("key"), h("div.grow.stack.tight", null, h("span", null, "The new token, shown only now:"), h("code.wrap", { id: "fresh-token" }, fresh()), h("div.row", null, copyButton(fresh()), h("button.bare", { on: { click: () => fresh.set("") } }, "Hide")))) : null,
    h("form.row", { on: { submit: make } },
      h("div.stack.tight", null, h("label.small", { for: "token-name" }, "Name"), name), h("div.stack.tight", null, h("label.small", { for: "token-role" }, "Role"), role), h("div.stack.tight", null, h("label.small", { for: "token-expiry" }, "Ends after"), expiry),
      h("button.primary.form-end", { type: "submit" }, icon("key"), "Make a token")));
}

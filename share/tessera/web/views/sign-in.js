/** Sign in: with a token, or by the one-use link that `tessera-web` prints. */

import { post } from "../core/api.js";
import { h } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { signal } from "../core/signals.js";

/**
 * @param {import("../main.js").Context} context
 * @param {import("../core/signals.js").Signal<string>} refusal why the last attempt failed
 */
export function signIn({ session, title }, refusal) {
  title.set("Sign in");
  const isBusy = signal(false);
  const token = h("input", { type: "password", id: "token", name: "token", autocomplete: "current-password", spellcheck: "false", required: true, autofocus: true, placeholder: "tsw_…", "aria-describedby": "token-help" });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    isBusy.set(true);
    try {
      session.set(await post("/session", { token: token.value.trim() }));
      refusal.set("");
    } catch (error) {
      refusal.set(error.message);
      token.focus();
      token.select();
    } finally {
      isBusy.set(false);
    }
  };
  return h("form.sign-in", { method: "post", on: { submit } },
    h("h1", null, "Sign in"),
    () => refusal() ? h("div.note.bad", { role: "alert" }, icon("alert"), h("span.wrap", null, refusal())) : null,
    h("div.stack.tight", null, h("label", { for: "token" }, "Token"), token),
    h("button.primary", { type: "submit", disabled: isBusy }, "Sign in"),
    h("p.quiet.small", { id: "token-help" }, "An administrator makes tokens with ", h("code", null, "tessera-web token create"), " or on the settings page. On the server's own machine ", h("code", null, "tessera up"), " or ", h("code", null, "tessera-web link"), " prints a link that signs in once."));
}

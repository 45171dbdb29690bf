/** The keyboard map, from what is bound now. */

import { h } from "../core/dom.js";
import { dialog } from "./dialog.js";

/** @param {import("../main.js").Context} context */
export function helpDialog({ keyboard, settings }) {
  const groups = new Map();
  for (const command of keyboard.commands) groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
  dialog("Keyboard", () => [
    h("div.help-groups", null, [...groups].map(([group, commands]) =>
      h("section", null, h("h3", null, group), h("table.plain", null, h("tbody", null, commands.map((/** @type {any} */ command) =>
        h("tr", null, h("td", null, h("span.row.tight", null, command.keys.split(" ").map((/** @type {string} */ key) => h("kbd", null, keyWord(key))))), h("td", null, command.says)))))))),
    shortcutSwitch(settings),
  ], { isWide: true });
}

/**
 * Whether keys alone are shortcuts, for those whose hands or programs press them by chance.
 * @param {import("../core/settings.js").Settings} settings
 */
export const shortcutSwitch = ({ hasShortcuts }) => h("label.check", null,
  h("input", { type: "checkbox", checked: hasShortcuts, on: { change: (/** @type {any} */ event) => hasShortcuts.set(event.target.checked) } }),
  "Keys without Ctrl or Alt are shortcuts");

/** @param {string} key */
const keyWord = (key) => key.replace("Control+", "Ctrl + ").replace("Alt+", "Alt + ").replace("ArrowLeft", "←").replace("ArrowRight", "→").replace("ArrowUp", "↑").replace("ArrowDown", "↓");

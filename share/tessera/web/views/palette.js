/** Ctrl-K: finds an operation, a job, a node or a view. */

import { h } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { effect, signal } from "../core/signals.js";
import { operations } from "../pipeline/catalogue.js";
import { search } from "../pipeline/schema.js";
import { dialog } from "./dialog.js";

/** @param {import("../main.js").Context} context */
export function palette({ router, model, may }) {
  const text = signal("");
  const chosen = signal(0);
  const catalogue = signal(/** @type {any[]} */ ([]));
  operations().then(catalogue.set, () => {});

  const found = () => {
    const words = text().trim().toLowerCase();
    const views = [["Jobs", "/", "jobs"], ["New job", "/new", "add"], ["Nodes", "/nodes", "nodes"], ["Failures", "/failures", "alert"], ["Settings", "/settings", "settings"]]
      .filter(([name]) => name.toLowerCase().includes(words))
      .map(([name, path, sign]) => ({ name, path, sign, more: "" }));
    const number = /^#?(\d+)$/.exec(words)?.[1];
    const jobs = [
      ...(number ? [{ name: `Job ${number}`, path: `/jobs/${number}`, sign: "jobs", more: "" }] : []),
      ...model.jobs.values.filter((job) => words && job.pipeline.includes(words)).slice(0, 5).map((job) => ({ name: `Job ${job.job}`, path: `/jobs/${job.job}`, sign: "jobs", more: job.pipeline })),
    ];
    const nodes = model.workers.values.filter((worker) => words && `${worker.worker} ${worker.name}`.toLowerCase().includes(words)).map((worker) => ({ name: worker.name, path: "/nodes", sign: "nodes", more: worker.worker }));
    const operationsFound = words && may("submitter") ? search(catalogue(), words).slice(0, 8).map((operation) => ({ name: operation.title, path: `/new?pipeline=${encodeURIComponent(operation.title)}`, sign: "image", more: operation.description })) : [];
    return [...views, ...jobs, ...nodes, ...operationsFound].slice(0, 12);
  };

  const element = dialog("Find", (close) => {
    const go = (/** @type {any} */ item) => {
      close();
      if (item) router.go(item.path);
    };
    const input = h("input", {
      type: "search", role: "combobox", "aria-label": "Find an operation, a job, a node or a view", "aria-expanded": "true", "aria-controls": "palette-list", autofocus: true,
      placeholder: "Operation, job number, node, view",
      "aria-activedescendant": () => (found().length > 0 ? `palette-${chosen()}` : null),
      on: {
        input: () => { text.set(input.value); chosen.set(0); },
        keydown: (/** @type {KeyboardEvent} */ event) => {
          const count = found().length;
          if (event.key === "ArrowDown") chosen.set((chosen.peek() + 1) % Math.max(1, count));
          else if (event.key === "ArrowUp") chosen.set((chosen.peek() + count - 1) % Math.max(1, count));
          else if (event.key === "Enter") go(found()[chosen.peek()]);
          else return;
          event.preventDefault();
        },
      },
    });
    const list = h("ul.palette", { role: "listbox", id: "palette-list", "aria-label": "Found" }, () => found().map((item, index) =>
      h("li", { role: "option", id: `palette-${index}`, "aria-selected": () => String(chosen() === index), on: { click: () => go(item) } },
        icon(item.sign), h("span", null, item.name), h("span.quiet.clip", null, item.more))));
    return [input, list];
  }, { hasHead: false, isWide: true });
  effect(() => element.querySelector(`#palette-${chosen()}`)?.scrollIntoView({ block: "nearest" }));
}

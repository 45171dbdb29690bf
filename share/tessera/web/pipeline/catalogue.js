/** The operations that the cluster knows, read once. */

import { get } from "../core/api.js";
import { parse } from "./text.js";

/** @type {Promise<any[]> | null} */
let read = null;

/** @returns {Promise<any[]>} */
export function operations() {
  read ??= get("/operations").then((page) => page.items).catch((error) => {
    read = null;
    throw error;
  });
  return read;
}

/** The order in which a person meets the families. */
export const families = ["colour", "smoothing", "edges", "morphology", "threshold", "histogram", "geometry", "frequency", "features"];

/**
 * A new step's values: where an operation asks for one of its parameters, those of its first example.
 * @param {any} operation
 */
export function initialValues(operation) {
  const asked = (operation.anyOf ?? []).flatMap((/** @type {any} */ each) => each.required ?? []);
  return asked.length === 0 ? {} : exampleValues(operation);
}

/**
 * @param {any} operation
 * @returns {Record<string, string>}
 */
function exampleValues(operation) {
  const example = (operation.example_pipelines ?? []).map((/** @type {string} */ text) => parse(text)).flat().find((/** @type {any} */ each) => each.name === operation.title);
  return example?.values ?? {};
}


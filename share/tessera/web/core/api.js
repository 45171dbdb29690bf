/** Requests to the gateway's API, whose errors are `application/problem+json` (RFC 9457). */

import { signal } from "./signals.js";

const base = "/api/v1";

/**
 * The API's details begin in lower case, to be part of a line in a log or a terminal.
 * @param {string} detail
 */
const asSentence = (detail) => detail.charAt(0).toUpperCase() + detail.slice(1);

/** Whether a request did not reach the server: what it asked for is missing until it is asked again. */
export const missed = signal(false);

/** What the API answered instead of what was asked for. */
export class APIError extends Error {
  /**
   * @param {number} status
   * @param {Record<string, any>} problem
   */
  constructor(status, problem) {
    // The banner says since when; what the gateway tried to reach is for its operator.
    const detail = problem.code === "master-unreachable" ? "the master is away; this works again when it is back." : problem.detail;
    super(asSentence(detail ?? problem.title ?? `the server answered with status ${status}`));
    this.status = status;
    this.code = String(problem.code ?? problem.type ?? "").replace(/^.*[/:#]/, "") || `status-${status}`;
    this.problem = problem;
    /**
     * Milliseconds after which another attempt is welcome.
     * @type {number | null}
     */
    this.retryAfter = null;
  }
}

/**
 * Called when a request is refused because nobody is signed in.
 * @type {() => void}
 */
let onSignedOut = () => {};
/** @param {() => void} call */
export const whenSignedOut = (call) => {
  onSignedOut = call;
};

/**
 * @param {string} path below the API's base, or an address that the API gave
 * @param {{ method?: string, body?: any, query?: Record<string, any>, headers?: Record<string, string>, signal?: AbortSignal }} options
 */
export async function send(path, { method = "GET", body, query, headers = {}, signal } = {}) {
  const address = new URL(/^\/(api|iiif)\//.test(path) ? path : base + path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") address.searchParams.append(name, String(value));
  }
  let response;
  try {
    response = await fetch(address, {
      method,
      signal,
      cache: "no-store",
      headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    missed.set(true);
    throw new APIError(0, { code: "unreachable", detail: "The server cannot be reached; the page tries again by itself." });
  }
  if (response.ok) return response;
  throw await failure(response);
}

/** @param {Response} response */
export async function failure(response) {
  const problem = await response.json().catch(() => ({}));
  const error = new APIError(response.status, problem);
  const seconds = Number(response.headers.get("Retry-After"));
  if (seconds > 0) error.retryAfter = seconds * 1000;
  if (response.status === 401) onSignedOut();
  return error;
}

/**
 * The JSON of an answer.
 * @param {string} path
 * @param {Parameters<typeof send>[1]} [options]
 * @returns {Promise<any>}
 */
export async function get(path, options) {
  const response = await send(path, options);
  return response.status === 204 ? null : response.json();
}

/**
 * The items of all pages of a list.
 * @param {string} path of the first one
 */
export async function getAll(path) {
  const items = [];
  for (let next = path; next;) {
    const page = await get(next);
    items.push(...page.items);
    next = page.next;
  }
  return items;
}

/**
 * @param {string} path
 * @param {any} [body]
 * @param {Record<string, string>} [headers]
 */
export const post = (path, body, headers) => get(path, { method: "POST", body, headers });

/** @param {string} path */
export const remove = (path) => get(path, { method: "DELETE" });

/** A key under which the server carries out a request once, however often it arrives. */
export const newKey = () => crypto.randomUUID();

/**
 * @param {number} job
 * @param {string} [query]
 */
export const zipAddress = (job, query = "") => `${base}/jobs/${job}/results.zip${query}`;

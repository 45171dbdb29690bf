/** Files that were sent to be previewed: each once; a job takes them over without sending them again. */

import { APIError, failure } from "../core/api.js";

export class SentFiles {
  constructor() {
    /** @type {Map<File, { upload: Promise<string>, id: string }>} */
    this.files = new Map();
  }

  /**
   * The upload of a file, which is sent if it is not there yet.
   * @param {File} file
   * @param {string} path
   * @returns {Promise<string>}
   */
  upload(file, path) {
    const known = this.files.get(file);
    if (known) return known.upload;
    const entry = { upload: send(file, path), id: "" };
    this.files.set(file, entry);
    entry.upload.then(
      (id) => {
        entry.id = id;
      },
      () => this.files.delete(file),
    );
    return entry.upload;
  }

  /**
   * The upload of a file that is there in full; empty for any other.
   * @param {File} file
   */
  idOf(file) {
    return this.files.get(file)?.id ?? "";
  }

  /** Jobs have taken them, or nobody wants them any longer. */
  forget() {
    this.files.clear();
  }
}

/**
 * @param {File} file
 * @param {string} path
 * @returns {Promise<string>}
 */
async function send(file, path) {
  let response;
  try {
    response = await fetch("/api/v1/uploads", {
      method: "POST",
      body: file,
      headers: { Accept: "application/json", "Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(path).replace(/'/g, "%27")}` },
    });
  } catch {
    throw new APIError(0, { code: "unreachable", detail: "The server cannot be reached; the preview is made when it is back." });
  }
  if (!response.ok) throw await failure(response);
  return (await response.json()).upload;
}

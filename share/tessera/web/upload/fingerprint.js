/** What a file is known by after a reload: its path, size, time and the SHA-256 of its first 64 KiB. */

const headByteCount = 65_536;

/**
 * @param {File} file
 * @param {string} path
 * @returns {Promise<string>} at most 256 characters
 */
export async function fingerprint(file, path) {
  const head = await file.slice(0, headByteCount).arrayBuffer();
  const seed = new TextEncoder().encode(`${path}\n${file.size}\n${file.lastModified}\n`);
  const bytes = new Uint8Array(seed.length + head.byteLength);
  bytes.set(seed);
  bytes.set(new Uint8Array(head), seed.length);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The page's one Trusted Types policy: addresses of its own scripts, for its Workers. */

/** @type {any} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("tessera", {
  createScriptURL: (/** @type {string} */ address) => {
    if (new URL(address).origin !== location.origin) throw new TypeError(`${address} is not a script of this page`);
    return address;
  },
});

/**
 * @param {URL} address
 * @returns {any}
 */
export const trustedScriptURL = (address) => policy?.createScriptURL(address.href) ?? address.href;

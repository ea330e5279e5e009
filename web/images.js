/**
 * Which pictures are shown: those of the web and those that come along as data, from the hosts that the thread allows.
 */

import { element } from "./dom.js";

/**
 * @param {unknown} address
 * @param {readonly string[] | null | undefined} domains - the thread's `allowed_image_domains`; every host without them.
 * @returns {string | null} the address where it may be shown. A picture that is data calls no host.
 */
export function shownImage(address, domains) {
  if (typeof address !== "string" || !URL.canParse(address)) return null;
  const url = new URL(address);
  if (url.protocol === "data:") return /^data:image\//i.test(address) ? address : null;
  if (url.protocol !== "https:") return null;
  const allowed = !domains || domains.some((domain) => isWithin(url.hostname, domain.toLowerCase()));
  return allowed ? url.href : null;
}

/** @param {string} host @param {string} domain */
function isWithin(host, domain) {
  return host === domain || host.endsWith(`.${domain}`);
}

/**
 * @param {unknown} address
 * @param {readonly string[] | null | undefined} domains
 * @param {string} alt
 * @returns {HTMLElement} the picture, or a line that says that it is not shown.
 */
export function picture(address, domains, alt) {
  const src = shownImage(address, domains);
  if (src === null)
    return element("span", { className: "not-shown" }, `${alt || "A picture"} (not shown: ${hostOf(address)})`);
  // A picture's host learns nothing of the page that shows it.
  return element("img", { alt, referrerPolicy: "no-referrer", loading: "lazy", src });
}

/** @param {unknown} address */
function hostOf(address) {
  if (typeof address !== "string" || !URL.canParse(address)) return "no address of the web";
  const { hostname, protocol } = new URL(address);
  return hostname || protocol;
}

/**
 * What a visitor has chosen: user, locale and the way of uploads are kept in the browser; the client and the open thread are in the
 * address, so that they can be linked.
 */

const KEY = "chatkit-playground";

/** @typedef {{ user: string, locale: string, uploads: Uploads }} Preferences - an empty locale is the browser's own. */
/** @typedef {import("@openai/chatkit").FileUploadStrategy["type"]} Uploads */

/** @returns {Preferences} */
export function loadPreferences() {
  /** @type {Partial<Preferences>} */
  let stored = {};
  try {
    stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    // Unreadable, or storage is switched off: the defaults do.
  }
  const uploads = stored.uploads === "direct" ? "direct" : "two_phase";
  return { user: stored.user || "alice", locale: stored.locale ?? "", uploads };
}

/** @param {Preferences} preferences */
export function savePreferences(preferences) {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Storage is switched off: the choice lasts until the page is left.
  }
}

/** @returns {boolean} whether the address asks for the built-in client. */
export function wantsPlainClient() {
  return new URLSearchParams(location.search).get("client") === "plain";
}

/** @returns {boolean} whether the address asks for OpenAI's hosted workflow. */
export function wantsHosted() {
  return new URLSearchParams(location.search).get("client") === "hosted";
}

/** @param {boolean} plain @returns {string} this page's address with the other client; the open thread stays. */
export function addressWithClient(plain) {
  const url = new URL(location.href);
  if (plain) url.searchParams.set("client", "plain");
  else url.searchParams.delete("client");
  return url.href;
}

/** @returns {string | null} the thread that the address names (`#thread=...`). */
export function threadInAddress() {
  return new URLSearchParams(location.hash.slice(1)).get("thread");
}

/** @param {string | null} threadId - written into the address, so that a reload opens it again. */
export function showThreadInAddress(threadId) {
  if (threadId === threadInAddress()) return;
  const url = new URL(location.href);
  url.hash = threadId === null ? "" : new URLSearchParams({ thread: threadId }).toString();
  history.pushState(null, "", url);
}

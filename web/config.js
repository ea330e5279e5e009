/**
 * Where the backend is. The page is served as it is, so a deployment writes its own `config.json` beside this file.
 */

/**
 * @typedef {object} Config
 * @property {string} chatUrl - the chat function, absolute.
 * @property {string} apiUrl - what `/chatkit/start` and `/chatkit/entities` are appended to, absolute.
 * @property {string} domainKey - ChatKit asks for one with every backend of one's own; a real one comes from
 *   https://platform.openai.com/settings/organization/security/domain-allowlist, and any will do on localhost.
 * @property {import("./attachment-limits.js").AttachmentOptions} attachments - ChatKit's own option: which files the page
 *   offers to send; none where the file leaves it out.
 * @property {boolean} hosted - whether the backend hands out sessions of OpenAI's hosted ChatKit (docs/identity.md).
 */

/**
 * @returns {Promise<Config>} addresses that are relative in the file are taken from the page's own origin.
 */
export async function loadConfig() {
  const response = await fetch(new URL("config.json", import.meta.url), { cache: "no-cache" });
  if (!response.ok) throw new Error(`config.json could not be read (HTTP ${response.status}).`);
  const { chatUrl, apiUrl, domainKey, attachments = { enabled: false }, hosted = false } = await response.json();
  const absolute = (/** @type {string} */ url) => new URL(url, location.origin).href.replace(/\/$/, "");
  return { chatUrl: absolute(chatUrl), apiUrl: absolute(apiUrl), domainKey, attachments, hosted };
}

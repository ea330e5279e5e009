/**
 * The page: who is chatting, in which locale, with which client. ChatKit is taken where its script can be loaded, and
 * the built-in client where it cannot.
 */

import { createClientSecrets, startSession } from "./api.js";
import { limitedToDirect } from "./attachment-limits.js";
import { createChatKitApi, createEntities } from "./chatkit-aws.js";
import { loadConfig } from "./config.js";
import { LOCALES, isSupported, nameOf } from "./locales.js";
import { element } from "./dom.js";
import { loadChatKit, mountOfficialClient } from "./official-client.js";
import { mountPlainClient } from "./plain-client.js";
import {
  addressWithClient,
  loadPreferences,
  savePreferences,
  showThreadInAddress,
  threadInAddress,
  wantsHosted,
  wantsPlainClient,
} from "./preferences.js";
import { createToasts } from "./toasts.js";

const GREETING = "What can I help with?";
/** Each stands for a word that the assistant without a model knows, and is a question that a model understands, too. */
const PROMPTS = [
  "What can you do?",
  "Show me a widget",
  "Run a workflow",
  "Ask me a question",
  "Use a tool of this page",
  "Cite your sources",
  "Draw an image",
];

const UNAVAILABLE = "ChatKit's script could not be loaded from OpenAI, so this is the plain client that is built in.";

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function byId(id, type) {
  const node = document.getElementById(id);
  if (!(node instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return node;
}

const stage = byId("stage", HTMLElement);
const banner = byId("banner", HTMLElement);
const userInput = byId("user", HTMLInputElement);
const localeSelect = byId("locale", HTMLSelectElement);
const uploadsSelect = byId("uploads", HTMLSelectElement);
const switchLink = byId("switch-client", HTMLAnchorElement);

const toasts = createToasts();

/**
 * What happens in the page itself, whichever client it comes from. Your page would open a dialog, move a map, play a
 * sound; this one says what it was asked.
 *
 * @typedef {object} PageCallbacks
 * @property {(name: string, data: unknown) => void} onEffect - a `client_effect` of the assistant.
 * @property {(action: { type: string }) => void} onClientAction - an action of a widget whose handler is `client`.
 * @property {(entity: { title: string, id: string }) => void} onEntity - a click on an entity.
 */

/**
 * Makes what searches the entities that users may tag, and previews them, of an `api` option.
 *
 * @typedef {(api: ReturnType<typeof createChatKitApi>) => ReturnType<typeof createEntities>} EntitiesOf
 */

/**
 * Makes the `api` option for an element: ChatKit's own, or the built-in client's, which acts as one.
 *
 * @typedef {(element: import("./chatkit-aws.js").ChatElement) => ReturnType<typeof createChatKitApi>} Connect
 */

/** @type {PageCallbacks} */
const page = {
  onEffect: (name, data) => toasts.show(`Client effect ${name} ${JSON.stringify(data ?? {})}`),
  onClientAction: ({ type }) => toasts.show(`The action ${type} is for this page, not for the assistant.`),
  onEntity: ({ title, id }) => toasts.show(`You clicked ${title}.`),
};

const preferences = loadPreferences();
/** @type {{ open(threadId: string | null): void, unmount(): void } | null} */
let client = null;
let plain = wantsPlainClient();

/** @param {string} text - an empty one hides the banner. */
function say(text) {
  banner.textContent = text;
  banner.hidden = text === "";
}

/** @param {import("./config.js").Config} config */
function mount(config) {
  client?.unmount();
  const { apiUrl, chatUrl, domainKey } = config;
  const { user, locale, uploads } = preferences;
  /** @type {import("@openai/chatkit").FileUploadStrategy} */
  const uploadStrategy =
    uploads === "direct" ? { type: uploads, uploadUrl: `${apiUrl}/chatkit/upload` } : { type: uploads };
  const getToken = () => startSession({ apiUrl, user });
  const refreshUrl = `${apiUrl}/chatkit/refresh`;
  const options = {
    /** @type {Connect} */
    connect: (chatkit) =>
      createChatKitApi({ url: chatUrl, apiUrl, domainKey, getToken, refreshUrl, uploadStrategy, element: () => chatkit }),
    /** @type {EntitiesOf} */
    entitiesOf: (api) => createEntities(api, { url: apiUrl, ...(locale && { locale }) }),
    attachments: uploads === "direct" ? limitedToDirect(config.attachments) : config.attachments,
    threadId: threadInAddress(),
    greeting: GREETING,
    prompts: PROMPTS,
    onThreadChange: showThreadInAddress,
    page,
  };
  client = plain
    ? mountPlainClient(stage, { ...options, apiUrl, locale: locale || navigator.language })
    : mountOfficialClient(stage, {
        ...options,
        locale: isSupported(locale) ? locale : undefined,
        ...((config.hosted || wantsHosted()) && { getClientSecret: createClientSecrets({ apiUrl, user }) }),
        onError: (message) => say(`ChatKit reports: ${message}`),
      });
}

/** @param {import("./config.js").Config} config */
function fillBar(config) {
  userInput.value = preferences.user;
  userInput.addEventListener("change", () => {
    const user = userInput.value.trim();
    userInput.value = user || preferences.user;
    if (user === "" || user === preferences.user) return;
    preferences.user = user;
    savePreferences(preferences);
    showThreadInAddress(null); // the open thread is the other user's
    mount(config);
  });

  localeSelect.append(
    ...LOCALES.map((locale) => element("option", { value: locale }, `${nameOf(locale)} (${locale})`)),
  );
  localeSelect.value = isSupported(preferences.locale) ? preferences.locale : "";
  localeSelect.addEventListener("change", () => {
    preferences.locale = localeSelect.value;
    savePreferences(preferences);
    mount(config);
  });

  uploadsSelect.value = preferences.uploads;
  uploadsSelect.addEventListener("change", () => {
    preferences.uploads = uploadsSelect.value === "direct" ? "direct" : "two_phase";
    savePreferences(preferences);
    mount(config);
  });
}

/** The link to the other client. Where it leads is settled when it is followed: the open thread goes along. */
function drawSwitch() {
  switchLink.hidden = false;
  switchLink.textContent = plain ? "Use ChatKit" : "Use the built-in client";
  switchLink.onclick = (event) => {
    event.preventDefault();
    location.assign(addressWithClient(!plain));
    // From a page that has fallen back, the address may be the very same: the script is then tried again.
    if (plain && !wantsPlainClient()) location.reload();
  };
}

async function main() {
  document.body.append(toasts.root);
  const config = await loadConfig();
  fillBar(config);
  if (!plain) {
    say("Loading ChatKit…");
    try {
      await loadChatKit();
      say("");
    } catch {
      plain = true;
      say(UNAVAILABLE);
    }
  }
  drawSwitch();
  mount(config);
  addEventListener("popstate", () => client?.open(threadInAddress()));
}

main().catch((error) => say(`The page could not start: ${error instanceof Error ? error.message : error}`));

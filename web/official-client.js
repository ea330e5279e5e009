/**
 * OpenAI's own client on this backend: its script is loaded from OpenAI, and `<openai-chatkit>` is mounted.
 *
 * Options: the types of `@openai/chatkit` 1.9.0; https://openai.github.io/chatkit-js/
 */

import { createToolRunner } from "./tools.js";

/**
 * @typedef {import("@openai/chatkit").OpenAIChatKit} OpenAIChatKit
 * @typedef {import("@openai/chatkit").ChatKitOptions} ChatKitOptions
 */

export const SCRIPT_URL = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js";

/** How long the script may take, in ms. */
const SCRIPT_TIMEOUT = 4000;

/**
 * Loads ChatKit's script, once per page.
 *
 * @returns {Promise<void>} rejects where the script cannot be loaded, or defines no element, within 4 s.
 */
export async function loadChatKit() {
  if (customElements.get("openai-chatkit")) return;
  /** @type {number | undefined} */
  let timer;
  const tooLate = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("ChatKit's script did not come in time.")), SCRIPT_TIMEOUT);
  });
  const loaded = new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.async = true;
    script.src = SCRIPT_URL;
    script.addEventListener("load", () => resolve(customElements.whenDefined("openai-chatkit")));
    script.addEventListener("error", () => reject(new Error("ChatKit's script could not be loaded.")));
    document.head.append(script);
  });
  try {
    await Promise.race([loaded, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {HTMLElement} container
 * @param {object} options
 * @param {import("./playground.js").Connect} options.connect
 * @param {import("./attachment-limits.js").AttachmentOptions} options.attachments - which files are taken.
 * @param {ChatKitOptions["locale"]} options.locale - the browser's own where it is undefined.
 * @param {string | null} options.threadId - the thread to open.
 * @param {string} options.greeting
 * @param {readonly string[]} options.prompts
 * @param {(threadId: string | null) => void} options.onThreadChange
 * @param {import("./playground.js").EntitiesOf} options.entitiesOf
 * @param {(current: string | null) => Promise<string>} [options.getClientSecret] - in hosted mode: OpenAI is the backend.
 * @param {import("./playground.js").PageCallbacks} options.page
 * @param {(message: string) => void} options.onError
 * @returns {{ open(threadId: string | null): void, unmount(): void }}
 */
export function mountOfficialClient(container, options) {
  const chatkit = document.createElement("openai-chatkit");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const api = options.getClientSecret ? null : options.connect(chatkit);
  const applyOptions = () => chatkit.setOptions(chatKitOptions(api, options, dark.matches ? "dark" : "light"));

  chatkit.addEventListener("chatkit.thread.change", (event) => options.onThreadChange(event.detail.threadId));
  chatkit.addEventListener("chatkit.effect", (event) => options.page.onEffect(event.detail.name, event.detail.data));
  chatkit.addEventListener("chatkit.error", (event) => options.onError(event.detail.error.message));
  dark.addEventListener("change", applyOptions);
  applyOptions();
  container.replaceChildren(chatkit);

  return {
    open: (threadId) => void chatkit.setThreadId(threadId),
    unmount() {
      dark.removeEventListener("change", applyOptions);
      chatkit.remove();
    },
  };
}

/**
 * The whole set: ChatKit does not merge options with those that it has.
 *
 * @param {ReturnType<import("./playground.js").Connect> | null} api - null in hosted mode.
 * @param {Parameters<typeof mountOfficialClient>[1]} options
 * @param {"light" | "dark"} colorScheme
 * @returns {ChatKitOptions}
 */
function chatKitOptions(api, options, colorScheme) {
  const { attachments, locale, threadId, greeting, prompts, entitiesOf, getClientSecret, page } = options;
  return {
    api: api ?? /** @type {ChatKitOptions["api"]} */ ({ getClientSecret }),
    ...(locale ? { locale } : {}),
    theme: { colorScheme },
    initialThread: threadId,
    header: { enabled: true, title: { enabled: true } },
    history: { enabled: true, showDelete: true, showRename: true },
    startScreen: { greeting, prompts: prompts.map((prompt) => ({ label: prompt, prompt })) },
    threadItemActions: { feedback: true, retry: true },
    thread: { autoScroll: true },
    composer: { placeholder: "Write a message", attachments },
    onClientTool: createToolRunner(),
    widgets: { onAction: async (action) => page.onClientAction(action) },
    entities: { ...(api && { ...entitiesOf(api), showComposerMenu: true }), onClick: page.onEntity },
  };
}

/**
 * The built-in client: what ChatKit does, in plain sight. It holds the list of threads, and hands what the open thread and
 * the views tell each other from one to the other.
 */

import { failureOf } from "./api.js";
import { createAttachmentLinks } from "./attachment-links.js";
import { createComposer } from "./composer.js";
import { createConversationView } from "./conversation.js";
import { element } from "./dom.js";
import { createPreviews } from "./entity-preview.js";
import { createOpenThread } from "./open-thread.js";
import { createPaneSwitch } from "./pane-switch.js";
import { createProtocol } from "./protocol.js";
import { createRawEvents } from "./raw-events.js";
import { createThreadList } from "./thread-list.js";
import { createToolRunner } from "./tools.js";
import { createUploads } from "./uploads.js";

/**
 * @typedef {import("./fold.js").Thread} Thread
 * @typedef {import("./playground.js").PageCallbacks} PageCallbacks
 */

/**
 * @param {HTMLElement} container
 * @param {object} options
 * @param {import("./playground.js").Connect} options.connect
 * @param {string} options.apiUrl
 * @param {import("./attachment-limits.js").AttachmentOptions} options.attachments - which files are taken.
 * @param {string} options.locale
 * @param {string | null} options.threadId - the thread to open.
 * @param {string} options.greeting
 * @param {readonly string[]} options.prompts
 * @param {(threadId: string | null) => void} options.onThreadChange
 * @param {import("./playground.js").EntitiesOf} options.entitiesOf
 * @param {PageCallbacks} options.page
 * @returns {{ open(threadId: string | null): void, unmount(): void }}
 */
export function mountPlainClient(container, options) {
  const { apiUrl, attachments, locale, greeting, prompts, onThreadChange, page } = options;
  const events = createRawEvents();
  const root = element("div", { className: "plain-client" });
  // Towards its API this client acts as ChatKit's element: it fetches updates, and tells which thread is open.
  const api = options.connect(Object.assign(root, { fetchUpdates: () => current.refresh() }));
  const protocol = createProtocol({ url: api.url, fetcher: api.fetch, locale, observe: events.add });
  const entities = options.entitiesOf(api);
  const runTool = createToolRunner();
  const mounted = new AbortController();
  /** @type {Thread[]} */
  let threads = [];
  /** @type {Set<string>} */
  const deleted = new Set();
  /** Settles when the title that was given last is stored. */
  let renamed = Promise.resolve();
  let threadsNote = "Loading…";
  let drawing = false;

  const uploads = createUploads({ protocol, fetcher: api.fetch, strategy: api.uploadStrategy, note });
  const files = createAttachmentLinks({ protocol, fetcher: api.fetch, apiUrl });

  /** What the page does by itself is a line among the events. @param {string} type @param {unknown} body */
  function note(type, body) {
    events.add({ kind: "page", type, body, offset: 0 });
  }

  const current = createOpenThread({
    protocol,
    async runTool(call) {
      const result = await runTool(call);
      note("onClientTool", { ...call, result });
      return result;
    },
    onChange: redraw,
    onEnter(threadId) {
      composer.keepWriting();
      root.dispatchEvent(new CustomEvent("chatkit.thread.change", { detail: { threadId } }));
      onThreadChange(threadId);
    },
    onThread(changed) {
      const known = threads.some((thread) => thread.id === changed.id);
      threads = known
        ? threads.map((thread) => (thread.id === changed.id ? changed : thread))
        : [changed, ...threads];
    },
    onGivenBack: (message) => composer.restore(message),
    onEffect: page.onEffect,
  });
  const threadList = createThreadList({
    dates: new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "short" }),
    onOpen: (id) => {
      panes.show("chat");
      void current.open(id);
      composer.focus();
    },
    onRename: (id, title) => void rename(id, title),
    onDelete: (id) => void remove(id),
  });
  const previews = createPreviews({
    async request(entity) {
      const answer = await entities.onRequestPreview(entity);
      note("entities.onRequestPreview", { entity, ...answer });
      return answer;
    },
  });
  /** @type {import("./entity-chip.js").EntityView} */
  const entityView = {
    onEntity(entity) {
      note("entities.onClick", entity);
      page.onEntity(entity);
    },
    onPreview: previews.attach,
  };
  const conversation = createConversationView({
    greeting,
    prompts,
    onPrompt: (text) => void current.say({ text, entities: [], attachments: [] }),
    onRetry: () => void current.retry(),
    onAnswerAgain: (id) => void current.answerAgain(id),
    onFeedback: (id, kind) => void current.giveFeedback(id, kind),
    itemView: {
      files,
      onAnswer: current.answer,
      async onAction(item, action) {
        if (action.handler !== "client") return current.act(item.id, action);
        note("widgets.onAction", { action, item_id: item.id });
        page.onClientAction(action);
      },
      ...entityView,
    },
  });
  const composer = createComposer({
    onSend: (message) => void current.say(message),
    onStop: current.stop,
    async onTagSearch(query) {
      const found = await entities.onTagSearch(query);
      note("entities.onTagSearch", { query, entities: found });
      return found;
    },
    entityView,
    uploads,
    limits: attachments,
    locale,
    dropZone: root,
  });

  /** Draws once per frame, however many events have come. */
  function redraw() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      const { state, loading, feedback, id } = current.now;
      const { streaming, allowCancel, thread } = state;
      threadList.draw(threads, id, threadsNote);
      conversation.draw(state, { loading, feedback });
      composer.draw({ streaming, allowCancel, loading, closed: closedReason(thread) });
    });
  }

  /** @param {string} id @param {string} title */
  async function rename(id, title) {
    const give = () =>
      attempt(async () => {
        const answer = await protocol.call("threads.update", { thread_id: id, title });
        current.changed();
        threads = threads.map((thread) => (thread.id === id ? { ...thread, title: answer.title ?? title } : thread));
      });
    // One after the other: the title that was given last is stored last.
    renamed = renamed.then(give);
    await renamed;
  }

  /** @param {string} id */
  async function remove(id) {
    await attempt(async () => {
      await protocol.call("threads.delete", { thread_id: id });
      deleted.add(id);
      threads = threads.filter((thread) => thread.id !== id);
      if (current.now.id === id) void current.open(null);
    });
  }

  /**
   * A request about the list of threads: its failure is shown there, and changes nothing else.
   *
   * @param {() => Promise<void>} action
   */
  async function attempt(action) {
    try {
      await action();
      threadsNote = "";
    } catch (error) {
      threadsNote = failureOf(error).message;
    }
    redraw();
  }

  async function loadThreads() {
    await attempt(async () => {
      /** @type {Thread[]} */
      const found = [];
      for await (const page of protocol.listThreads({ signal: mounted.signal })) found.push(...page);
      // What this page has seen of a thread meanwhile (its title, its end) is newer than the list.
      const known = new Set([...threads.map((thread) => thread.id), ...deleted]);
      threads = [...threads, ...found.filter((thread) => !known.has(thread.id))];
    });
  }

  const chat = element("main", { className: "chat pane" }, conversation.root, composer.root);
  const panes = createPaneSwitch(root);
  root.append(panes.root, threadList.root, chat, events.root, previews.root);
  container.replaceChildren(root);
  void loadThreads();
  void current.open(options.threadId);
  composer.focus();

  return {
    open(id) {
      if (id !== current.now.id) void current.open(id);
    },
    unmount() {
      mounted.abort();
      composer.leave();
      current.leave();
      root.remove();
    },
  };
}

/** @param {Thread | null} thread @returns {string | null} why it takes no messages. */
function closedReason(thread) {
  const status = thread?.status;
  if (!status || status.type === "active") return null;
  return `This thread is ${status.type}${status.reason ? `: ${status.reason}` : "."}`;
}

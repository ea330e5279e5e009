/**
 * The built-in client: what ChatKit does, in plain sight. It holds the state, sends the requests, and hands each new
 * state to the views; the rules of the protocol are in `protocol.js`, those of the events in `fold.js`.
 */

import { ApiError } from "./api.js";
import { createComposer } from "./composer.js";
import { createConversationView } from "./conversation.js";
import { button, element } from "./dom.js";
import { EMPTY, droppedAfter, ended, fold, opened, started } from "./fold.js";
import { createProtocol, messageInput } from "./protocol.js";
import { createRawEvents } from "./raw-events.js";
import { createThreadList } from "./thread-list.js";

/**
 * @typedef {import("./fold.js").Conversation} Conversation
 * @typedef {import("./fold.js").Failure} Failure
 * @typedef {import("./fold.js").Json} Json
 * @typedef {import("./fold.js").Thread} Thread
 * @typedef {import("./conversation.js").Feedback} Feedback
 */

/**
 * @param {HTMLElement} container
 * @param {object} options
 * @param {string} options.url
 * @param {typeof fetch} options.fetcher
 * @param {string} options.locale
 * @param {string | null} options.threadId - the thread to open.
 * @param {string} options.greeting
 * @param {readonly string[]} options.prompts
 * @param {(threadId: string | null) => void} options.onThreadChange
 * @returns {{ open(threadId: string | null): void, unmount(): void }}
 */
export function mountPlainClient(container, { url, fetcher, locale, threadId, greeting, prompts, onThreadChange }) {
  const events = createRawEvents();
  const protocol = createProtocol({ url, fetcher, locale, observe: events.add });
  const threadList = createThreadList({
    dates: new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "short" }),
    onOpen: (id) => {
      show("chat");
      void open(id);
      composer.focus();
    },
    onRename: (id, title) => void rename(id, title),
    onDelete: (id) => void remove(id),
  });
  const conversation = createConversationView({
    greeting,
    prompts,
    onPrompt: (text) => void say(text),
    onRetry: () => void retry(),
    onAnswerAgain: (id) => void answerAgain(id),
    onFeedback: (id, kind) => void giveFeedback(id, kind),
  });
  const composer = createComposer({ onSend: (text) => void say(text), onStop: () => running?.abort() });

  const mounted = new AbortController();
  /** Ends what belongs to the thread that is being left. */
  let visit = new AbortController();
  /** Ends the stream that runs. @type {AbortController | null} */
  let running = null;
  /** @type {Conversation} */
  let state = EMPTY;
  /** The thread that is open, or that is being opened. @type {string | null} */
  let openId = null;
  let loading = false;
  /** @type {Thread[]} */
  let threads = [];
  let threadsNote = "Loading…";
  /** @type {Map<string, Feedback>} */
  let feedback = new Map();
  let drawing = false;

  /** Draws once per frame, however many events have come. */
  function redraw() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      const { streaming, allowCancel } = state;
      threadList.draw(threads, openId, threadsNote);
      conversation.draw(state, { loading, feedback });
      composer.draw({ streaming, allowCancel, loading, closed: closedReason(state.thread) });
    });
  }

  /** @param {string | null} id @param {boolean} [announce] */
  function enter(id, announce = true) {
    openId = id;
    if (announce) onThreadChange(id);
  }

  /** @param {string | null} id */
  async function open(id) {
    visit.abort();
    visit = new AbortController();
    const { signal } = visit;
    running = null;
    state = EMPTY;
    feedback = new Map();
    loading = id !== null;
    enter(id);
    redraw();
    if (id === null) return;
    try {
      const { thread, items } = await protocol.openThread(id, { signal });
      if (signal.aborted) return;
      state = opened(thread, items);
    } catch (error) {
      if (signal.aborted) return;
      // ChatKit, too, falls back to a new thread.
      if (error instanceof ApiError && error.status === 404) enter(null);
      state = ended(EMPTY, { ...failureOf(error), allowRetry: false });
    }
    loading = false;
    redraw();
  }

  /** @param {string} text */
  function say(text) {
    const input = messageInput(text);
    return state.thread === null
      ? run("threads.create", { input }, { pendingText: text })
      : run("threads.add_user_message", { thread_id: state.thread.id, input }, { pendingText: text });
  }

  /** @param {string} itemId */
  async function answerAgain(itemId) {
    if (state.thread === null) return;
    await run("threads.retry_after_item", { thread_id: state.thread.id, item_id: itemId }, { last: itemId });
  }

  /** After a failure: a message that the backend has not accepted is sent again, one that it has is answered again. */
  async function retry() {
    if (state.pendingText !== null) return say(state.pendingText);
    const question = state.items.findLast((item) => item.type === "user_message");
    if (question) await answerAgain(question.id);
  }

  /**
   * Sends a streaming request and follows its answer. `last` is the item that the answer comes after, once the backend has
   * accepted to give another.
   *
   * @param {string} type
   * @param {object} params
   * @param {{ pendingText?: string, last?: string }} change
   */
  async function run(type, params, { pendingText, last }) {
    if (state.streaming) return;
    const { signal: left } = visit;
    const stop = new AbortController();
    running = stop;
    state = started(state, pendingText ?? null);
    redraw();
    /** @type {Failure | null} */
    let failure = null;
    try {
      for await (const event of protocol.stream(type, params, { signal: AbortSignal.any([left, stop.signal]) })) {
        if (last !== undefined && event.type !== "error") {
          state = droppedAfter(state, last);
          last = undefined;
        }
        receive(event);
      }
    } catch (error) {
      if (!stop.signal.aborted) failure = failureOf(error);
    }
    if (left.aborted) return;
    state = ended(state, failure);
    if (state.pendingText !== null && !state.failure?.allowRetry) {
      composer.restore(state.pendingText);
      state = { ...state, pendingText: null };
    }
    redraw();
  }

  /** @param {Json} event */
  function receive(event) {
    state = fold(state, event);
    if (event.type === "thread.created") {
      threads = [event.thread, ...threads];
      enter(event.thread.id);
    } else if (event.type === "thread.updated") {
      threads = threads.map((thread) => (thread.id === event.thread.id ? event.thread : thread));
    }
    redraw();
  }

  /** @param {string} id @param {Feedback} kind */
  async function giveFeedback(id, kind) {
    if (state.thread === null) return;
    const { signal } = visit;
    try {
      await protocol.call("items.feedback", { thread_id: state.thread.id, item_ids: [id], kind }, { signal });
      feedback.set(id, kind);
    } catch (error) {
      if (signal.aborted) return;
      state = { ...state, failure: { ...failureOf(error), allowRetry: false } };
    }
    redraw();
  }

  /** @param {string} id @param {string} title */
  async function rename(id, title) {
    await attempt(async () => {
      const renamed = await protocol.call("threads.update", { thread_id: id, title });
      threads = threads.map((thread) => (thread.id === id ? { ...thread, title: renamed.title ?? title } : thread));
    });
  }

  /** @param {string} id */
  async function remove(id) {
    await attempt(async () => {
      await protocol.call("threads.delete", { thread_id: id });
      threads = threads.filter((thread) => thread.id !== id);
      if (openId === id) void open(null);
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
      const known = new Set(found.map((thread) => thread.id));
      // One that was created meanwhile is kept.
      threads = [...threads.filter((thread) => !known.has(thread.id)), ...found];
    });
  }

  const { panes, show } = paneSwitch();
  const chat = element("main", { className: "chat pane" }, conversation.root, composer.root);
  const root = element(
    "div",
    { className: "plain-client", "data-pane": "chat" },
    panes,
    threadList.root,
    chat,
    events.root,
  );

  function paneSwitch() {
    const names = /** @type {const} */ (["threads", "chat", "events"]);
    const buttons = names.map((name) => button(name[0].toUpperCase() + name.slice(1), () => show(name)));
    /** On a narrow screen one pane shows at a time. @param {typeof names[number]} chosen */
    function show(chosen) {
      root.dataset.pane = chosen;
      buttons.forEach((each, index) => each.setAttribute("aria-pressed", String(names[index] === chosen)));
    }
    return {
      panes: element("div", { className: "panes", role: "group", "aria-label": "What to show" }, ...buttons),
      show,
    };
  }

  show("chat");
  container.replaceChildren(root);
  void loadThreads();
  void open(threadId);
  composer.focus();

  return {
    open(id) {
      if (id !== openId) void open(id);
    },
    unmount() {
      mounted.abort();
      visit.abort();
      root.remove();
    },
  };
}

/**
 * What the user is told of a request that failed. A repetition may help after a 5xx and after a connection that broke,
 * and after nothing else.
 *
 * @param {unknown} error
 * @returns {Failure}
 */
function failureOf(error) {
  if (error instanceof ApiError) return { message: error.message, allowRetry: error.status >= 500 };
  if (error instanceof SyntaxError)
    return { message: "The backend sent something that is no JSON.", allowRetry: false };
  return { message: "The connection to the backend broke.", allowRetry: true };
}

/** @param {Thread | null} thread @returns {string | null} why it takes no messages. */
function closedReason(thread) {
  const status = thread?.status;
  if (!status || status.type === "active") return null;
  return status.reason ?? `This thread is ${status.type}.`;
}

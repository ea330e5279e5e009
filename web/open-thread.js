/**
 * The open thread: what it holds, and what can be done with it. It sends the requests, follows their answers, runs the
 * page's tools, and knows nothing of how any of it is drawn; the rules of the events are in `fold.js`.
 */

import { ApiError, failureOf } from "./api.js";
import { EMPTY, droppedAfter, ended, fold, opened, refreshed, started, withOutput } from "./fold.js";
import { messageInput } from "./protocol.js";

/**
 * @typedef {import("./fold.js").Conversation} Conversation
 * @typedef {import("./fold.js").Failure} Failure
 * @typedef {import("./fold.js").Item} Item
 * @typedef {import("./fold.js").Json} Json
 * @typedef {import("./fold.js").Thread} Thread
 * @typedef {import("./protocol.js").Message} Message
 * @typedef {import("./conversation.js").Feedback} Feedback
 * @typedef {{ type: string, payload?: unknown, handler?: string, streaming?: boolean }} Action
 *
 * @typedef {object} Change - what a streaming request is about.
 * @property {Message} [pending] - the message that it carries.
 * @property {string} [last] - the item that the answer comes after, once the backend has accepted to give another.
 */

/**
 * @param {object} options
 * @param {import("./protocol.js").Protocol} options.protocol
 * @param {(call: { name: string, params: Record<string, unknown> }) => Promise<unknown>} options.runTool - runs a tool of
 *   the page.
 * @param {() => void} options.onChange - the state has changed.
 * @param {(threadId: string | null) => void} options.onEnter - another thread is open, or a new one.
 * @param {(thread: Thread) => void} options.onThread - a thread was created, or has a new title or status.
 * @param {(message: Message) => void} options.onGivenBack - a message that the backend has refused for good.
 * @param {(name: string, data: unknown) => void} options.onEffect - the assistant asks the page to do something.
 */
export function createOpenThread({ protocol, runTool, onChange, onEnter, onThread, onGivenBack, onEffect }) {
  /** Ends what belongs to the thread that is being left. */
  let visit = new AbortController();
  /** Ends the stream that runs. @type {AbortController | null} */
  let running = null;
  /** Settles when the stream that runs has ended. @type {Promise<void>} */
  let idle = Promise.resolve();
  /** How often this page has changed the thread: what was read before is older than that. */
  let changes = 0;
  /** How often the thread was asked for anew, and the newest of the answers. */
  let asked = 0;
  let newest = 0;
  /** Settles when the feedback that was given last is stored. */
  let told = Promise.resolve();
  /** @type {Conversation} */
  let state = EMPTY;
  /** The thread that is open, or that is being opened. @type {string | null} */
  let openId = null;
  let loading = false;
  /** @type {Map<string, Feedback>} */
  let feedback = new Map();
  /** Sends the last request again, where no event has answered it. @type {(() => Promise<void>) | null} */
  let again = null;

  /** @param {string | null} id */
  function enter(id) {
    openId = id;
    onEnter(id);
  }

  /** @param {string | null} id - null begins a new thread. */
  async function open(id) {
    visit.abort();
    visit = new AbortController();
    const { signal } = visit;
    running = null;
    again = null;
    state = EMPTY;
    feedback = new Map();
    loading = id !== null;
    enter(id);
    onChange();
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
    onChange();
  }

  /**
   * Reads the thread again, as ChatKit's `fetchUpdates` does: another page's turn may run in it. While this page's own
   * does, the stream says more. What comes late takes nothing back that is newer.
   */
  async function refresh() {
    const { signal } = visit;
    while (openId !== null && !loading && !state.streaming) {
      const before = changes;
      const number = (asked += 1);
      const { thread, items } = await protocol.openThread(openId, { signal });
      if (signal.aborted || number < newest) return;
      if (before !== changes) continue;
      newest = number;
      state = refreshed(state, thread, items);
      onThread(thread);
      onChange();
      return;
    }
  }

  /** @param {Message} message */
  function say(message) {
    const input = messageInput(
      message.text,
      message.entities,
      message.attachments.map(({ id }) => id),
    );
    return state.thread === null
      ? run("threads.create", { input }, { pending: message })
      : run("threads.add_user_message", { thread_id: state.thread.id, input }, { pending: message });
  }

  /** @param {string} itemId - a user message. */
  async function answerAgain(itemId) {
    if (state.thread === null) return;
    await run("threads.retry_after_item", { thread_id: state.thread.id, item_id: itemId }, { last: itemId });
  }

  /** After a failure: what the backend has not accepted is sent again, a message that it has is answered again. */
  async function retry() {
    if (state.pending !== null) return say(state.pending);
    if (again !== null) return again();
    const question = state.items.findLast((item) => item.type === "user_message");
    if (question) await answerAgain(question.id);
  }

  /**
   * Answers a structured input.
   *
   * @param {string} itemId
   * @param {import("./items/questions.js").Submission} submission
   */
  async function answer(itemId, submission) {
    await whenIdle((thread) =>
      run("threads.add_structured_input", { thread_id: thread.id, item_id: itemId, input: submission }),
    );
  }

  /**
   * Sends an action of a widget to the assistant.
   *
   * @param {string} itemId
   * @param {Action} action
   */
  async function act(itemId, { type, payload, streaming = true }) {
    await whenIdle((thread, signal) => {
      const params = { thread_id: thread.id, item_id: itemId, action: { type, payload } };
      return streaming ? run("threads.custom_action", params) : actInOne(params, signal);
    });
  }

  /** @param {object} params @param {AbortSignal} signal */
  async function actInOne(params, signal) {
    await attempt(signal, async () => {
      const { updated_item: item } = await protocol.call("threads.sync_custom_action", params, { signal });
      changes += 1;
      if (item && !signal.aborted) state = fold(state, { type: "thread.item.replaced", item });
    });
  }

  /** @param {string} id @param {Feedback} kind */
  async function giveFeedback(id, kind) {
    if (state.thread === null) return;
    const params = { thread_id: state.thread.id, item_ids: [id], kind };
    const { signal } = visit;
    const given = feedback;
    const tell = () =>
      attempt(signal, async () => {
        await protocol.call("items.feedback", params, { signal });
        given.set(id, kind);
      });
    // One after the other: what the user has said last is stored last.
    told = told.then(tell);
    await told;
  }

  /**
   * A request that does not stream: its failure is shown, and changes nothing else.
   *
   * @param {AbortSignal} signal
   * @param {() => Promise<void>} request
   */
  async function attempt(signal, request) {
    try {
      await request();
    } catch (error) {
      if (signal.aborted) return;
      state = { ...state, failure: { ...failureOf(error), allowRetry: false } };
    }
    onChange();
  }

  /**
   * Waits for the stream that runs: a thread answers one thing at a time.
   *
   * @param {(thread: Thread, signal: AbortSignal) => Promise<void>} action
   */
  async function whenIdle(action) {
    const { signal } = visit;
    while (state.streaming && !signal.aborted) await idle;
    if (!signal.aborted && state.thread !== null) await action(state.thread, signal);
  }

  /**
   * Sends a streaming request and follows its answer to the end, tools of the page included.
   *
   * @param {string} type
   * @param {object} params
   * @param {Change} [change]
   * @returns {Promise<void>}
   */
  function run(type, params, change = {}) {
    if (!state.streaming) idle = turn(type, params, change);
    return idle;
  }

  /** @param {string} type @param {object} params @param {Change} change */
  async function turn(type, params, change) {
    const { signal: left } = visit;
    const stop = new AbortController();
    running = stop;
    changes += 1;
    const signals = { signal: stop.signal, left };
    state = started(state, change.pending ?? null);
    onChange();
    /** @type {Failure | null} */
    let failure = null;
    try {
      let call = await follow(type, params, change, signals);
      // The call's output begins the next stream, once the one that brought the call has ended.
      while (call !== null && state.failure === null) {
        const result = await runTool({ name: call.name, params: call.arguments });
        left.throwIfAborted();
        stop.signal.throwIfAborted();
        state = withOutput(state, call.id, result);
        call = await follow("threads.add_client_tool_output", { thread_id: call.thread_id, result }, {}, signals);
      }
    } catch (error) {
      if (!stop.signal.aborted) failure = failureOf(error);
    }
    if (left.aborted) return;
    state = ended(state, failure);
    if (state.pending !== null && !state.failure?.allowRetry) {
      onGivenBack(state.pending);
      state = { ...state, pending: null };
    }
    onChange();
  }

  /**
   * One streaming request. A tool call counts when it is `done`, so that the tool runs once; where there are several, the
   * newest is the one that an output answers.
   *
   * @param {string} type @param {object} params @param {Change} change
   * @param {{ signal: AbortSignal, left: AbortSignal }} signals
   * @returns {Promise<Item | null>} the call that waits for a tool of the page.
   */
  async function follow(type, params, { last }, signals) {
    /** @type {Item | null} */
    let call = null;
    again = () => run(type, params, { last });
    for await (const event of protocol.stream(type, params, signals)) {
      again = null;
      if (last !== undefined && event.type !== "error") {
        state = droppedAfter(state, last);
        last = undefined;
      }
      receive(event);
      if (event.type === "thread.item.done" && isWaitingCall(event.item)) call = event.item;
    }
    return call;
  }

  /** @param {Json} event */
  function receive(event) {
    state = fold(state, event);
    if (event.type === "thread.created") enter(event.thread.id);
    if (event.type === "thread.created" || event.type === "thread.updated") onThread(event.thread);
    if (event.type === "client_effect") onEffect(event.name, event.data);
    onChange();
  }

  return {
    /** What there is to draw. */
    get now() {
      return { state, loading, feedback, id: openId };
    },
    open,
    refresh,
    say,
    retry,
    answerAgain,
    answer,
    act,
    giveFeedback,
    /** The thread was changed past this: what was read of it before is old. */
    changed: () => void (changes += 1),
    stop: () => running?.abort(),
    leave: () => visit.abort(),
  };
}

/** @param {Item} item */
function isWaitingCall(item) {
  return item.type === "client_tool_call" && item.status === "pending";
}

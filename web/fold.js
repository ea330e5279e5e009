/**
 * What a conversation looks like after each event: pure functions from one state to the next, and no page in sight.
 *
 * A state is never changed in place, and an item that an event does not touch stays the same object: a view may compare
 * by identity what it has drawn with what it is to draw.
 */

/**
 * @typedef {{ type: string, [field: string]: any }} Json
 * @typedef {{ id: string, type: string, [field: string]: any }} Item
 * @typedef {{ type: string, reason?: string }} ThreadStatus
 * @typedef {{ id: string, title?: string | null, created_at?: string, status?: ThreadStatus,
 *   allowed_image_domains?: string[] | null }} Thread
 * @typedef {{ message: string, allowRetry: boolean }} Failure
 * @typedef {{ level: string, message: string, title?: string }} Notice
 * @typedef {{ text: string, icon?: string }} Progress
 *
 * @typedef {object} Conversation
 * @property {Thread | null} thread - null until the first message of a new thread is accepted.
 * @property {readonly Item[]} items - in the thread's order.
 * @property {import("./protocol.js").Message | null} pending - a message that was sent and that the backend has not
 *   confirmed yet.
 * @property {boolean} streaming
 * @property {boolean} allowCancel - whether the stop button shows.
 * @property {Progress | null} progress - what is going on.
 * @property {readonly Notice[]} notices
 * @property {Failure | null} failure
 */

/** What the client says for an error whose code is not `custom`: such errors carry no text for the user. */
const GENERIC_FAILURE = "Something went wrong while the answer was made.";

/** @type {Conversation} */
export const EMPTY = Object.freeze({
  thread: null,
  items: [],
  pending: null,
  streaming: false,
  allowCancel: false,
  progress: null,
  notices: [],
  failure: null,
});

/**
 * A thread that was read from the backend.
 *
 * @param {Thread} thread
 * @param {readonly Item[]} items
 * @returns {Conversation}
 */
export function opened(thread, items) {
  return { ...EMPTY, thread, items };
}

/**
 * The thread was read again. An item that has not changed stays the same object; that the address of a picture was signed
 * anew is no change.
 *
 * @param {Conversation} state
 * @param {Thread} thread
 * @param {readonly Item[]} items
 * @returns {Conversation}
 */
export function refreshed(state, thread, items) {
  const held = new Map(state.items.map((item) => [item.id, item]));
  const kept = (/** @type {Item} */ item) => {
    const before = held.get(item.id);
    return before !== undefined && contentOf(before) === contentOf(item) ? before : item;
  };
  return { ...state, thread, items: items.map(kept) };
}

/** @param {Item} item */
function contentOf(item) {
  return JSON.stringify(item, (name, value) => (name === "preview_url" ? null : value));
}

/**
 * A streaming request leaves. `pending` is the message that it carries, if any.
 *
 * @param {Conversation} state
 * @param {Conversation["pending"]} pending
 * @returns {Conversation}
 */
export function started(state, pending) {
  return { ...state, pending, streaming: true, progress: null, notices: [], failure: null };
}

/**
 * A message is answered again: what followed it is gone, as the backend removes it.
 *
 * @param {Conversation} state
 * @param {string} itemId
 * @returns {Conversation}
 */
export function droppedAfter(state, itemId) {
  const index = state.items.findIndex((item) => item.id === itemId);
  return index < 0 ? state : { ...state, items: state.items.slice(0, index + 1) };
}

/**
 * A tool of the page has given its output. The backend stores it, and sends nothing for it.
 *
 * @param {Conversation} state
 * @param {string} itemId
 * @param {unknown} output
 * @returns {Conversation}
 */
export function withOutput(state, itemId, output) {
  const answered = (/** @type {Item} */ item) => ({ ...item, status: "completed", output });
  return { ...state, items: changeItem(state.items, itemId, answered) };
}

/**
 * The stream is over: it ended, it failed, or the user stopped it. An error that came as an event stays.
 *
 * @param {Conversation} state
 * @param {Failure | null} [failure]
 * @returns {Conversation}
 */
export function ended(state, failure = null) {
  return { ...state, streaming: false, allowCancel: false, progress: null, failure: failure ?? state.failure };
}

/**
 * One event of the stream. An event, an update or an item that is not known changes nothing. Before a thread exists all
 * events but its creation and errors are ignored, as ChatKit ignores them.
 *
 * @param {Conversation} state
 * @param {Json} event
 * @returns {Conversation}
 */
export function fold(state, event) {
  if (state.thread === null && event.type !== "thread.created" && event.type !== "error") return state;
  switch (event.type) {
    case "thread.created":
    case "thread.updated":
      return { ...state, thread: event.thread };
    case "thread.item.added":
      return { ...state, items: put(state.items, event.item), progress: null };
    case "thread.item.done":
      return confirmed({ ...state, items: put(state.items, event.item) }, event.item);
    case "thread.item.replaced":
      return { ...state, items: put(state.items, event.item) };
    case "thread.item.updated":
      return { ...state, items: changeItem(state.items, event.item_id, (item) => applyUpdate(item, event.update)) };
    case "thread.item.removed":
      return { ...state, items: state.items.filter((item) => item.id !== event.item_id) };
    case "stream_options":
      return { ...state, allowCancel: Boolean(event.stream_options?.allow_cancel) };
    case "progress_update":
      return { ...state, progress: { text: event.text, icon: event.icon } };
    case "notice":
      return {
        ...state,
        notices: [...state.notices, { level: event.level, message: event.message, title: event.title }],
      };
    case "error":
      return { ...state, failure: failureOf(event) };
    default:
      return state;
  }
}

/** @param {Json} event @returns {Failure} */
function failureOf(event) {
  const message = event.code === "custom" && event.message ? event.message : GENERIC_FAILURE;
  return { message, allowRetry: Boolean(event.allow_retry) };
}

/** @param {Conversation} state @param {Item} item @returns {Conversation} */
function confirmed(state, item) {
  return item.type === "user_message" ? { ...state, pending: null } : { ...state, progress: null };
}

/** @param {readonly Item[]} items @param {Item} item @returns {Item[]} */
function put(items, item) {
  const index = items.findIndex((held) => held.id === item.id);
  return index < 0 ? [...items, item] : items.with(index, item);
}

/** @param {readonly Item[]} items @param {string} id @param {(item: Item) => Item} change @returns {readonly Item[]} */
function changeItem(items, id, change) {
  // The item that streams is nearly always the last one.
  const index = items.findLastIndex((item) => item.id === id);
  return index < 0 ? items : items.with(index, change(items[index]));
}

/**
 * One update of an open item.
 *
 * @param {Item} item
 * @param {Json} update
 * @returns {Item}
 */
export function applyUpdate(item, update) {
  switch (update.type) {
    case "assistant_message.content_part.added":
    case "assistant_message.content_part.done":
      return changePart(item, update.content_index, () => update.content);
    case "assistant_message.content_part.text_delta":
      return changePart(item, update.content_index, (part) => ({ ...part, text: part.text + update.delta }));
    case "assistant_message.content_part.annotation_added":
      return changePart(item, update.content_index, (part) => ({
        ...part,
        annotations: placed(part.annotations ?? [], update.annotation_index, update.annotation),
      }));
    case "widget.root.updated":
      return { ...item, widget: update.widget };
    case "widget.component.updated":
      return { ...item, widget: changeComponent(item.widget, update.component_id, () => update.component) };
    case "widget.streaming_text.value_delta":
      return {
        ...item,
        widget: changeComponent(item.widget, update.component_id, (component) => ({
          ...component,
          value: (component.value ?? "") + update.delta,
        })),
      };
    case "workflow.task.added":
    case "workflow.task.updated":
      return {
        ...item,
        workflow: { ...item.workflow, tasks: placed(item.workflow.tasks, update.task_index, update.task) },
      };
    case "generated_image.updated":
      return { ...item, image: update.image, progress: update.progress ?? null };
    default:
      return item;
  }
}

/** @param {Item} item @param {number} index @param {(part: Json) => Json} change @returns {Item} */
function changePart(item, index, change) {
  const parts = item.content ?? [];
  const part = parts[index] ?? { type: "output_text", text: "", annotations: [] };
  return { ...item, content: placed(parts, index, change(part)) };
}

/**
 * The list with `value` at `index`: in the place of what was there, or at the end.
 *
 * @template T
 * @param {readonly T[]} list
 * @param {number} index
 * @param {T} value
 * @returns {T[]}
 */
function placed(list, index, value) {
  return index >= 0 && index < list.length ? list.with(index, value) : [...list, value];
}

/**
 * The component with this id, wherever it lies in the widget.
 *
 * @param {any} node
 * @param {string} id
 * @param {(component: any) => any} change
 * @returns {any}
 */
function changeComponent(node, id, change) {
  if (Array.isArray(node)) return node.map((child) => changeComponent(child, id, change));
  if (node === null || typeof node !== "object") return node;
  if (node.id === id) return change(node);
  return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, changeComponent(child, id, change)]));
}

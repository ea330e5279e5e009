/** The open thread: its messages, what is going on, what went wrong. */

import { button, element, keepingFocus } from "./dom.js";
import { icon } from "./icons.js";
import { pendingMessage } from "./items/messages.js";
import { renderMarkdown } from "./markdown.js";
import { renderItem } from "./renderers.js";

/**
 * @typedef {import("./fold.js").Conversation} Conversation
 * @typedef {import("./fold.js").Item} Item
 * @typedef {"positive" | "negative"} Feedback
 * @typedef {{ item: Item, actions: string, node: HTMLElement, body: HTMLElement, bar: HTMLElement }} Drawn
 */

/** The user must be this near to the end, in px, for the view to follow what is added. */
const NEAR_END = 80;

/**
 * @param {object} options
 * @param {string} options.greeting
 * @param {readonly string[]} options.prompts
 * @param {(text: string) => void} options.onPrompt
 * @param {() => void} options.onRetry - after a failure.
 * @param {(userItemId: string) => void} options.onAnswerAgain
 * @param {(itemId: string, kind: Feedback) => void} options.onFeedback
 * @param {Omit<import("./renderers.js").View, "imageDomains">} options.itemView - what items ask for.
 */
export function createConversationView(options) {
  const { greeting, prompts, onPrompt, onRetry, onAnswerAgain, onFeedback, itemView } = options;
  const start = element(
    "div",
    { className: "start" },
    element("h2", {}, greeting),
    element("div", { className: "prompts" }, ...prompts.map((prompt) => button(prompt, () => onPrompt(prompt)))),
  );
  const list = element("div", { className: "items", role: "log", "aria-live": "polite", "aria-label": "Messages" });
  const foot = element("div", { className: "foot", "aria-live": "polite" });
  const root = element("div", { className: "conversation", tabIndex: 0 }, start, list, foot);
  /** @type {Map<string, Drawn>} */
  const drawn = new Map();
  let drawnDomains = "";
  let atEnd = true;
  root.addEventListener("scroll", () => (atEnd = isNearEnd()));
  // The composer takes room from the conversation while files are attached.
  new ResizeObserver(() => atEnd && scrollToEnd()).observe(root);

  function isNearEnd() {
    return root.scrollHeight - root.scrollTop - root.clientHeight < NEAR_END;
  }

  function scrollToEnd() {
    root.scrollTop = root.scrollHeight;
  }

  /**
   * @param {Conversation} state
   * @param {{ loading: boolean, feedback: ReadonlyMap<string, Feedback> }} view
   */
  function draw(state, { loading, feedback }) {
    const follow = isNearEnd();
    start.hidden = loading || state.thread !== null || state.pending !== null;
    drawItems(state, feedback);
    // A screen reader reads a message when it is complete, not with every word.
    list.setAttribute("aria-busy", String(state.streaming));
    foot.replaceChildren(...footOf(state, loading));
    if (follow) scrollToEnd();
  }

  /** @param {Conversation} state @param {ReadonlyMap<string, Feedback>} feedback */
  function drawItems(state, feedback) {
    const imageDomains = state.thread?.allowed_image_domains;
    const view = { ...itemView, imageDomains };
    const domains = JSON.stringify(imageDomains ?? null);
    const allAnew = domains !== drawnDomains;
    drawnDomains = domains;
    const ids = new Set(state.items.map((item) => item.id));
    for (const [id, { node }] of drawn) {
      if (ids.has(id)) continue;
      node.remove();
      drawn.delete(id);
    }
    state.items.forEach((item, index) => {
      const held = drawn.get(item.id) ?? frame(item);
      if (held.item !== item || !drawn.has(item.id) || allAnew) {
        const content = renderItem(item, view, held.body.firstElementChild);
        keepingFocus(held.body, () => held.body.replaceChildren(...(content ? [content] : [])));
        held.node.hidden = content === null;
      }
      const actions = actionsOf(state, index, feedback.get(item.id));
      const key = JSON.stringify(actions);
      if (held.actions !== key) held.bar.replaceChildren(...actionButtons(item, actions));
      drawn.set(item.id, { ...held, item, actions: key });
      if (list.children[index] !== held.node) list.insertBefore(held.node, list.children[index] ?? null);
    });
  }

  /** @param {Item} item @param {Actions} actions */
  function actionButtons(item, { retry, feedback }) {
    const buttons = [];
    if (feedback !== undefined) {
      const thumb = (/** @type {string} */ label, /** @type {Feedback} */ kind) =>
        button(label, () => onFeedback(item.id, kind), { className: "quiet", "aria-pressed": feedback === kind });
      buttons.push(thumb("Good answer", "positive"), thumb("Bad answer", "negative"));
    }
    if (retry !== undefined) {
      buttons.push(button("Answer again", () => onAnswerAgain(retry), { className: "quiet" }));
    }
    return buttons;
  }

  /** @param {Conversation} state @param {boolean} loading @returns {Node[]} */
  function footOf({ pending, streaming, progress, notices, failure }, loading) {
    const nodes = notices.map(notice);
    if (pending !== null)
      nodes.unshift(element("div", { className: "item user_message pending" }, pendingMessage(pending)));
    if (loading) nodes.push(element("p", { className: "progress" }, "Opening the thread…"));
    if (streaming && failure === null) {
      const sign = progress?.icon && icon(progress.icon);
      nodes.push(element("p", { className: "progress" }, sign, progress?.text ?? "…"));
    }
    if (failure !== null) {
      const retry = failure.allowRetry && !streaming && button("Retry", onRetry);
      nodes.push(element("div", { className: "failure", role: "alert" }, element("p", {}, failure.message), retry));
    }
    return nodes;
  }

  return { root, draw };
}

/** @param {Item} item @returns {Drawn} */
function frame(item) {
  const body = element("div", { className: "body" });
  const bar = element("div", { className: "actions" });
  const label = item.type === "user_message" ? "You" : "Assistant";
  const node = element(
    "article",
    { className: `item ${item.type}`, "aria-label": label, "data-id": item.id },
    body,
    bar,
  );
  return { item, actions: "", node, body, bar };
}

/**
 * What may be done with an item: `retry` holds the user message to answer again, `feedback` what was given so far
 * (null: nothing yet). Answers take both; a message that was left without an answer takes a retry. A locked thread answers
 * nothing again.
 *
 * @typedef {{ retry?: string, feedback?: Feedback | null }} Actions
 *
 * @param {Conversation} state
 * @param {number} index
 * @param {Feedback} [feedback]
 * @returns {Actions}
 */
function actionsOf(state, index, feedback) {
  const { items, streaming, failure, thread } = state;
  const item = items[index];
  if (streaming) return {};
  const takesTurns = (thread?.status?.type ?? "active") === "active";
  if (item.type === "user_message") {
    return takesTurns && index === items.length - 1 && !failure?.allowRetry ? { retry: item.id } : {};
  }
  if (item.type !== "assistant_message") return {};
  const question = items.slice(0, index).findLast((before) => before.type === "user_message");
  return { feedback: feedback ?? null, ...(takesTurns && { retry: question?.id }) };
}

const NOTICE_LEVELS = ["info", "warning", "danger"];

/** @param {import("./fold.js").Notice} given */
function notice({ level, title, message }) {
  const className = `notice ${NOTICE_LEVELS.includes(level) ? level : "info"}`;
  return element("div", { className }, title && element("strong", {}, title), renderMarkdown(message));
}

/**
 * How each item of a thread is drawn: one renderer per item type, in one table. A new type is a new line of the table;
 * one that is not in it is shown as labelled JSON, so that nothing is hidden from whoever looks.
 */

import { element, jsonBlock } from "./dom.js";
import { renderMarkdown, webAddress } from "./markdown.js";

/**
 * @typedef {import("./fold.js").Item} Item
 * @typedef {(item: Item) => Node | null} Renderer - null draws nothing.
 */

/** @type {Record<string, Renderer>} */
const RENDERERS = {
  user_message: userMessage,
  assistant_message: assistantMessage,
  end_of_turn: () => null,
};

/**
 * @param {Item} item
 * @returns {Node | null}
 */
export function renderItem(item) {
  return Object.hasOwn(RENDERERS, item.type) ? RENDERERS[item.type](item) : unknownItem(item);
}

/** @param {Item} item */
function userMessage(item) {
  return element(
    "div",
    { className: "bubble" },
    item.quoted_text && element("blockquote", {}, item.quoted_text),
    ...item.content.map((/** @type {any} */ part) =>
      part.type === "input_tag" ? element("span", { className: "tag" }, part.text) : part.text,
    ),
    ...(item.attachments ?? []).map((/** @type {any} */ attachment) =>
      element("span", { className: "attachment" }, attachment.name),
    ),
  );
}

/** @param {Item} item */
function assistantMessage(item) {
  return element("div", { className: "answer" }, ...item.content.map(answerPart));
}

/** @param {any} part */
function answerPart(part) {
  const rows = (part.annotations ?? []).map((/** @type {any} */ { source }) => element("li", {}, sourceLink(source)));
  const sources = rows.length > 0 && element("ol", { className: "sources", "aria-label": "Sources" }, ...rows);
  return element("div", {}, renderMarkdown(part.text ?? ""), sources);
}

/** @param {any} source */
function sourceLink(source) {
  const label = source.title || source.filename || source.url;
  const href = source.type === "url" ? webAddress(source.url) : null;
  return href ? element("a", { href, target: "_blank", rel: "noopener noreferrer" }, label) : label;
}

/** @param {Item} item */
function unknownItem(item) {
  return element("details", { className: "card" }, element("summary", {}, item.type), jsonBlock(item));
}

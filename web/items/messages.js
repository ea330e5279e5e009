/** What the user wrote, and what the assistant answered. */

import { element } from "../dom.js";
import { entityChip } from "../entity-chip.js";
import { entityOf } from "../tags.js";
import { textWithSources } from "./sources.js";

/**
 * @typedef {import("../fold.js").Item} Item
 * @typedef {import("../renderers.js").View} View
 */

/** @param {Item} item @param {View} view */
export function userMessage(item, view) {
  return element(
    "div",
    { className: "bubble" },
    item.quoted_text && element("blockquote", {}, item.quoted_text),
    ...item.content.map((/** @type {any} */ part) =>
      part.type === "input_tag" ? entityChip(entityOf(part), view, part.text, { className: "tag" }) : part.text,
    ),
    ...(item.attachments ?? []).map((/** @type {any} */ attachment) =>
      element("span", { className: "attachment" }, attachment.name),
    ),
  );
}

/** @param {Item} item @param {View} view */
export function assistantMessage(item, view) {
  const parts = item.content.map((/** @type {any} */ part) =>
    textWithSources(part.text ?? "", part.annotations ?? [], view),
  );
  return element("div", { className: "answer" }, ...parts);
}

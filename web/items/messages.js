/** What the user wrote, and what the assistant answered. */

import { element } from "../dom.js";
import { entityChip } from "../entity-chip.js";
import { entityOf } from "../tags.js";
import { attachmentList } from "./attachments.js";
import { textWithSources } from "./sources.js";

/**
 * @typedef {import("../fold.js").Item} Item
 * @typedef {import("../renderers.js").View} View
 */

/** @param {Item} item @param {View} view */
export function userMessage(item, view) {
  const parts = item.content.map((/** @type {any} */ part) =>
    part.type === "input_tag" ? entityChip(entityOf(part), view, part.text, { className: "tag" }) : part.text,
  );
  const quote = item.quoted_text && element("blockquote", {}, item.quoted_text);
  return said(quote ? [quote, ...parts] : parts, item.attachments ?? [], view.files);
}

/** A message that is under way. @param {import("../protocol.js").Message} message */
export function pendingMessage({ text, attachments }) {
  return said(text === "" ? [] : [text], attachments, null);
}

/**
 * @param {readonly (Node | string)[]} parts
 * @param {readonly import("../uploads.js").Attachment[]} attachments
 * @param {import("./attachments.js").FileView | null} files
 */
function said(parts, attachments, files) {
  return element(
    "div",
    { className: "said" },
    attachments.length > 0 && attachmentList(attachments, files),
    parts.length > 0 && element("div", { className: "bubble" }, ...parts),
  );
}

/** @param {Item} item @param {View} view */
export function assistantMessage(item, view) {
  const parts = item.content.map((/** @type {any} */ part) =>
    textWithSources(part.text ?? "", part.annotations ?? [], view),
  );
  return element("div", { className: "answer" }, ...parts);
}

/** Sources: the marks in a text that lead to them, and their list below it. */

import { element } from "../dom.js";
import { entityChip } from "../entity-chip.js";
import { icon } from "../icons.js";
import { renderMarkdown, webAddress } from "../markdown.js";

/**
 * @typedef {import("../renderers.js").View} View
 */

/** Around a mark's number in a text: characters that Unicode keeps for a program's own use, so that no text has them. */
const [OPEN, CLOSE] = ["\uFDD0", "\uFDD1"];
const MARK = new RegExp(`${OPEN}(\\d+)${CLOSE}`);

/**
 * A text as Markdown, with a mark at the place of each source, and the sources below.
 *
 * @param {string} text
 * @param {readonly any[]} annotations
 * @param {View} view
 */
export function textWithSources(text, annotations, view) {
  const body = renderMarkdown(withMarks(text, annotations));
  drawMarks(body, annotations, view);
  if (annotations.length === 0) return element("div", {}, body);
  const list = element("ol", { className: "sources", "aria-label": "Sources" });
  list.append(...annotations.map(({ source }) => element("li", {}, sourceLine(source, view))));
  return element("div", {}, body, list);
}

/** @param {string} text @param {readonly any[]} annotations */
function withMarks(text, annotations) {
  const clean = text.replaceAll(OPEN, "\uFFFD").replaceAll(CLOSE, "\uFFFD");
  const marks = annotations
    .map(({ index }, number) => ({ number, place: Number.isInteger(index) ? placeOf(clean, index) : null }))
    .filter(({ place }) => place !== null)
    .sort((a, b) => Number(a.place) - Number(b.place));
  let from = 0;
  let marked = "";
  for (const { number, place } of marks) {
    marked += clean.slice(from, Number(place)) + OPEN + number + CLOSE;
    from = Number(place);
  }
  return marked + clean.slice(from);
}

/**
 * Where a mark may stand: one inside an address would change where it leads, so it moves to the end of the word.
 *
 * @param {string} text @param {number} index
 */
function placeOf(text, index) {
  const at = Math.min(Math.max(index, 0), text.length);
  const start = text.slice(0, at).search(/\S+$/);
  const end = at + (/^\S*/.exec(text.slice(at))?.[0].length ?? 0);
  return start >= 0 && text.slice(start, end).includes("://") ? end : at;
}

/** @param {DocumentFragment} body @param {readonly any[]} annotations @param {View} view */
function drawMarks(body, annotations, view) {
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const text = /** @type {Text} */ (node);
    const match = MARK.exec(text.data);
    if (!match) continue;
    const rest = text.splitText(match.index);
    rest.data = rest.data.slice(match[0].length);
    const number = Number(match[1]);
    rest.before(mark(annotations[number].source, number + 1, view));
    // The walk goes on with what stands behind the mark.
    walker.currentNode = rest.previousSibling ?? text;
  }
}

/** @param {any} source @param {number} number @param {View} view */
function mark(source, number, view) {
  const label = `Source ${number}: ${titleOf(source)}`;
  return element(
    "sup",
    { className: "mark" },
    reference(source, String(number), { "aria-label": label, title: label }, view),
  );
}

/** @param {any} source @param {View} view */
function sourceLine(source, view) {
  const more = [source.attribution, source.label, source.description, source.timestamp].filter(Boolean).join(" · ");
  return element(
    "span",
    { className: `source ${source.type}` },
    icon(source.icon ?? ICONS[/** @type {keyof typeof ICONS} */ (source.type)] ?? "dot"),
    reference(source, titleOf(source), {}, view),
    source.type === "file" && source.filename !== source.title && element("code", {}, source.filename),
    more && element("span", { className: "more" }, more),
  );
}

const ICONS = { url: "globe", file: "document", entity: "cube" };

/**
 * What leads to a source: a page's link; a button where the page itself answers; text for what leads nowhere.
 *
 * @param {any} source @param {string} text @param {Record<string, string>} properties @param {View} view
 */
function reference(source, text, properties, view) {
  const href = source.type === "url" ? webAddress(source.url) : null;
  if (href) return element("a", { href, target: "_blank", rel: "noopener noreferrer", ...properties }, text);
  if (source.type === "entity" && source.interactive) {
    return entityChip(source, view, text, { className: "entity", ...properties });
  }
  return element("span", properties, text);
}

/** @param {any} source @returns {string} */
function titleOf(source) {
  return source.title || source.filename || source.url || source.id || source.type;
}

/**
 * Sources without a text around them.
 *
 * @param {readonly any[]} sources @param {View} view
 */
export function sourceList(sources, view) {
  if (sources.length === 0) return null;
  return element(
    "ul",
    { className: "sources" },
    ...sources.map((source) => element("li", {}, sourceLine(source, view))),
  );
}

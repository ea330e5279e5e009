/**
 * The Markdown that assistants write most, as DOM nodes: paragraphs, headings, lists, quotes, code, emphasis and links.
 *
 * Everything else is shown as it was written. No HTML is parsed, links lead to http and https only, and the time is
 * linear in the text: it is drawn anew with every frame while an answer streams.
 */

import { element } from "./dom.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6}) +(.*)$/s;
const BULLET = /^( *)[-*+] +(.*)$/s;
const NUMBER = /^( *)(\d{1,9})[.)] +(.*)$/s;
const QUOTE = /^ {0,3}> ?(.*)$/s;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;

/** Quotes may hold quotes; deeper than this they are shown as they were written. */
const QUOTE_DEPTH = 4;

/**
 * @param {string} text
 * @returns {DocumentFragment}
 */
export function renderMarkdown(text) {
  return renderBlocks(text.split(/\r?\n/), QUOTE_DEPTH);
}

/** @param {string[]} lines @param {number} depth @returns {DocumentFragment} */
function renderBlocks(lines, depth) {
  const fragment = document.createDocumentFragment();
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const [node, next] = line.trim() === "" ? [null, at + 1] : readBlock(lines, at, depth);
    if (node !== null) fragment.append(node);
    at = next;
  }
  return fragment;
}

/** @param {string[]} lines @param {number} at @param {number} depth @returns {[Node, number]} */
function readBlock(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return readCode(lines, at + 1, fence[1], fence[2].trim().split(" ")[0]);
  if (RULE.test(line)) return [element("hr"), at + 1];
  const heading = HEADING.exec(line);
  if (heading) return [renderHeading(heading[1].length, heading[2]), at + 1];
  if (QUOTE.test(line) && depth > 0) return readQuote(lines, at, depth);
  if (BULLET.test(line) || NUMBER.test(line)) return readList(lines, at);
  return readParagraph(lines, at);
}

/**
 * A heading below those of the page itself.
 *
 * @param {number} level @param {string} text
 */
function renderHeading(level, text) {
  const properties = { className: `heading level-${level}`, role: "heading", "aria-level": level + 2 };
  return element("p", properties, renderInline(text));
}

/**
 * Code up to its closing fence, or to the end of a text that is still streaming.
 *
 * @param {string[]} lines @param {number} at @param {string} fence @param {string} language @returns {[Node, number]}
 */
function readCode(lines, at, fence, language) {
  const closes = (/** @type {string} */ line) => line.startsWith(fence) && line.replaceAll(fence[0], "") === "";
  let end = at;
  while (end < lines.length && !closes(lines[end].trim())) end += 1;
  const code = element("code", {}, lines.slice(at, end).join("\n"));
  return [element("pre", { className: "code", tabIndex: 0, "data-language": language || undefined }, code), end + 1];
}

/** @param {string[]} lines @param {number} at @param {number} depth @returns {[Node, number]} */
function readQuote(lines, at, depth) {
  /** @type {string[]} */
  const quoted = [];
  for (let match = QUOTE.exec(lines[at]); match; match = QUOTE.exec(lines[at] ?? "")) {
    quoted.push(match[1]);
    at += 1;
  }
  return [element("blockquote", {}, renderBlocks(quoted, depth - 1)), at];
}

/**
 * A list, with lists inside it by their indentation.
 *
 * @param {string[]} lines @param {number} at @returns {[Node, number]}
 */
function readList(lines, at) {
  /** @type {{ indent: number, list: HTMLElement }[]} */
  const open = [];
  while (at < lines.length) {
    const bullet = BULLET.exec(lines[at]);
    const number = bullet ? null : NUMBER.exec(lines[at]);
    const match = bullet ?? number;
    if (!match) break;
    const indent = match[1].length;
    while (open.length > 1 && indent < open[open.length - 1].indent) open.pop();
    const inner = open.at(-1);
    if (!inner || indent > inner.indent + 1) {
      const list = number ? element("ol", { start: Number(number[2]) }) : element("ul");
      (inner?.list.lastElementChild ?? null)?.append(list);
      open.push({ indent, list });
    }
    open[open.length - 1].list.append(element("li", {}, renderInline(number ? number[3] : match[2])));
    at += 1;
  }
  return [open[0].list, at];
}

/** @param {string[]} lines @param {number} at @returns {[Node, number]} */
function readParagraph(lines, at) {
  const first = at;
  do at += 1;
  while (at < lines.length && lines[at].trim() !== "" && !startsBlock(lines[at]));
  return [element("p", {}, renderInline(lines.slice(first, at).join("\n"))), at];
}

/** @param {string} line */
function startsBlock(line) {
  return [FENCE, HEADING, BULLET, NUMBER, QUOTE, RULE].some((pattern) => pattern.test(line));
}

/**
 * What may begin inside a line. Underscores emphasise only at the border of a word: `snake_case` is a name. An address ends
 * at one of Unicode's noncharacters, with which `items/sources.js` marks places.
 */
const INLINE = /`+|\*\*|__|\*|_|\[|https?:\/\/[^\s<>"'`\]\uFDD0-\uFDEF]+/g;
const LINK = /\[([^[\]\n]*)\]\(((?:[^\s()]|\([^\s()]*\))*)(?: "[^"\n]*")?\)/y;

/**
 * @param {string} text
 * @returns {DocumentFragment}
 */
function renderInline(text) {
  const fragment = document.createDocumentFragment();
  /** Delimiters that do not occur again: a text of many unclosed ones must not be searched again for each of them. */
  const exhausted = new Set();
  let from = 0;
  INLINE.lastIndex = 0;
  for (
    let match = nextMatch(text, 0);
    match;
    match = nextMatch(text, Math.max(from, match.index + match[0].length))
  ) {
    const found = readInline(text, match.index, match[0], exhausted);
    if (found === null) continue;
    fragment.append(text.slice(from, match.index), found.node);
    from = found.end;
  }
  fragment.append(text.slice(from));
  return fragment;
}

/** @param {string} text @param {number} at */
function nextMatch(text, at) {
  INLINE.lastIndex = at;
  return INLINE.exec(text);
}

/**
 * @param {string} text @param {number} at @param {string} mark @param {Set<string>} exhausted
 * @returns {{ node: Node, end: number } | null}
 */
function readInline(text, at, mark, exhausted) {
  if (mark === "[") return readLink(text, at);
  if (mark.startsWith("http")) return readAddress(text, at, mark);
  if (exhausted.has(mark)) return null;
  const inside = at + mark.length;
  const close = text.indexOf(mark, inside);
  if (close < 0) {
    exhausted.add(mark);
    return null;
  }
  const content = text.slice(inside, close);
  const end = close + mark.length;
  if (mark[0] === "`")
    return { node: element("code", {}, content.length > 2 ? content.trim() || content : content), end };
  if (content === "" || content !== content.trim()) return null;
  if (mark[0] === "_" && (isWord(text[at - 1]) || isWord(text[end]))) return null;
  return { node: element(mark.length === 2 ? "strong" : "em", {}, renderInline(content)), end };
}

/** @param {string | undefined} character */
function isWord(character) {
  return character !== undefined && /[\p{L}\p{N}_]/u.test(character);
}

/** @param {string} text @param {number} at */
function readLink(text, at) {
  LINK.lastIndex = at;
  const match = LINK.exec(text);
  const href = match && webAddress(match[2]);
  return match && href ? { node: link(href, match[1] || href), end: at + match[0].length } : null;
}

/** @param {string} text @param {number} at @param {string} found */
function readAddress(text, at, found) {
  let length = found.length;
  while (".,;:!?*_)".includes(found[length - 1])) length -= 1;
  const address = found.slice(0, length);
  const href = webAddress(address);
  return href ? { node: link(href, address), end: at + address.length } : null;
}

/** @param {string} href @param {string} label */
function link(href, label) {
  return element("a", { href, target: "_blank", rel: "noopener noreferrer" }, label);
}

/**
 * The address where it is one of the web's; null for `javascript:`, `data:`, paths and everything else.
 *
 * @param {string} address
 * @returns {string | null}
 */
export function webAddress(address) {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
}

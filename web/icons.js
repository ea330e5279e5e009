/**
 * ChatKit's icons as characters: near enough to tell what an assistant has asked for. The names are those of
 * `WidgetIcon` and `ChatKitIcon` in `@openai/chatkit` 1.9.0.
 */

import { element } from "./dom.js";

/** U+FE0E asks for the character as text: in the colour of what stands around it. */
const AS_TEXT = "\uFE0E";

// prettier-ignore
/** @type {Readonly<Record<string, string>>} */
const CHARACTERS = {
  agent: "☻", analytics: "∿", atom: "⚛", batch: "≣", bolt: "⚡", "book-open": "❏", "book-closed": "▯", "book-clock": "◷",
  bug: "✱", calendar: "▦", chart: "▥", check: "✓", "check-circle": "✔", "check-circle-filled": "✔",
  "chevron-left": "‹", "chevron-right": "›", "circle-question": "?", clock: "◷", compass: "✧", confetti: "❋", cube: "◫",
  desktop: "▭", document: "▤", dot: "•", "dots-horizontal": "⋯", "dots-vertical": "⋮", "empty-circle": "○",
  "external-link": "↗", globe: "◍", keys: "⚿", lab: "⚗", images: "▧", info: "ℹ", lifesaver: "◎", lightbulb: "☀",
  mail: "✉", "map-pin": "⚲", maps: "◰", mobile: "▯", name: "Aa", notebook: "▤", "notebook-pencil": "✎",
  "page-blank": "▯", phone: "☎", play: "▶", plus: "+", profile: "☺", "profile-card": "◫", reload: "↻", star: "☆",
  "star-filled": "★", search: "⌕", sparkle: "✦", "sparkle-double": "✧", "square-code": "⊡", "square-image": "▧",
  "square-text": "▤", suitcase: "▣", "settings-slider": "⚙", user: "☺", wreath: "❦", write: "✎", "write-alt": "✐",
  "write-alt2": "✏",
};

/**
 * @param {string} name
 * @returns {HTMLElement} one character wide; another family's icon (`vendor:`, `lucide:`) is a dot that names it.
 */
export function icon(name) {
  const character = Object.hasOwn(CHARACTERS, name) ? CHARACTERS[name] : "•";
  return element("span", { className: "icon-glyph", title: name, "aria-hidden": "true" }, character + AS_TEXT);
}

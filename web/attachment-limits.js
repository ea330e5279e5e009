/**
 * Which files may be attached, by ChatKit's own option `composer.attachments`: said before a file is sent. The backend
 * decides, whatever a page lets through.
 */

import { essenceOf, sizeText } from "./file-text.js";

/**
 * @typedef {NonNullable<NonNullable<import("@openai/chatkit").ChatKitOptions["composer"]>["attachments"]>} AttachmentOptions
 */

/** ChatKit's own, where the option names none. */
const DEFAULT_COUNT = 10;
const DEFAULT_SIZE = 100 * 1024 * 1024;

/** What a direct upload can bring: a Lambda request holds no more (`functions/attachments/limits.py`). In bytes. */
const DIRECT_SIZE = 4_500_000;

/**
 * The option for direct uploads.
 *
 * @param {AttachmentOptions} options
 * @returns {AttachmentOptions}
 */
export function limitedToDirect({ maxSize = DEFAULT_SIZE, ...options }) {
  const smaller = (/** @type {number} */ size) => Math.min(size, DIRECT_SIZE);
  if (typeof maxSize === "number") return { ...options, maxSize: smaller(maxSize) };
  const sizes = Object.entries({ "*": DEFAULT_SIZE, ...maxSize }).map(([type, size]) => [type, smaller(size)]);
  return { ...options, maxSize: Object.fromEntries(sizes) };
}

/** @param {AttachmentOptions} options @returns {number} the most files in one message. */
export function mostFiles({ maxCount = DEFAULT_COUNT }) {
  return maxCount;
}

/**
 * What a file is announced as. Systems disagree about the types of files, and some know none: where the page does not
 * take what the browser says, the name's extension decides.
 *
 * @param {{ name: string, type: string }} file
 * @param {AttachmentOptions} options
 * @returns {string}
 */
export function announcedType({ name, type }, { accept }) {
  const said = essenceOf(type);
  const fallback = said || "application/octet-stream";
  if (accept === undefined || isAmong(said, Object.keys(accept))) return fallback;
  const byExtension = Object.entries(accept).find(
    ([pattern, extensions]) =>
      !pattern.includes("*") && extensions.some((extension) => name.toLowerCase().endsWith(extension.toLowerCase())),
  );
  return byExtension?.[0] ?? fallback;
}

/**
 * @param {{ name: string, type: string, size: number }} file
 * @param {AttachmentOptions} options
 * @param {string} locale
 * @returns {string | null} why the file cannot be sent; null where it may be.
 */
export function refusalOfFile(file, options, locale) {
  const type = announcedType(file, options);
  if (options.accept !== undefined && !isAmong(type, Object.keys(options.accept))) {
    return `files of type ${type} cannot be sent.`;
  }
  if (file.size === 0) return "the file is empty.";
  const most = mostBytes(type, options);
  return file.size > most ? `the file is too large: at most ${sizeText(most, locale)} can be sent.` : null;
}

/**
 * @param {AttachmentOptions} options
 * @returns {string} for the attribute `accept` of a file input.
 */
export function acceptAttribute({ accept = {} }) {
  return Object.entries(accept).flat(2).join(",");
}

/** @param {string} type @param {AttachmentOptions} options */
function mostBytes(type, { maxSize = DEFAULT_SIZE }) {
  if (typeof maxSize === "number") return maxSize;
  const exact = maxSize[type];
  if (exact !== undefined) return exact;
  const patterns = Object.keys(maxSize).filter((pattern) => pattern.length > 1 && isAmong(type, [pattern]));
  const nearest = patterns.sort((one, other) => other.length - one.length)[0];
  return maxSize[nearest] ?? maxSize["*"] ?? maxSize[""] ?? DEFAULT_SIZE;
}

/** @param {string} type @param {readonly string[]} patterns - a type, or what it begins with, and `*`. */
function isAmong(type, patterns) {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern.toLowerCase(),
  );
}

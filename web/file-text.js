/** What the page says of a file: a name that cannot deceive, its size, its kind. Pure. */

/** So much of a name is shown, in characters: more than any screen has room for, and its end, which holds the extension. */
const SHOWN = 200;
const SHOWN_END = 20;

/** Controls, formats (those that turn the direction of writing among them), and breaks of lines: no name needs them. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * @param {string} name
 * @returns {string} the name without what is invisible, and not too long. It is text: HTML in it stays what it is.
 */
export function shownName(name) {
  const characters = [...name.replace(INVISIBLE, "").trim()];
  if (characters.length === 0) return "file";
  if (characters.length <= SHOWN) return characters.join("");
  return [...characters.slice(0, SHOWN - SHOWN_END), "…", ...characters.slice(-SHOWN_END)].join("");
}

/** A unit of `Intl` stands for a thousand of the one before it. */
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

/**
 * @param {number} bytes
 * @param {string} locale
 * @returns {string} such as `4.5 MB`.
 */
export function sizeText(bytes, locale) {
  let amount = bytes;
  let unit = 0;
  // 999.6 of a unit would be shown as 1,000 of it.
  for (; amount >= 999.5 && unit < UNITS.length - 1; unit += 1) amount /= 1000;
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: UNITS[unit],
    unitDisplay: unit === 0 ? "long" : "short",
    maximumFractionDigits: amount < 10 && unit > 0 ? 1 : 0,
  }).format(amount);
}

/** @type {Readonly<Record<string, string>>} */
const KINDS = {
  "text/plain": "Text",
  "text/markdown": "Markdown",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
};

/**
 * @param {string} mimeType
 * @returns {string} what people call files of this type; a name may say anything.
 */
export function kindOf(mimeType) {
  const type = essenceOf(mimeType);
  if (Object.hasOwn(KINDS, type)) return KINDS[type];
  const subtype = type.split("/")[1] ?? "";
  return /^[a-z0-9]{2,5}$/.test(subtype) ? subtype.toUpperCase() : "File";
}

/**
 * @param {string} mimeType
 * @returns {string} the type without parameters, in lower case.
 */
export function essenceOf(mimeType) {
  return mimeType.split(";")[0].trim().toLowerCase();
}

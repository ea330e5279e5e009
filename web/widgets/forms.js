/**
 * What a form adds to an action, by ChatKit's guide on actions: every field's value under its name, where `todo.title` is
 * `title` within `todo`; a key that the payload has already keeps its own value.
 *
 * https://developers.openai.com/api/docs/guides/chatkit-actions
 */

/**
 * @typedef {string | boolean} Value
 */

/**
 * The values of a form's fields. A choice that has not been made has none.
 *
 * @param {HTMLFormElement} form
 * @returns {[name: string, value: Value][]}
 */
export function formValues(form) {
  return [...form.elements].flatMap((field) => fieldValue(field));
}

/** @param {Element} field @returns {[name: string, value: Value][]} */
export function fieldValue(field) {
  if (
    field instanceof HTMLInputElement ||
    field instanceof HTMLSelectElement ||
    field instanceof HTMLTextAreaElement
  ) {
    const name = field.dataset.name;
    if (name === undefined || field.disabled) return [];
    if (field.type === "checkbox") return [[name, /** @type {HTMLInputElement} */ (field).checked]];
    if (field.type === "radio" && !(/** @type {HTMLInputElement} */ (field).checked)) return [];
    if (field.type === "date" || field.type.startsWith("select"))
      return field.value === "" ? [] : [[name, field.value]];
    return [[name, field.value]];
  }
  return [];
}

/**
 * @param {unknown} payload - what the author gave the action to carry.
 * @param {readonly [name: string, value: Value][]} values
 * @returns {unknown} both together; a payload that is no object stays alone.
 */
export function payloadWith(payload, values) {
  if (values.length === 0 || (payload != null && !isObject(payload))) return payload;
  let merged = payload ?? {};
  for (const [name, value] of values) merged = placed(merged, name.split("."), value);
  return merged;
}

/**
 * @param {unknown} held @param {readonly string[]} path @param {Value} value
 * @returns {any} an own property each, whatever its name is: `__proto__` is a name like any other.
 */
function placed(held, [name, ...rest], value) {
  if (!isObject(held)) return held;
  const before = Object.hasOwn(held, name) ? held[name] : undefined;
  if (before !== undefined && rest.length === 0) return held;
  const after = rest.length === 0 ? value : placed(before ?? {}, rest, value);
  return Object.fromEntries([...Object.entries(held).filter(([key]) => key !== name), [name, after]]);
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

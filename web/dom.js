/**
 * Building elements. Content is only ever set as text: nothing that comes from a model, a user or a backend is parsed
 * as HTML anywhere on this page.
 */

/**
 * @typedef {Node | string | null | undefined | false} Child
 */

/**
 * An element with its properties and children. `on...` properties are listeners, `data-...`, `aria-...` and `role` are
 * attributes, the rest are properties of the element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "role" || name.includes("-")) node.setAttribute(name, String(value));
    else Object.assign(node, { [name]: value });
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/**
 * A button that does not submit the form around it.
 *
 * @param {string} label
 * @param {(event: MouseEvent) => void} onclick
 * @param {Record<string, any>} [properties]
 */
export function button(label, onclick, properties = {}) {
  return element("button", { type: "button", onclick, ...properties }, label);
}

/**
 * A value as JSON to look into.
 *
 * @param {unknown} value
 */
export function jsonBlock(value) {
  return element("pre", { className: "json", tabIndex: 0 }, JSON.stringify(value, null, 2));
}

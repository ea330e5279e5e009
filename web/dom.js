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

/**
 * A value that nobody knows how to draw: its name, and its JSON inside.
 *
 * @param {string} name
 * @param {unknown} value
 */
export function jsonCard(name, value) {
  return element("details", { className: "card" }, element("summary", {}, name), jsonBlock(value));
}

/**
 * Changes what stands in a node, and keeps the focus on the control at the same place, where it lay on one of them.
 *
 * @param {HTMLElement} node
 * @param {() => void} change
 */
export function keepingFocus(node, change) {
  const controls = () => [.../** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll(CONTROLS))];
  const { activeElement } = document;
  const index = activeElement instanceof HTMLElement ? controls().indexOf(activeElement) : -1;
  change();
  if (index >= 0) controls()[index]?.focus();
}

const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex]";

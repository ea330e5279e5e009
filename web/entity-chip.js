/** An entity's name where it is tagged or cited: one that is interactive can be clicked, and shows its preview. */

import { button, element } from "./dom.js";

/**
 * @typedef {import("@openai/chatkit").Entity} Entity
 * @typedef {object} EntityView
 * @property {(entity: Entity) => void} onEntity - a click.
 * @property {(node: HTMLElement, entity: Entity) => void} onPreview - the node shall show a preview.
 */

/**
 * @param {Entity} entity
 * @param {EntityView} view
 * @param {string} text
 * @param {Record<string, any>} [properties]
 * @returns {HTMLElement}
 */
export function entityChip(entity, view, text, properties = {}) {
  if (!entity.interactive) return element("span", properties, text);
  const chip = button(text, () => view.onEntity(entity), properties);
  view.onPreview(chip, entity);
  return chip;
}

/** What a message that is being written tags: a chip for each, that can be taken away. */

import { button, element } from "./dom.js";
import { entityChip } from "./entity-chip.js";

/** @typedef {import("@openai/chatkit").Entity} Entity */

/**
 * @param {object} options
 * @param {(entity: Entity) => void} options.onRemove
 * @param {import("./entity-chip.js").EntityView} options.view
 */
export function createTaggedList({ onRemove, view }) {
  const root = element("ul", { className: "tagged", "aria-label": "Tagged", hidden: true });
  let drawn = "";

  return {
    root,
    /** @param {readonly Entity[]} entities */
    draw(entities) {
      const ids = JSON.stringify(entities.map(({ id }) => id));
      if (ids === drawn) return;
      drawn = ids;
      root.hidden = entities.length === 0;
      root.replaceChildren(
        ...entities.map((entity) =>
          element(
            "li",
            { className: "tag" },
            entityChip(entity, view, entity.title),
            button("×", () => onRemove(entity), { "aria-label": `Do not tag ${entity.title}` }),
          ),
        ),
      );
    },
  };
}

/**
 * The preview of an entity: a small widget beside what is pointed at, or has the focus. It can be pointed at itself, and
 * Escape takes it away (https://www.w3.org/TR/WCAG22/#content-on-hover-or-focus).
 */

import { element } from "./dom.js";
import { widget } from "./widgets/render.js";

/** @typedef {import("@openai/chatkit").Entity} Entity */

const ID = "entity-preview";

/**
 * @param {object} options
 * @param {(entity: Entity) => Promise<{ preview: object | null }>} options.request - each entity's is asked for once.
 */
export function createPreviews({ request }) {
  const root = element("div", { id: ID, className: "preview", role: "tooltip", hidden: true });
  /** @type {Map<string, Promise<{ preview: object | null }>>} */
  const known = new Map();
  /** What the preview stands beside, or will. @type {HTMLElement | null} */
  let anchor = null;

  /** @param {Entity} entity */
  async function previewOf(entity) {
    const asked = known.get(entity.id) ?? request(entity);
    known.set(entity.id, asked);
    const { preview } = await asked;
    if (preview === null) known.delete(entity.id); // the next time there may be one
    return preview;
  }

  /** @param {HTMLElement} node @param {Entity} entity */
  async function show(node, entity) {
    if (anchor === node) return;
    hide();
    anchor = node;
    listen(true);
    const preview = await previewOf(entity);
    if (anchor !== node || preview === null || !node.isConnected) return;
    root.replaceChildren(drawn(entity, preview));
    root.hidden = false;
    place();
    node.setAttribute("aria-describedby", ID);
  }

  function hide() {
    anchor?.removeAttribute("aria-describedby");
    anchor = null;
    root.hidden = true;
    listen(false);
  }

  /** Below the anchor, or above it where there is more room; without a gap, in which the pointer would be elsewhere. */
  function place() {
    if (anchor === null || root.hidden) return;
    const { left, top, bottom } = anchor.getBoundingClientRect();
    const isAbove = bottom + root.offsetHeight > innerHeight && top > innerHeight - bottom;
    root.style.left = `${Math.max(0, Math.min(left, innerWidth - root.offsetWidth))}px`;
    root.style.top = `${isAbove ? top - root.offsetHeight : bottom}px`;
  }

  /** @param {Event} event */
  function leave({ target }) {
    const isHere = target instanceof Node && (anchor?.contains(target) || root.contains(target));
    if (!isHere && !anchor?.matches(":focus-visible")) hide();
  }

  /** @param {KeyboardEvent} event */
  function escape({ key }) {
    if (key === "Escape") hide();
  }

  /** @param {boolean} on */
  function listen(on) {
    const change = on ? "addEventListener" : "removeEventListener";
    document[change]("pointerover", leave);
    document[change]("keydown", /** @type {EventListener} */ (escape));
    document[change]("scroll", place, true);
  }

  return {
    root,

    /** Has a node show the entity's preview. @param {HTMLElement} node @param {Entity} entity */
    attach(node, entity) {
      node.addEventListener("pointerenter", () => void show(node, entity));
      node.addEventListener("focus", () => void show(node, entity));
      node.addEventListener("blur", hide);
    },
  };
}

/** @param {Entity} entity @param {object} preview */
function drawn(entity, preview) {
  const nothing = async () => {};
  const files = { previewUrl: () => null, newPreviewUrl: async () => null, onDownload: nothing };
  const view = { imageDomains: null, files, onAction: nothing, onAnswer: nothing, onEntity() {}, onPreview() {} };
  return widget({ id: `${ID}-${entity.id}`, type: "widget", widget: preview }, view);
}

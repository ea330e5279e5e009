/**
 * The menu that opens behind an `@`: what the user may tag. The focus stays in the text; arrows move through the menu, Enter
 * and Tab pick, Escape closes it, and a screen reader is told what is chosen.
 *
 * https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ is the pattern, but for the role: HTML lets a textarea have no other
 * than its own.
 */

import { element } from "./dom.js";
import { icon } from "./icons.js";
import { taggingAt } from "./tags.js";

/** @typedef {import("@openai/chatkit").Entity} Entity */

const LIST_ID = "tag-menu";

/**
 * @param {object} options
 * @param {HTMLTextAreaElement} options.input
 * @param {(query: string) => Promise<Entity[]>} options.search
 * @param {() => readonly Entity[]} options.tagged - what the text tags already.
 * @param {(entity: Entity) => void} options.onPick - its tag stands in the text by then.
 */
export function createTagMenu({ input, search, tagged, onPick }) {
  const list = element("div", {
    id: LIST_ID,
    className: "tag-menu",
    role: "listbox",
    "aria-label": "Tag",
    hidden: true,
  });
  const status = element("p", { className: "for-screen-readers", role: "status" });
  /** What is looked for, or shown. @type {import("./tags.js").Tagging | null} */
  let tagging = null;
  /** The beginning of a tag that is none, as the user has closed its menu or nothing was found. */
  let dropped = { start: -1, query: "" };
  /** @type {Entity[]} */
  let found = [];
  let chosen = 0;

  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-haspopup", "listbox");
  for (const name of ["input", "click", "keyup"]) input.addEventListener(name, () => void look());
  input.addEventListener("blur", close);

  async function look() {
    const next = taggingAt(input.value, input.selectionStart, tagged());
    if (next?.start === tagging?.start && next?.query === tagging?.query) return;
    tagging = next;
    if (next === null || next.start !== dropped.start) dropped = { start: -1, query: "" };
    if (next === null || isDropped(next)) return hide();
    const entities = await search(next.query);
    if (tagging !== next) return; // the user has typed on
    found = entities;
    chosen = 0;
    status.textContent = said(found.length);
    if (found.length === 0) {
      dropped = next;
      hide();
    } else {
      show();
    }
  }

  /** @param {import("./tags.js").Tagging} next */
  function isDropped({ start, query }) {
    return start === dropped.start && query.startsWith(dropped.query);
  }

  function show() {
    list.replaceChildren(...grouped(found).map(([group, members]) => groupOf(group, members)));
    list.hidden = false;
    input.setAttribute("aria-controls", LIST_ID);
    choose(0);
  }

  function hide() {
    list.hidden = true;
    list.replaceChildren();
    found = [];
    input.removeAttribute("aria-controls");
    input.removeAttribute("aria-activedescendant");
  }

  function close() {
    tagging = null;
    hide();
    status.textContent = "";
  }

  /** @param {string} group @param {Entity[]} members */
  function groupOf(group, members) {
    const heading = group && element("p", { className: "tag-group", "aria-hidden": true }, group);
    return element("div", { role: "group", "aria-label": group || null }, heading, ...members.map(optionOf));
  }

  /** @param {Entity} entity */
  function optionOf(entity) {
    return element(
      "div",
      {
        id: optionId(entity),
        role: "option",
        "aria-selected": false,
        onpointerdown: (/** @type {Event} */ event) => event.preventDefault(), // the focus stays in the text
        onclick: () => pick(entity),
      },
      icon(entity.icon ?? "cube"),
      element("span", {}, entity.title),
    );
  }

  /** @param {Entity} entity */
  const optionId = (entity) => `${LIST_ID}-${found.indexOf(entity)}`;

  /** @param {number} index */
  function choose(index) {
    chosen = (index + found.length) % found.length;
    const option = list.querySelector(`#${optionId(found[chosen])}`);
    list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", optionId(found[chosen]));
  }

  /** @param {Entity} entity */
  function pick(entity) {
    if (tagging === null) return;
    const end = tagging.start + 1 + tagging.query.length;
    const space = /^\s/.test(input.value.slice(end)) ? "" : " ";
    input.setRangeText(`@${entity.title}${space}`, tagging.start, end, "end");
    close();
    onPick(entity);
  }

  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowDown: () => choose(chosen + 1),
    ArrowUp: () => choose(chosen - 1),
    Enter: () => pick(found[chosen]),
    Tab: () => pick(found[chosen]),
    Escape() {
      if (tagging) dropped = { start: tagging.start, query: "" };
      hide();
    },
  };

  return {
    root: element("div", { className: "tag-menu-place" }, list, status),

    /** What a key does to the menu. @param {KeyboardEvent} event @returns {boolean} whether it was meant for it. */
    handles(event) {
      if (list.hidden || event.isComposing || event.shiftKey || !Object.hasOwn(keys, event.key)) return false;
      event.preventDefault();
      keys[event.key]();
      return true;
    },

    /** Begins a tag where the caret stands. */
    begin() {
      const { selectionStart, selectionEnd, value } = input;
      const space = /\S$/.test(value.slice(0, selectionStart)) ? " " : "";
      input.focus();
      input.setRangeText(`${space}@`, selectionStart, selectionEnd, "end");
      void look();
    },
  };
}

/** The entities by group, in the order of their first members. @param {Entity[]} entities */
function grouped(entities) {
  /** @type {Map<string, Entity[]>} */
  const groups = new Map();
  for (const entity of entities) groups.set(entity.group ?? "", [...(groups.get(entity.group ?? "") ?? []), entity]);
  return [...groups];
}

/** @param {number} count */
function said(count) {
  if (count === 0) return "Nothing found to tag.";
  return count === 1 ? "1 to choose from." : `${count} to choose from.`;
}

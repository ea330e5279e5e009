/** Where the user writes: Enter sends, Shift+Enter begins a line, `@` tags an entity. */

import { button, element } from "./dom.js";
import { createTagMenu } from "./tag-menu.js";
import { createTaggedList } from "./tagged-list.js";
import { taggedIn, withoutTag } from "./tags.js";

/**
 * @typedef {import("@openai/chatkit").Entity} Entity
 * @typedef {{ text: string, entities: readonly Entity[] }} Draft - what the user has written, and what of it are tags.
 */

/**
 * @param {object} options
 * @param {(draft: Draft) => void} options.onSend
 * @param {() => void} options.onStop
 * @param {(query: string) => Promise<Entity[]>} options.onTagSearch
 * @param {import("./entity-chip.js").EntityView} options.entityView
 */
export function createComposer({ onSend, onStop, onTagSearch, entityView }) {
  /** What the text tags. @type {readonly Entity[]} */
  let entities = [];
  const input = element("textarea", {
    rows: 2,
    placeholder: "Write a message",
    "aria-label": "Message",
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (tagMenu.handles(event)) return;
      // An input method's Enter chooses a word; it does not send.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      submit();
    },
    oninput: () => tag(entities),
  });
  const tagMenu = createTagMenu({
    input,
    search: onTagSearch,
    tagged: () => entities,
    onPick: (entity) => tag([...entities.filter(({ title }) => title !== entity.title), entity]),
  });
  const tagged = createTaggedList({
    view: entityView,
    onRemove(entity) {
      input.value = withoutTag(input.value, entities, entity);
      tag(entities);
      input.focus();
    },
  });
  const begin = button("@", tagMenu.begin, { className: "quiet", "aria-label": "Tag something" });
  const send = element("button", { type: "submit", className: "primary" }, "Send");
  const stop = button("Stop", onStop, { hidden: true });
  const note = element("p", { className: "note", role: "status", hidden: true });
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    submit();
  };
  const root = element(
    "form",
    { className: "composer", onsubmit },
    note,
    tagMenu.root,
    input,
    tagged.root,
    element("div", { className: "buttons" }, begin, stop, send),
  );
  let mayNotSend = false;

  function submit() {
    const text = input.value.trim();
    if (text === "" || mayNotSend) return;
    input.value = "";
    onSend({ text, entities });
    tag([]);
  }

  /** @param {readonly Entity[]} candidates - those that the text still names are its tags. */
  function tag(candidates) {
    entities = taggedIn(input.value, candidates);
    tagged.draw(entities);
  }

  return {
    root,
    focus: () => input.focus(),
    /** Gives back what could not be sent, unless the user is writing something else. @param {Draft} draft */
    restore(draft) {
      if (input.value !== "") return;
      input.value = draft.text;
      tag(draft.entities);
    },
    /**
     * @param {{ streaming: boolean, allowCancel: boolean, loading: boolean, closed: string | null }} state - `closed`
     *   says why the thread takes no messages.
     */
    draw({ streaming, allowCancel, loading, closed }) {
      mayNotSend = streaming || loading || closed !== null;
      send.disabled = mayNotSend;
      input.disabled = begin.disabled = closed !== null;
      stop.hidden = !(streaming && allowCancel);
      note.hidden = closed === null;
      note.textContent = closed;
    },
  };
}

/** Where the user writes: Enter sends, Shift+Enter begins a line, `@` tags an entity. A message waits for its files. */

import { acceptAttribute } from "./attachment-limits.js";
import { createAttachmentTray } from "./attachment-tray.js";
import { button, element } from "./dom.js";
import { createFileIntake } from "./file-intake.js";
import { createTagMenu } from "./tag-menu.js";
import { createTaggedList } from "./tagged-list.js";
import { taggedIn, withoutTag } from "./tags.js";

/**
 * @typedef {import("@openai/chatkit").Entity} Entity
 * @typedef {import("./protocol.js").Message} Message
 */

/**
 * @param {object} options
 * @param {(message: Message) => void} options.onSend
 * @param {() => void} options.onStop
 * @param {(query: string) => Promise<Entity[]>} options.onTagSearch
 * @param {import("./entity-chip.js").EntityView} options.entityView
 * @param {import("./uploads.js").Uploads} options.uploads
 * @param {import("./attachment-limits.js").AttachmentOptions} options.limits - which files are taken.
 * @param {string} options.locale
 * @param {HTMLElement} options.dropZone - where files may be dropped.
 */
export function createComposer({ onSend, onStop, onTagSearch, entityView, uploads, limits, locale, dropZone }) {
  /** What the text tags. @type {readonly Entity[]} */
  let entities = [];
  const input = element("textarea", {
    rows: 2,
    placeholder: "Write a message",
    "aria-label": "Message",
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (tagMenu.handles(event)) return;
      if (event.key === "Escape") keepWriting();
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
  const write = button("Keep writing", () => keepWriting(), { hidden: true });
  const note = element("p", { className: "note", role: "status", hidden: true });
  const tray = createAttachmentTray({
    uploads,
    limits,
    locale,
    onChange: onFilesChange,
    onEmpty: () => input.focus(),
  });
  const intake = createFileIntake({
    zone: dropZone,
    field: input,
    accept: acceptAttribute(limits),
    mayTake: () => limits.enabled && !waiting && closedNote === null,
    onFiles(files) {
      tray.add(files);
      input.focus();
    },
  });
  intake.picker.hidden = !limits.enabled;
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    submit();
  };
  const buttons = element("div", { className: "composer-buttons" }, intake.picker, begin, write, stop, send);
  const root = element(
    "form",
    { className: "composer", onsubmit },
    note,
    tray.root,
    tagMenu.root,
    input,
    tagged.root,
    buttons,
    ...intake.parts,
  );
  let mayNotSend = false;
  /** The message goes as soon as its files are uploaded. */
  let waiting = false;
  /** @type {string | null} */
  let closedNote = null;
  let filesNote = "";

  function submit() {
    if (mayNotSend) return;
    const text = input.value.trim();
    const { obstacle } = tray;
    waiting = obstacle === "uploading";
    filesNote = obstacle === null ? "" : OBSTACLES[obstacle];
    drawNote();
    if (waiting) input.focus(); // the button that was pressed is off now
    if (obstacle !== null || (text === "" && tray.count === 0)) return;
    input.value = "";
    onSend({ text, entities, attachments: tray.take() });
    tag([]);
  }

  /** @param {readonly Entity[]} candidates - those that the text still names are its tags. */
  function tag(candidates) {
    entities = taggedIn(input.value, candidates);
    tagged.draw(entities);
  }

  function onFilesChange() {
    filesNote = "";
    if (waiting) submit();
    drawNote();
  }

  function keepWriting() {
    if (!waiting) return;
    waiting = false;
    filesNote = "";
    drawNote();
    input.focus();
  }

  function drawNote() {
    note.textContent = closedNote ?? filesNote;
    note.hidden = note.textContent === "";
    input.readOnly = waiting;
    write.hidden = !waiting;
    send.disabled = mayNotSend || waiting;
    intake.picker.disabled = waiting || closedNote !== null;
    begin.disabled = waiting || closedNote !== null;
  }

  return {
    root,
    focus: () => input.focus(),
    /** Another thread is open: what waits for its files was meant for the one before. */
    keepWriting,
    /**
     * Gives a message back that could not be sent; its text only where the user is not writing another.
     *
     * @param {Message} message
     */
    restore({ text, entities: tags, attachments }) {
      if (input.value === "") {
        input.value = text;
        tag(tags);
      }
      tray.restore(attachments);
    },
    /** The page goes on without this composer. */
    leave: tray.leave,
    /**
     * @param {{ streaming: boolean, allowCancel: boolean, loading: boolean, closed: string | null }} state - `closed`
     *   says why the thread takes no messages.
     */
    draw({ streaming, allowCancel, loading, closed }) {
      mayNotSend = streaming || loading || closed !== null;
      closedNote = closed;
      input.disabled = closed !== null;
      stop.hidden = !(streaming && allowCancel);
      if (waiting) submit();
      drawNote();
    },
  };
}

const OBSTACLES = {
  uploading: "The message goes as soon as its files are uploaded.",
  failed: "A file could not be uploaded: remove it, or try again.",
};

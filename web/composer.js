/** Where the user writes: Enter sends, Shift+Enter begins a line. */

import { button, element } from "./dom.js";

/**
 * @param {{ onSend: (text: string) => void, onStop: () => void }} options
 */
export function createComposer({ onSend, onStop }) {
  const input = element("textarea", {
    rows: 2,
    placeholder: "Write a message",
    "aria-label": "Message",
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      // An input method's Enter chooses a word; it does not send.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      submit();
    },
  });
  const send = element("button", { type: "submit", className: "primary" }, "Send");
  const stop = button("Stop", onStop, { hidden: true });
  const note = element("p", { className: "note", role: "status", hidden: true });
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    submit();
  };
  const root = element("form", { className: "composer", onsubmit }, note, input, element("div", {}, stop, send));
  let mayNotSend = false;

  function submit() {
    const text = input.value.trim();
    if (text === "" || mayNotSend) return;
    input.value = "";
    onSend(text);
  }

  return {
    root,
    focus: () => input.focus(),
    /** Gives a text back that could not be sent, unless the user is writing another. @param {string} text */
    restore(text) {
      if (input.value === "") input.value = text;
    },
    /**
     * @param {{ streaming: boolean, allowCancel: boolean, loading: boolean, closed: string | null }} state - `closed`
     *   says why the thread takes no messages.
     */
    draw({ streaming, allowCancel, loading, closed }) {
      mayNotSend = streaming || loading || closed !== null;
      send.disabled = mayNotSend;
      input.disabled = closed !== null;
      stop.hidden = !(streaming && allowCancel);
      note.hidden = closed === null;
      note.textContent = closed;
    },
  };
}

/** The user's threads: new, open, rename, delete. It draws and asks; what happens is decided by whoever made it. */

import { button, element } from "./dom.js";

/** @typedef {import("./fold.js").Thread} Thread */

/**
 * @param {object} options
 * @param {Intl.DateTimeFormat} options.dates
 * @param {(threadId: string | null) => void} options.onOpen - null begins a new thread.
 * @param {(threadId: string, title: string) => void} options.onRename
 * @param {(threadId: string) => void} options.onDelete
 * @returns {{ root: HTMLElement, draw(threads: readonly Thread[], openId: string | null, note: string): void }}
 */
export function createThreadList({ dates, onOpen, onRename, onDelete }) {
  const list = element("ul", { className: "rows" });
  const note = element("p", { className: "note", role: "status" });
  const root = element(
    "nav",
    { className: "threads pane", "aria-label": "Threads" },
    element(
      "header",
      {},
      element("h2", {}, "Threads"),
      button("New thread", () => onOpen(null), { className: "new" }),
    ),
    note,
    list,
  );
  /** What is asked of the user in one of the rows. @type {{ id: string, question: "rename" | "delete" } | null} */
  let asked = null;
  /** @type {Parameters<typeof draw>} */
  let drawn = [[], null, ""];

  /** @param {readonly Thread[]} threads @param {string | null} openId @param {string} text */
  function draw(threads, openId, text) {
    drawn = [threads, openId, text];
    note.textContent = text || (threads.length === 0 ? "No threads yet." : "");
    note.hidden = note.textContent === "";
    // A row in which the user is typing stays as it is.
    const held = asked && list.querySelector(`[data-id="${CSS.escape(asked.id)}"].asking`);
    list.replaceChildren(
      ...threads.map((thread) => (held && thread.id === asked?.id ? held : row(thread, thread.id === openId))),
    );
  }

  /** @param {{ id: string, question: "rename" | "delete" } | null} next */
  function ask(next) {
    const before = asked;
    asked = null;
    draw(...drawn);
    asked = next;
    if (next) {
      draw(...drawn);
      /** @type {HTMLElement | null} */ (list.querySelector(".asking input, .asking button"))?.focus();
    } else if (before) {
      const id = CSS.escape(before.id);
      /** @type {HTMLElement | null} */ (list.querySelector(`[data-id="${id}"] .open`))?.focus();
    }
  }

  /** @param {Thread} thread @param {boolean} open */
  function row(thread, open) {
    const title = thread.title || "Untitled";
    if (asked?.id === thread.id) return asked.question === "rename" ? renaming(thread) : deleting(thread, title);
    return element(
      "li",
      { className: open ? "current" : "", "data-id": thread.id },
      element(
        "button",
        {
          type: "button",
          className: "open",
          onclick: () => onOpen(thread.id),
          "aria-current": open ? "true" : undefined,
        },
        element("span", { className: "title" }, title),
        thread.created_at &&
          element("time", { dateTime: thread.created_at }, dates.format(new Date(thread.created_at))),
      ),
      iconButton("✎", `Rename ${title}`, () => ask({ id: thread.id, question: "rename" })),
      iconButton("✕", `Delete ${title}`, () => ask({ id: thread.id, question: "delete" })),
    );
  }

  /** @param {Thread} thread */
  function renaming(thread) {
    const input = element("input", { value: thread.title ?? "", maxLength: 1000, "aria-label": "New title" });
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      const title = input.value.trim();
      ask(null);
      if (title !== "" && title !== thread.title) onRename(thread.id, title);
    };
    const form = element("form", { onsubmit }, input, element("button", { type: "submit" }, "Rename"));
    return asking(
      thread.id,
      form,
      button("Keep", () => ask(null), { className: "quiet" }),
    );
  }

  /** @param {Thread} thread @param {string} title */
  function deleting(thread, title) {
    const confirm = () => {
      ask(null);
      onDelete(thread.id);
    };
    return asking(
      thread.id,
      element("span", { className: "question" }, `Delete “${title}”?`),
      button("Delete", confirm, { className: "danger" }),
      button("Keep", () => ask(null), { className: "quiet" }),
    );
  }

  /** @param {string} id @param {...Node} children */
  function asking(id, ...children) {
    const onkeydown = (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && ask(null);
    return element("li", { className: "asking", "data-id": id, onkeydown }, ...children);
  }

  return { root, draw };
}

/** @param {string} icon @param {string} label @param {() => void} onclick */
function iconButton(icon, label, onclick) {
  return button(icon, onclick, { className: "icon", "aria-label": label, title: label });
}

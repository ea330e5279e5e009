/** The panel beside the conversation: every request, answer and event, as it was sent, and what the page did by itself. */

import { button, element, jsonBlock } from "./dom.js";

/** So many rows are kept; the oldest go first. */
const ROWS = 1000;

/** @typedef {import("./protocol.js").Traffic} Traffic */

/** @returns {{ root: HTMLElement, add(traffic: Traffic): void }} */
export function createRawEvents() {
  const list = element("ol", { className: "rows" });
  const dropped = element("p", { className: "dropped", hidden: true });
  const deltas = element("input", { type: "checkbox", checked: true, onchange: showDeltas });
  const root = element(
    "section",
    { className: "events pane", "aria-label": "Raw events" },
    element(
      "header",
      {},
      element("h2", {}, "Raw events"),
      element("label", {}, deltas, "text deltas"),
      button("Clear", clear, { className: "quiet" }),
    ),
    dropped,
    list,
  );
  /** @type {Traffic[]} */
  let waiting = [];
  let droppedRows = 0;

  function showDeltas() {
    list.classList.toggle("without-deltas", !deltas.checked);
  }

  function clear() {
    droppedRows = 0;
    waiting = [];
    list.replaceChildren();
    dropped.hidden = true;
  }

  function flush() {
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(...waiting.map(row));
    waiting = [];
    for (; list.childElementCount > ROWS; droppedRows += 1) list.firstElementChild?.remove();
    dropped.hidden = droppedRows === 0;
    dropped.textContent = `${droppedRows} older ones are not kept.`;
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  return {
    root,
    add(traffic) {
      if (waiting.length === 0) requestAnimationFrame(flush);
      waiting.push(traffic);
    },
  };
}

const ARROWS = { request: "→", response: "←", event: "·", page: "○" };

/** @param {Traffic} traffic */
function row({ kind, type, body, offset }) {
  const update = kind === "event" && type === "thread.item.updated" ? body.update?.type : undefined;
  const details = element(
    "details",
    { ontoggle: () => details.childElementCount === 1 && details.append(jsonBlock(body)) },
    element(
      "summary",
      {},
      element("span", { className: "arrow", "aria-hidden": "true" }, ARROWS[kind]),
      element("span", { className: "type" }, type, update && element("small", {}, update)),
      element(
        "span",
        { className: "offset" },
        kind === "request" || kind === "page" ? "" : `+${Math.round(offset)} ms`,
      ),
    ),
  );
  return element("li", { "data-kind": kind, "data-type": type, "data-update": update }, details);
}

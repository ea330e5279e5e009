/** Where there is no room for all panes, one of them shows at a time: the buttons that choose it. */

import { button, element } from "./dom.js";

const PANES = /** @type {const} */ (["threads", "chat", "events"]);

/**
 * @param {HTMLElement} client - what holds the panes; its `data-pane` names the one that shows.
 * @returns {{ root: HTMLElement, show(pane: typeof PANES[number]): void }}
 */
export function createPaneSwitch(client) {
  const buttons = PANES.map((pane) => button(pane[0].toUpperCase() + pane.slice(1), () => show(pane)));

  /** @param {typeof PANES[number]} chosen */
  function show(chosen) {
    client.dataset.pane = chosen;
    buttons.forEach((each, index) => each.setAttribute("aria-pressed", String(PANES[index] === chosen)));
  }

  show("chat");
  return {
    root: element("div", { className: "panes", role: "group", "aria-label": "What to show" }, ...buttons),
    show,
  };
}

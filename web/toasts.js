/** Short messages in the corner of the page, for what happens in the page itself; each leaves after a while. */

import { element } from "./dom.js";

/** How long one stays, in ms. */
const STAY = 6000;

/** So many are shown at once; the oldest goes first. */
const SHOWN = 4;

/** @returns {{ root: HTMLElement, show(text: string): void }} */
export function createToasts() {
  const root = element("div", { className: "toasts", role: "status" });
  return {
    root,
    show(text) {
      const toast = element("p", { className: "toast" }, text);
      root.append(toast);
      if (root.childElementCount > SHOWN) root.firstElementChild?.remove();
      setTimeout(() => toast.remove(), STAY);
    },
  };
}

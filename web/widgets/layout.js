/** Components that arrange others, and the roots of widgets. */

import { button, element } from "../dom.js";
import { icon } from "../icons.js";
import { shownImage } from "../images.js";
import { styleBlock, styleBox, styleDivider, styleSpacer } from "./style.js";

/**
 * @typedef {import("./style.js").Component} Component
 * @typedef {import("./render.js").Scope} Scope
 */

/** Rows of a `ListView` whose `limit` is `auto`. */
const AUTOMATIC_LIMIT = 5;

/** @param {Component} component @param {Scope} scope */
export function card(component, scope) {
  const { asForm, confirm, cancel, collapsed, size = "md" } = component;
  const run = (/** @type {any} */ choice, /** @type {HTMLElement} */ control) =>
    scope.run(choice.action, control, "container");
  const frame = element(asForm ? "form" : "div", { className: "w-card", "data-size": size, "data-id": component.id });
  if (asForm) {
    frame.addEventListener("submit", (event) => {
      event.preventDefault();
      if (confirm) run(confirm, frame);
    });
  }
  const body = styleBox(
    element("div", { className: "w-body" }, ...scope.renderAll(component.children)),
    boxOf(component),
    "col",
  );
  const foot = element(
    "div",
    { className: "w-foot" },
    cancel && button(cancel.label, ({ currentTarget }) => run(cancel, /** @type {HTMLElement} */ (currentTarget))),
    confirm &&
      element(
        "button",
        {
          type: asForm ? "submit" : "button",
          className: "primary",
          onclick: (/** @type {any} */ { currentTarget }) => asForm || run(confirm, currentTarget),
        },
        confirm.label,
      ),
  );
  frame.append(...statusLine(component.status, scope));
  if (collapsed) frame.append(element("details", {}, element("summary", {}, "Details"), body));
  else frame.append(body, ...(confirm || cancel ? [foot] : []));
  if (component.background != null) styleBlock(frame, { type: "Card", background: component.background });
  return frame;
}

/** A card's own look is on its frame; what is left is its body's. @param {Component} component */
function boxOf({ type, padding }) {
  return { type, padding };
}

/** @param {Component} component @param {Scope} scope */
export function listView(component, scope) {
  const rows = scope.renderAll(component.children);
  const limit = component.limit === "auto" ? AUTOMATIC_LIMIT : (component.limit ?? rows.length);
  const list = element("div", { className: "w-list", role: "list" }, ...rows.slice(0, limit));
  const rest = rows.slice(limit);
  const more = button(`Show ${rest.length} more`, () => {
    list.append(...rest);
    more.remove();
  });
  const content = [...statusLine(component.status, scope), list, rest.length > 0 && more];
  return element("div", { className: "w-card", "data-size": "md" }, ...content);
}

/** @param {Component} component @param {Scope} scope */
export function listViewItem(component, scope) {
  const { onClickAction } = component;
  const row = styleBox(
    element("div", { className: "w-row" }, ...scope.renderAll(component.children)),
    component,
    "row",
  );
  const item = element("div", { role: "listitem" }, row);
  if (!onClickAction) return item;
  row.role = "button";
  row.tabIndex = 0;
  const use = (/** @type {Event} */ event) => {
    // What stands in the row and is operated by itself is not the row.
    const { target } = event;
    const within = target instanceof Element ? target.closest("button, a, input, select, textarea, label") : null;
    if (within === null || !row.contains(within)) scope.run(onClickAction, row, "self");
  };
  row.addEventListener("click", use);
  row.addEventListener("keydown", (event) => {
    if (event.target === row && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      use(event);
    }
  });
  return item;
}

/** @param {any} status @param {Scope} scope @returns {Node[]} */
function statusLine(status, scope) {
  if (!status) return [];
  const favicon = shownImage(status.favicon, scope.imageDomains);
  return [
    element(
      "div",
      { className: "w-status" },
      favicon && element("img", { src: favicon, alt: "", referrerPolicy: "no-referrer" }),
      status.icon && icon(status.icon),
      status.text,
    ),
  ];
}

/** A root without a frame, which may hold other roots. @param {Component} component @param {Scope} scope */
export function basic(component, scope) {
  const node = element("div", {}, ...scope.renderAll(component.children));
  return styleBox(node, component, component.direction ?? "col");
}

/** @param {"row" | "col"} [direction] - a Box has its own. */
export function box(direction) {
  return (/** @type {Component} */ component, /** @type {Scope} */ scope) =>
    styleBox(
      element("div", {}, ...scope.renderAll(component.children)),
      component,
      direction ?? component.direction ?? "col",
    );
}

/** @param {Component} component @param {Scope} scope */
export function form(component, scope) {
  const node = element(
    "form",
    {
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        scope.run(component.onSubmitAction, node, "container");
      },
    },
    ...scope.renderAll(component.children),
  );
  return styleBox(node, component, component.direction ?? "col");
}

/** @param {Component} component */
export function spacer({ minSize }) {
  return styleSpacer(element("div", { className: "w-spacer" }), minSize);
}

/** @param {Component} component */
export function divider(component) {
  return styleDivider(element("hr", { className: component.flush ? "flush" : "" }), component);
}

/** Its child as it is: this client draws a widget anew, and has nothing to animate. @param {Component} component @param {Scope} scope */
export function transition({ children }, scope) {
  return element("div", { className: "w-transition" }, ...scope.renderAll(children));
}

/**
 * A widget as DOM nodes: one renderer per component type, in one table. A component that is not in it, or that lacks what
 * it needs, is shown as labelled JSON.
 *
 * The components are those of `@openai/chatkit` 1.9.0 (`types/widgets.d.ts`) and of `openai-chatkit` 1.6.5.
 */

import { element, jsonCard } from "../dom.js";
import { createActions } from "./actions.js";
import { chart } from "./chart.js";
import { buttonComponent, checkbox, datePicker, input, radioGroup, select, textarea } from "./controls.js";
import { basic, box, card, divider, form, listView, listViewItem, spacer, transition } from "./layout.js";
import { badge, caption, iconComponent, image, label, markdown, text, title } from "./text.js";

/**
 * @typedef {import("./style.js").Component} Component
 *
 * @typedef {object} Scope - what a component needs of the widget that it stands in.
 * @property {(children: unknown) => Node[]} renderAll - a list of components, or a single one.
 * @property {import("./actions.js").RunAction} run
 * @property {(name: string) => string} fieldId
 * @property {readonly string[] | null | undefined} imageDomains
 */

/** @type {Readonly<Record<string, (component: Component, scope: Scope) => Node>>} */
const RENDERERS = {
  Badge: badge,
  Basic: basic,
  Box: box(),
  Button: buttonComponent,
  Caption: caption,
  Card: card,
  Chart: chart,
  Checkbox: checkbox,
  Col: box("col"),
  DatePicker: datePicker,
  Divider: divider,
  Form: form,
  Icon: iconComponent,
  Image: image,
  Input: input,
  Label: label,
  ListView: listView,
  ListViewItem: listViewItem,
  Markdown: markdown,
  RadioGroup: radioGroup,
  Row: box("row"),
  Select: select,
  Spacer: spacer,
  Text: text,
  Textarea: textarea,
  Title: title,
  Transition: transition,
};

/**
 * @param {import("../fold.js").Item} item
 * @param {import("../renderers.js").View} view
 * @returns {HTMLElement}
 */
export function widget(item, view) {
  /** @type {Scope} */
  const scope = {
    renderAll: (children) =>
      (Array.isArray(children) ? children : [children ?? []].flat()).map((child) => render(child, scope)),
    run: createActions({ send: (action) => view.onAction(item, action) }),
    fieldId: (name) => `${item.id}.${name}`,
    imageDomains: view.imageDomains,
  };
  const root = element("div", { className: "widget-root" }, render(item.widget, scope));
  const { theme } = item.widget;
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  return root;
}

/** @param {any} component @param {Scope} scope @returns {Node} */
function render(component, scope) {
  const type = typeof component?.type === "string" ? component.type : "no component";
  try {
    if (Object.hasOwn(RENDERERS, type)) return RENDERERS[type](component, scope);
  } catch (error) {
    // One that lacks what it needs must not take the others with it.
    console.warn(`A ${type} could not be drawn:`, error);
  }
  return jsonCard(type, component);
}

/** Components that show something: texts, badges, icons, pictures. */

import { element } from "../dom.js";
import { icon } from "../icons.js";
import { picture } from "../images.js";
import { renderMarkdown } from "../markdown.js";
import { styleBlock, styleText } from "./style.js";

/**
 * @typedef {import("./style.js").Component} Component
 * @typedef {import("./render.js").Scope} Scope
 */

/** @param {Component} component @param {Scope} scope */
export function text(component, scope) {
  const { editable, value } = component;
  if (!editable) return styleText(element("div", { className: "w-text" }, String(value ?? "")), component);
  const input = element("input", {
    type: "text",
    value: value ?? "",
    placeholder: editable.placeholder ?? "",
    required: Boolean(editable.required),
    "aria-label": editable.name,
    "data-name": editable.name,
    id: scope.fieldId(editable.name),
    pattern: editable.pattern,
    autocomplete: editable.autoComplete ?? "off",
  });
  return styleText(input, component);
}

/** @param {Component} component */
export function title(component) {
  const properties = { className: "w-title", role: "heading", "aria-level": 3 };
  return styleText(element("div", properties, String(component.value ?? "")), component);
}

/** @param {Component} component */
export function caption(component) {
  // A caption's sizes lie a step below those of a text.
  const size = { sm: "2xs", md: "xs", lg: "sm" }[String(component.size ?? "md")];
  return styleText(element("div", { className: "w-caption" }, String(component.value ?? "")), { ...component, size });
}

/** @param {Component} component */
export function markdown(component) {
  return element("div", { className: "w-markdown" }, renderMarkdown(String(component.value ?? "")));
}

/** @param {Component} component @param {Scope} scope */
export function label(component, scope) {
  const node = element("label", { htmlFor: scope.fieldId(component.fieldName) }, String(component.value ?? ""));
  return styleText(node, component);
}

/** @param {Component} component */
export function badge({ label, color = "secondary", variant = "soft", size = "sm", pill }) {
  const data = { "data-color": color, "data-variant": variant, "data-size": size };
  return element("span", { className: `w-badge${pill ? " pill" : ""}`, ...data }, String(label ?? ""));
}

/** @param {Component} component */
export function iconComponent(component) {
  return styleText(icon(String(component.name)), component);
}

/** @param {Component} component @param {Scope} scope */
export function image(component, scope) {
  const node = picture(component.src, scope.imageDomains, String(component.alt ?? ""));
  node.classList.add("w-image");
  if (component.frame) node.classList.add("framed");
  if (component.flush) node.classList.add("flush");
  if (component.fit != null) node.style.objectFit = String(component.fit);
  if (component.position != null) node.style.objectPosition = String(component.position);
  return styleBlock(node, component);
}

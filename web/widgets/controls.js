/**
 * Components that a user operates. A field's name stands in `data-name`; its element has an id of this widget's own, so
 * that a `Label` finds it, and radio buttons of two widgets are not one group.
 */

import { element } from "../dom.js";
import { icon } from "../icons.js";
import { styleBlock } from "./style.js";

/**
 * @typedef {import("./style.js").Component} Component
 * @typedef {import("./render.js").Scope} Scope
 */

/** @param {Component} component @param {Scope} scope */
export function buttonComponent(component, scope) {
  const { style, label, iconStart, iconEnd, submit, disabled, onClickAction, size = "md" } = component;
  const color = component.color ?? (style === "primary" ? "accent" : "secondary");
  const variant = component.variant ?? (style === "primary" || component.color ? "solid" : "outline");
  const shapes = ["pill", "block", "uniform"].filter((shape) => component[shape]);
  const node = element(
    "button",
    {
      type: submit ? "submit" : "button",
      className: ["w-button", ...shapes].join(" "),
      disabled: Boolean(disabled),
      "data-color": color,
      "data-variant": variant,
      "data-size": size,
      "aria-label": label ? undefined : (iconStart ?? iconEnd),
      onclick: () => scope.run(onClickAction, node, "self"),
    },
    iconStart && icon(iconStart),
    label,
    iconEnd && icon(iconEnd),
  );
  return node;
}

/** @param {Component} component @param {Scope} scope */
export function checkbox(component, scope) {
  const input = element("input", {
    ...fieldOf(component, scope),
    type: "checkbox",
    checked: Boolean(component.defaultChecked),
  });
  return element("label", { className: "w-choice" }, input, component.label);
}

/** @param {Component} component @param {Scope} scope */
export function select(component, scope) {
  const { options, placeholder = "", defaultValue, clearable, block } = component;
  const none = element("option", { value: "", disabled: !clearable && placeholder !== "" }, placeholder);
  const node = element(
    "select",
    { ...fieldOf(component, scope), className: block ? "block" : "" },
    none,
    ...options.map((/** @type {any} */ { value, label, description, disabled }) =>
      element("option", { value, disabled: Boolean(disabled), title: description }, label),
    ),
  );
  node.value = defaultValue ?? "";
  return node;
}

/** @param {Component} component @param {Scope} scope */
export function datePicker(component, scope) {
  const { defaultValue, min, max, block } = component;
  return element("input", {
    ...fieldOf(component, scope),
    type: "date",
    className: block ? "block" : "",
    value: dayOf(defaultValue),
    min: dayOf(min),
    max: dayOf(max),
    "aria-label": component.placeholder ?? component.name,
  });
}

/** @param {unknown} moment - ISO 8601. */
function dayOf(moment) {
  return typeof moment === "string" ? moment.slice(0, "2026-01-02".length) : "";
}

/** @param {Component} component @param {Scope} scope */
export function input(component, scope) {
  const className = component.pill ? "pill" : "";
  return element("input", { ...textField(component, scope), type: component.inputType ?? "text", className });
}

/** @param {Component} component @param {Scope} scope */
export function textarea(component, scope) {
  const node = element("textarea", { ...textField(component, scope), rows: component.rows ?? 3 });
  if (component.autoResize) node.classList.add("resizes");
  if (component.maxRows != null) node.style.maxHeight = `${component.maxRows + 1}lh`;
  return styleBlock(node, component);
}

/** @param {Component} component @param {Scope} scope */
export function radioGroup(component, scope) {
  const { options = [], ariaLabel, name, defaultValue, direction = "col", disabled } = component;
  const choices = options.map((/** @type {any} */ option, /** @type {number} */ index) => {
    const field = fieldOf(component, scope);
    const input = element("input", {
      ...field,
      type: "radio",
      id: index === 0 ? field.id : `${field.id}.${index}`,
      name: field.id,
      value: option.value,
      checked: option.value === defaultValue,
      disabled: Boolean(disabled || option.disabled),
    });
    return element("label", { className: "w-choice" }, input, option.label);
  });
  const properties = { role: "radiogroup", "aria-label": ariaLabel ?? name, className: `w-radios ${direction}` };
  return element("div", properties, ...choices);
}

/** @param {Component} component @param {Scope} scope */
function textField(component, scope) {
  return {
    ...fieldOf(component, scope),
    value: component.defaultValue ?? "",
    placeholder: component.placeholder ?? "",
    // A textarea has no such attribute, and passes over it.
    pattern: component.pattern,
    autocomplete: component.allowAutofillExtensions ? "on" : "off",
    onfocus: (/** @type {FocusEvent} */ { target }) =>
      component.autoSelect && /** @type {HTMLInputElement} */ (target).select(),
  };
}

/** @param {Component} component @param {Scope} scope */
function fieldOf({ name, required, disabled, onChangeAction }, scope) {
  return {
    id: scope.fieldId(name),
    "data-name": name,
    required: Boolean(required),
    disabled: Boolean(disabled),
    onchange: (/** @type {Event} */ { target }) =>
      scope.run(onChangeAction, /** @type {HTMLElement} */ (target), "none"),
  };
}

/**
 * The vocabulary of widgets' properties as CSS: lengths, spacing, borders, texts. A value that is no CSS is passed over
 * by the browser; one that would call another host is passed over here.
 */

import { colour } from "./colour.js";

/**
 * @typedef {{ type: string, [property: string]: any }} Component
 */

/** A step of the spacing scale, in px. */
const STEP = 4;

/** @param {unknown} value - a number is px. @returns {string} */
function length(value) {
  return typeof value === "number" ? `${value}px` : String(value);
}

/** @param {unknown} value - a number is steps of the scale. @returns {string} */
function space(value) {
  return typeof value === "number" ? `${value * STEP}px` : String(value);
}

/** @param {HTMLElement} node @param {unknown} value */
function setBackground(node, value) {
  const gradient = typeof value === "string" && /^(repeating-)?(linear|radial|conic)-gradient\(/.test(value);
  if (gradient && !/url|image/i.test(value)) node.style.backgroundImage = value;
  else node.style.backgroundColor = colour(value);
}

/** @param {HTMLElement} node @param {"padding" | "margin"} property @param {any} value */
function setSpacing(node, property, value) {
  if (typeof value !== "object" || value === null) {
    node.style.setProperty(property, space(value));
    return;
  }
  for (const [edge, sides] of Object.entries(EDGES)) {
    if (!(edge in value)) continue;
    for (const side of sides) node.style.setProperty(`${property}-${side}`, space(value[edge]));
  }
}

/** `x` and `y` come first: an edge of its own counts more. */
const EDGES = {
  x: ["left", "right"],
  y: ["top", "bottom"],
  top: ["top"],
  right: ["right"],
  bottom: ["bottom"],
  left: ["left"],
};

/** @param {HTMLElement} node @param {any} value */
function setBorder(node, value) {
  if (typeof value !== "object" || value === null || "size" in value) {
    node.style.border = borderLine(value);
    return;
  }
  for (const [edge, sides] of Object.entries(EDGES)) {
    if (!(edge in value)) continue;
    for (const side of sides) node.style.setProperty(`border-${side}`, borderLine(value[edge]));
  }
}

/** @param {any} value - a width in px, or more about the line. */
function borderLine(value) {
  if (typeof value === "number") return `${value}px solid var(--line)`;
  return `${length(value?.size ?? 1)} ${value?.style ?? "solid"} ${colour(value?.color) || "var(--line)"}`;
}

/** @type {Readonly<Record<string, string>>} */
const RADII = {
  none: "0",
  "2xs": "2px",
  xs: "4px",
  sm: "6px",
  md: "8px",
  lg: "10px",
  xl: "12px",
  "2xl": "16px",
  "3xl": "20px",
  "4xl": "24px",
  full: "9999px",
  "100%": "100%",
};

/** @type {Readonly<Record<string, readonly string[]>>} */
const LENGTHS = {
  size: ["width", "height"],
  width: ["width"],
  height: ["height"],
  minSize: ["min-width", "min-height"],
  minWidth: ["min-width"],
  minHeight: ["min-height"],
  maxSize: ["max-width", "max-height"],
  maxWidth: ["max-width"],
  maxHeight: ["max-height"],
};

/**
 * What blocks share: size, margin, radius, background.
 *
 * @template {HTMLElement} Node
 * @param {Node} node
 * @param {Component} component
 * @returns {Node}
 */
export function styleBlock(node, component) {
  for (const [property, names] of Object.entries(LENGTHS)) {
    if (component[property] == null) continue;
    for (const name of names) node.style.setProperty(name, length(component[property]));
  }
  if (component.aspectRatio != null) node.style.aspectRatio = String(component.aspectRatio);
  if (component.flex != null) node.style.flex = String(component.flex);
  if (component.margin != null) setSpacing(node, "margin", component.margin);
  if (Object.hasOwn(RADII, component.radius ?? "")) node.style.borderRadius = RADII[component.radius];
  if (component.background != null) setBackground(node, component.background);
  return node;
}

/** @type {Readonly<Record<string, string>>} */
const ALIGNMENTS = {
  start: "flex-start",
  center: "center",
  end: "flex-end",
  baseline: "baseline",
  stretch: "stretch",
};

/** @type {Readonly<Record<string, string>>} */
const JUSTIFICATIONS = {
  start: "flex-start",
  center: "center",
  end: "flex-end",
  between: "space-between",
  around: "space-around",
  evenly: "space-evenly",
  stretch: "stretch",
};

/**
 * A block that arranges its children.
 *
 * @template {HTMLElement} Node
 * @param {Node} node
 * @param {Component} component
 * @param {"row" | "col"} direction
 * @returns {Node}
 */
export function styleBox(node, component, direction) {
  node.classList.add("w-box");
  node.style.flexDirection = direction === "row" ? "row" : "column";
  const align = component.align ?? (direction === "row" ? "center" : "stretch");
  if (Object.hasOwn(ALIGNMENTS, align)) node.style.alignItems = ALIGNMENTS[align];
  if (Object.hasOwn(JUSTIFICATIONS, component.justify ?? ""))
    node.style.justifyContent = JUSTIFICATIONS[component.justify];
  if (component.wrap != null) node.style.flexWrap = String(component.wrap);
  if (component.gap != null) node.style.gap = space(component.gap);
  if (component.padding != null) setSpacing(node, "padding", component.padding);
  if (component.border != null) setBorder(node, component.border);
  return styleBlock(node, component);
}

/** @type {Readonly<Record<string, string>>} */
const TEXT_SIZES = {
  "3xs": "10px",
  "2xs": "11px",
  xs: "12px",
  sm: "13px",
  md: "15px",
  lg: "17px",
  xl: "20px",
  "2xl": "24px",
  "3xl": "30px",
  "4xl": "36px",
  "5xl": "48px",
};

/** @type {Readonly<Record<string, string>>} */
const WEIGHTS = { normal: "400", medium: "500", semibold: "600", bold: "700" };

/**
 * What texts share.
 *
 * @template {HTMLElement} Node
 * @param {Node} node
 * @param {Component} component
 * @returns {Node}
 */
export function styleText(node, component) {
  const { style } = node;
  if (Object.hasOwn(TEXT_SIZES, component.size ?? "")) style.fontSize = TEXT_SIZES[component.size];
  if (Object.hasOwn(WEIGHTS, component.weight ?? "")) style.fontWeight = WEIGHTS[component.weight];
  if (component.color != null) style.color = colour(component.color);
  if (component.textAlign != null) style.textAlign = String(component.textAlign);
  if (component.italic) style.fontStyle = "italic";
  if (component.lineThrough) style.textDecoration = "line-through";
  if (component.width != null) style.width = length(component.width);
  if (component.minLines != null) style.minHeight = `${component.minLines}lh`;
  const lines = component.maxLines ?? (component.truncate ? 1 : null);
  if (lines !== null) {
    node.classList.add("w-clamped");
    style.setProperty("-webkit-line-clamp", String(lines));
  }
  return node;
}

/** @param {HTMLElement} node @param {Component} divider */
export function styleDivider(node, divider) {
  node.style.borderTopWidth = length(divider.size ?? 1);
  if (divider.color != null) node.style.borderTopColor = colour(divider.color);
  node.style.marginBlock = space(divider.spacing ?? 2);
  return node;
}

/** @param {HTMLElement} node @param {unknown} minSize */
export function styleSpacer(node, minSize) {
  if (minSize != null) node.style.flexBasis = length(minSize);
  return node;
}

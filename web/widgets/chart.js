/** A chart as a table in which each number has its bar: lines and areas, too, are drawn as bars. */

import { element } from "../dom.js";
import { colour } from "./colour.js";
import { styleBlock } from "./style.js";

/** The series' colours where the author has given none. */
const COLOURS = ["blue-500", "orange-500", "green-500", "purple-500", "pink-500", "yellow-500"];

/** @param {import("./style.js").Component} component */
export function chart({ data, series, xAxis, showLegend = true, ...component }) {
  const axis = typeof xAxis === "string" ? { dataKey: xAxis } : xAxis;
  /** @type {{ dataKey: string, label: string, color: string }[]} */
  const columns = series.map((/** @type {any} */ { dataKey, label, color }, /** @type {number} */ index) => ({
    dataKey,
    label: label ?? dataKey,
    color: colour(color ?? COLOURS[index % COLOURS.length]),
  }));
  const most = Math.max(
    ...data.flatMap((/** @type {any} */ row) => columns.map((column) => size(row[column.dataKey]))),
    0,
  );
  const rows = data.map((/** @type {any} */ row) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, axis.hide ? "" : String(axis.labels?.[row[axis.dataKey]] ?? row[axis.dataKey])),
      element("td", {}, ...columns.map((column) => bar(row[column.dataKey], column, most))),
    ),
  );
  const legend = element("caption", {}, ...columns.map(({ label, color }) => key(label, color)));
  const table = element("table", { className: "w-chart" }, showLegend && legend, element("tbody", {}, ...rows));
  // A table is as high as its rows.
  return styleBlock(table, {
    ...component,
    type: "Chart",
    height: null,
    size: null,
    maxHeight: null,
    aspectRatio: null,
  });
}

/** @param {unknown} value */
function size(value) {
  return typeof value === "number" && Number.isFinite(value) ? Math.abs(value) : 0;
}

/** @param {unknown} value @param {{ label: string, color: string }} column @param {number} most */
function bar(value, { label, color }, most) {
  const filled = element("span", { className: "fill" });
  filled.style.width = `${most > 0 ? (size(value) / most) * 75 : 0}%`;
  filled.style.backgroundColor = color;
  return element("div", { className: "w-bar", title: label }, filled, element("span", {}, String(value ?? "")));
}

/** @param {string} label @param {string} color */
function key(label, color) {
  const swatch = element("span", { className: "swatch" });
  swatch.style.backgroundColor = color;
  return element("span", { className: "key" }, swatch, label);
}

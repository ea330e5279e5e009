/** What an assistant shows of its work: a workflow with its tasks, and a task that stands alone. */

import { element } from "../dom.js";
import { icon } from "../icons.js";
import { renderMarkdown } from "../markdown.js";
import { sourceList } from "./sources.js";

/**
 * @typedef {import("../fold.js").Item} Item
 * @typedef {import("../renderers.js").View} View
 * @typedef {{ type: string, title?: string, status_indicator?: string, [field: string]: any }} Task
 */

/** What a task is called whose author has given it no title. @type {Readonly<Record<string, string>>} */
const TITLES = {
  thought: "Thinking",
  web_search: "Searching the web",
  file: "Reading files",
  image: "Making a picture",
};

/** @type {Readonly<Record<string, string>>} */
const ICONS = { thought: "lightbulb", web_search: "search", file: "document", image: "square-image" };

/**
 * Tasks under a headline: unfolded while one of them is under way, then as the author wishes, unless the user has folded
 * or unfolded it.
 *
 * @param {Item} item
 * @param {View} view
 * @param {Element | null} previous - the workflow as it was drawn before.
 */
export function workflow({ workflow: { type, tasks, summary, expanded } }, view, previous) {
  const busy = tasks.some((/** @type {Task} */ task) => task.status_indicator === "loading");
  const before = previous instanceof HTMLDetailsElement && "byUser" in previous.dataset ? previous : null;
  const details = element(
    "details",
    { className: `steps ${type}`, open: before ? before.open : busy || Boolean(expanded) },
    element(
      "summary",
      { onclick: () => (details.dataset.byUser = "") },
      summary?.icon && icon(summary.icon),
      element("span", { className: busy ? "under-way" : "" }, headline(type, summary, busy)),
    ),
    element("ol", { className: "tasks" }, ...tasks.map((/** @type {Task} */ task) => taskRow(task, view))),
  );
  if (before) details.dataset.byUser = "";
  return details;
}

/** @param {string} type @param {any} summary @param {boolean} busy @returns {string} */
function headline(type, summary, busy) {
  if (summary?.title) return summary.title;
  const reasoning = type === "reasoning";
  if (summary?.duration !== undefined) return `${reasoning ? "Thought" : "Worked"} for ${summary.duration} s`;
  if (busy) return reasoning ? "Thinking…" : "Working…";
  return reasoning ? "Thoughts" : "Steps";
}

/** @param {Task} task @param {View} view */
function taskRow(task, view) {
  const state = task.status_indicator ?? "none";
  return element("li", { className: "task-row", "data-status": state }, indicator(state, task), taskBody(task, view));
}

/** @param {string} state @param {Task} task */
function indicator(state, task) {
  if (state === "loading") return element("span", { className: "spinner", role: "img", "aria-label": "Under way" });
  if (state !== "complete") return icon(task.icon ?? ICONS[task.type] ?? "dot");
  const mark = icon("check");
  mark.setAttribute("role", "img");
  mark.removeAttribute("aria-hidden");
  mark.setAttribute("aria-label", "Complete");
  return mark;
}

/** @param {Task} task @param {View} view */
function taskBody(task, view) {
  const title = task.title ?? TITLES[task.type];
  const queries = (task.queries ?? []).map((/** @type {string} */ query) =>
    element("span", { className: "query" }, icon("search"), query),
  );
  return element(
    "div",
    { className: "task-body" },
    title && element("p", { className: "task-title" }, title, task.title_query && element("q", {}, task.title_query)),
    task.content && element("div", { className: "task-content" }, renderMarkdown(task.content)),
    queries.length > 0 && element("p", { className: "queries" }, ...queries),
    sourceList(task.sources ?? [], view),
  );
}

/**
 * A task outside any workflow, where its state is not shown.
 *
 * @param {Item} item @param {View} view
 */
export function loneTask({ task }, view) {
  return element("div", { className: "task-row" }, indicator("none", task), taskBody(task, view));
}

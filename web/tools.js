/**
 * The tools of this page, which an assistant may call: their names, and what they give back. Both clients have them.
 */

import { withErrorResults } from "./chatkit-aws.js";

/**
 * @typedef {Record<string, unknown>} Json
 * @typedef {(params: Json) => Json | Promise<Json>} Tool
 */

/** @type {Readonly<Record<string, Tool>>} */
export const TOOLS = {
  get_page_title: () => ({ title: document.title }),
};

/**
 * Runs the page's tools, as ChatKit's `onClientTool` is called. One that throws, and one that does not exist, gives
 * `{"error": message}`.
 *
 * @param {Readonly<Record<string, Tool>>} [tools]
 */
export function createToolRunner(tools = TOOLS) {
  return withErrorResults(({ name, params }) => {
    if (!Object.hasOwn(tools, name)) throw new Error(`This page has no tool ${name}.`);
    return tools[name](params);
  });
}

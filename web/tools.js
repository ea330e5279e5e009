/**
 * The tools of this page, which an assistant may call: their names, and what they give back. Both clients have them.
 */

/**
 * @typedef {Record<string, unknown>} Json
 * @typedef {(params: Json) => Json | Promise<Json>} Tool
 */

/** @type {Readonly<Record<string, Tool>>} */
export const TOOLS = {
  get_page_title: () => ({ title: document.title }),
};

/**
 * Runs a tool. One that throws, and one that does not exist, gives `{"error": message}`: ChatKit itself would post
 * nothing then, and the assistant would wait for ever.
 *
 * @param {string} name
 * @param {Json} params
 * @param {Readonly<Record<string, Tool>>} [tools]
 * @returns {Promise<Json>}
 */
export async function runTool(name, params, tools = TOOLS) {
  try {
    if (!Object.hasOwn(tools, name)) throw new Error(`This page has no tool ${name}.`);
    return await tools[name](params);
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * How each item of a thread is drawn: one renderer per item type, in one table. A new type is a new line of the table;
 * one that is not in it is shown as labelled JSON, so that nothing is hidden from whoever looks.
 */

import { jsonCard } from "./dom.js";
import { generatedImage } from "./items/generated-image.js";
import { assistantMessage, userMessage } from "./items/messages.js";
import { questions } from "./items/questions.js";
import { toolCall } from "./items/tool-call.js";
import { loneTask, workflow } from "./items/workflow.js";
import { widget } from "./widgets/render.js";

/**
 * @typedef {import("./fold.js").Item} Item
 *
 * @typedef {import("./entity-chip.js").EntityView & ItemView} View - what an item needs of the conversation that it
 *   stands in.
 * @typedef {object} ItemView
 * @property {readonly string[] | null | undefined} imageDomains - the hosts whose pictures are shown.
 * @property {(item: Item, action: import("./widgets/actions.js").ActionConfig) => Promise<void>} onAction
 * @property {(itemId: string, submission: import("./items/questions.js").Submission) => Promise<void>} onAnswer
 * @property {import("./items/attachments.js").FileView} files - where the files of messages are
 *
 * @typedef {(item: Item, view: View, previous: Element | null) => Node | null} Renderer - null draws nothing; `previous`
 *   is what the item was drawn as before.
 */

/** @type {Readonly<Record<string, Renderer>>} */
const RENDERERS = {
  user_message: userMessage,
  assistant_message: assistantMessage,
  client_tool_call: toolCall,
  generated_image: generatedImage,
  structured_input: questions,
  task: loneTask,
  widget,
  workflow,
  end_of_turn: () => null,
  // No backend sends these to a page. From one that did, they would still be none of the user's business.
  hidden_context_item: () => null,
  sdk_hidden_context: () => null,
};

/** @type {Renderer} */
export function renderItem(item, view, previous) {
  try {
    if (Object.hasOwn(RENDERERS, item.type)) return RENDERERS[item.type](item, view, previous);
  } catch (error) {
    // One that lacks what it needs must not take the others with it.
    console.warn(`An item of type ${item.type} could not be drawn:`, error);
  }
  return jsonCard(item.type, item);
}

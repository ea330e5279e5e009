/**
 * Tags in a text that is being written: what the user is about to tag, and what a text with tags is as a message. Pure.
 *
 * In the text a tag is `@` and the entity's title. Whoever changes these letters takes the tag away.
 */

/**
 * @typedef {import("@openai/chatkit").Entity} Entity
 * @typedef {import("@openai/chatkit").UserMessageContent} Content
 * @typedef {{ start: number, query: string }} Tagging - `start`: where its `@` stands.
 */

/** So many characters behind an `@` may still be the beginning of a tag. */
const QUERY_CHARACTERS = 60;

/**
 * What is being tagged where the caret stands; null where nothing is: there is no `@` before it on its line, or it belongs
 * to an e-mail address, or to a tag that is complete.
 *
 * @param {string} text
 * @param {number} caret
 * @param {readonly Entity[]} entities - those that are tagged already.
 * @returns {Tagging | null}
 */
export function taggingAt(text, caret, entities) {
  const start = text.slice(0, caret).lastIndexOf("@");
  if (start < 0 || /[\w.+-]$/.test(text.slice(0, start)) || entityAt(text, start, entities)) return null;
  const query = text.slice(start + 1, caret);
  return /^\s|\n/.test(query) || query.length > QUERY_CHARACTERS ? null : { start, query };
}

/**
 * A text as the content of a message. What stands between two tags is a part of its own.
 *
 * @param {string} text
 * @param {readonly Entity[]} entities - what the user has picked. Of two with the same title, the last one counts.
 * @returns {Content[]}
 */
export function contentOf(text, entities) {
  /** @type {Content[]} */
  const parts = [];
  let from = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    const entity = entityAt(text, at, entities);
    if (!entity) continue;
    if (at > from) parts.push({ type: "input_text", text: text.slice(from, at) });
    parts.push(tagOf(entity));
    from = at + 1 + entity.title.length;
  }
  if (from < text.length || parts.length === 0) parts.push({ type: "input_text", text: text.slice(from) });
  return parts;
}

/**
 * Those of the entities that a text still tags.
 *
 * @param {string} text
 * @param {readonly Entity[]} entities
 */
export function taggedIn(text, entities) {
  const ids = new Set(contentOf(text, entities).map((part) => (part.type === "input_tag" ? part.id : null)));
  return entities.filter(({ id }) => ids.has(id));
}

/**
 * The text without one of its tags: the title stays, as plain words.
 *
 * @param {string} text
 * @param {readonly Entity[]} entities
 * @param {Entity} untagged
 */
export function withoutTag(text, entities, untagged) {
  const written = (/** @type {Content} */ part) =>
    part.type === "input_tag" && part.id !== untagged.id ? `@${part.text}` : part.text;
  return contentOf(text, entities).map(written).join("");
}

/** The tag of a message as an entity, as ChatKit hands it to the page. @param {any} tag @returns {Entity} */
export function entityOf({ id, text, group, interactive, data }) {
  return { id, title: text, ...(group && { group }), interactive: interactive === true, data: data ?? {} };
}

/** @param {Entity} entity @returns {Content} */
function tagOf({ id, title, group, interactive = false, data = {} }) {
  return { type: "input_tag", id, text: title, data, interactive, ...(group && { group }) };
}

/**
 * The entity whose title stands behind the `@` at this place, the one with the longest title; "Ada" does not begin "Adam".
 *
 * @param {string} text @param {number} at @param {readonly Entity[]} entities
 */
function entityAt(text, at, entities) {
  const stands = (/** @type {Entity} */ { title }) =>
    text.startsWith(title, at + 1) && !/^[\p{L}\p{N}]/u.test(text.slice(at + 1 + title.length));
  return entities
    .filter(stands)
    .reduce(
      (/** @type {Entity | null} */ best, one) => (best && best.title.length > one.title.length ? best : one),
      null,
    );
}

/**
 * The ChatKit protocol over `fetch`: every request is one POST to one address, answered with JSON or with a stream.
 *
 * The headers are those of ChatKit.js: `accept: text/event-stream` on streaming requests only, and one
 * `chatkit-frame-instance-id` for as long as the client is mounted. Its six silent repetitions of a failed stream are
 * left out on purpose: whoever looks at a backend wants to see a failure.
 */

import { ApiError, refusalOf } from "./api.js";
import { createSseDecoder } from "./sse.js";
import { contentOf } from "./tags.js";

/** More than a backend has: ChatKit.js asks for this many, and the backend caps it. */
const EVERYTHING = 9999;

/**
 * @typedef {import("./fold.js").Json} Json
 * @typedef {import("./fold.js").Item} Item
 * @typedef {import("./fold.js").Thread} Thread
 * @typedef {{ kind: "request" | "response" | "event" | "page", type: string, body: any, offset: number }} Traffic -
 *   `offset` in ms since the request left; `page` is what the page did by itself.
 * @typedef {{ data: any[], has_more: boolean }} Page
 * @typedef {import("./uploads.js").Attachment} Attachment
 * @typedef {import("@openai/chatkit").Entity} Entity
 * @typedef {{ text: string, entities: readonly Entity[], attachments: readonly Attachment[] }} Message - as the user has
 *   written it; `entities` are what the text tags.
 */

/**
 * @param {object} options
 * @param {string} options.url
 * @param {typeof fetch} options.fetcher - adds the client token, and tells the backend of an abort that is a Stop.
 * @param {string} options.locale - sent as Accept-Language.
 * @param {(traffic: Traffic) => void} [options.observe] - sees every request, JSON answer and event.
 * @param {string} [options.frameId]
 */
export function createProtocol({ url, fetcher, locale, observe = () => {}, frameId = crypto.randomUUID() }) {
  /** What ChatKit.js adds to every request, those to S3 among them. @type {Readonly<Record<string, string>>} */
  const headers = { "Accept-Language": locale, "chatkit-frame-instance-id": frameId };

  /** @param {string} type @param {object} params @param {RequestInit} init @param {Record<string, string>} [more] */
  async function send(type, params, init, more = {}) {
    const body = { type, params };
    const began = performance.now();
    observe({ kind: "request", type, body, offset: 0 });
    const response = await fetcher(url, {
      ...init,
      method: "POST",
      headers: { "content-type": "application/json", ...headers, ...more },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw await refusalOf(response);
    return { response, elapsed: () => performance.now() - began };
  }

  /**
   * A request that is answered with JSON.
   *
   * @param {string} type
   * @param {object} params
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<any>} rejects with `ApiError` where the backend refuses.
   */
  async function call(type, params, { signal } = {}) {
    const { response, elapsed } = await send(type, params, { signal });
    const body = await response.json();
    observe({ kind: "response", type, body, offset: elapsed() });
    return body;
  }

  /**
   * A request that is answered with a stream: its events, as they come.
   *
   * @param {string} type
   * @param {object} params
   * @param {{ signal?: AbortSignal, left?: AbortSignal }} [options] - `signal` is the Stop button's; `left` ends the
   *   reading and lets the turn go on.
   * @returns {AsyncGenerator<Json>} throws `ApiError` where the backend refuses, and what `fetch` throws where the
   *   connection breaks.
   */
  async function* stream(type, params, { signal, left } = {}) {
    const { response, elapsed } = await send(type, params, { signal }, { accept: "text/event-stream" });
    const contentType = response.headers.get("content-type") ?? "";
    if (!contentType.startsWith("text/event-stream") || response.body === null) {
      throw new ApiError(
        response.status,
        `The backend answered with ${contentType || "nothing"} instead of a stream.`,
      );
    }
    const decode = createSseDecoder();
    const reader = response.body.getReader();
    const leave = () => void reader.cancel().catch(() => {}); // a stream that broke has nothing left to cancel
    if (left?.aborted) leave();
    left?.addEventListener("abort", leave);
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        for (const data of decode(read.value)) {
          const event = JSON.parse(data);
          observe({ kind: "event", type: event.type, body: event, offset: elapsed() });
          yield event;
        }
      }
    } finally {
      left?.removeEventListener("abort", leave);
      leave();
    }
  }

  /**
   * Walks a list as ChatKit.js does: `after` is the id of the last object that it holds, whatever the page says.
   *
   * @param {string} type
   * @param {object} params
   * @param {{ after?: string, signal?: AbortSignal }} options
   * @returns {AsyncGenerator<any[]>}
   */
  async function* walk(type, params, { after, signal }) {
    for (let more = true; more;) {
      /** @type {Page} */
      const page = await call(type, { ...params, limit: EVERYTHING, ...(after && { after }) }, { signal });
      if (page.has_more && page.data.length === 0) {
        throw new ApiError(
          200,
          `${type} gave an empty page and says that there is more: ChatKit would ask for ever.`,
        );
      }
      yield page.data;
      more = page.has_more;
      after = page.data.at(-1)?.id;
    }
  }

  /**
   * Every thread of the user, page by page, the newest first.
   *
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {AsyncGenerator<Thread[]>}
   */
  function listThreads({ signal } = {}) {
    return walk("threads.list", { order: "desc" }, { signal });
  }

  /**
   * A whole thread: its first items come with it, the others are walked.
   *
   * @param {string} threadId
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<{ thread: Thread, items: Item[] }>}
   */
  async function openThread(threadId, { signal } = {}) {
    const thread = await call("threads.get_by_id", { thread_id: threadId }, { signal });
    /** @type {Item[]} */
    const items = [...thread.items.data];
    const rest = walk("items.list", { thread_id: threadId, order: "asc" }, { after: items.at(-1)?.id, signal });
    for await (const page of rest) items.push(...page);
    return { thread, items };
  }

  return { headers, call, stream, listThreads, openThread };
}

/** @typedef {ReturnType<typeof createProtocol>} Protocol */

/**
 * A message as the composer sends it. Where files say it all, there is no text.
 *
 * @param {string} text
 * @param {readonly import("@openai/chatkit").Entity[]} [entities] - what the text tags.
 * @param {readonly string[]} [attachments] - their ids.
 */
export function messageInput(text, entities = [], attachments = []) {
  const content = text === "" ? [] : contentOf(text, entities);
  return { content, attachments, quoted_text: null, inference_options: {} };
}

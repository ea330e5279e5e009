/**
 * What a page adds to ChatKit.js for this backend: the client token, a Stop that reaches the server, and an answer that
 * goes on growing after a reload. It has no dependency; `docs/frontend.md` shows it in a page and in React.
 *
 *     const api = createChatKitApi({ url, domainKey, getToken });
 *     const entities = createEntities(api, { url: apiUrl });
 *     const onClientTool = withErrorResults(({ name, params }) => tools[name](params));
 *     chatkit.setOptions({ api, entities, onClientTool });
 */

/** A token is renewed this long before it expires, in ms: a request must arrive in time, and clocks differ. */
const TOKEN_MARGIN = 60_000;
const TOKEN_TIMEOUT = 30_000;

/** A stop is sent at most so often, after these pauses in ms, and waits so long for its answer. */
const STOP_PAUSES = [0, 500, 2000, 5000];
const STOP_TIMEOUT = 5000;

/** The backend searches for no longer text, in characters. A search or a preview that takes longer, in ms, is given up. */
const QUERY_LENGTH = 200;
const ENTITIES_TIMEOUT = 10_000;

/** ChatKit keeps a thread that it has read for 5 s: until then `fetchUpdates()` sends nothing. In ms. */
const KEPT = 5250;
/** After a hover over the history it is 30 s: a call that sent nothing is repeated so soon, in ms, and so often. */
const TRY_AGAIN = 1000;
const TRIES = 40;
/** The longest pause between two calls while the network fails, in ms. */
const LONGEST_PAUSE = 60_000;

/** ChatKit aborts its streams when the page is left, too. A `beforeunload` may come to nothing: it counts for 1 s. */
let isLeft = false;
let leavingUntil = 0;
if (typeof window !== "undefined") {
  addEventListener("beforeunload", () => (leavingUntil = Date.now() + 1000));
  addEventListener("pagehide", () => (isLeft = true));
  addEventListener("pageshow", () => (isLeft = false));
}

/** What sends a request with an API's token. @type {WeakMap<object, (url: string, init: RequestInit) => Promise<Response>>} */
const senders = new WeakMap();

/**
 * @typedef {EventTarget & { fetchUpdates(): unknown, isConnected?: boolean }} ChatElement - ChatKit's, or one like it.
 *
 * @typedef {object} Options
 * @property {string} url - the chat function, absolute or relative to the page.
 * @property {string} domainKey - ChatKit asks for one; any will do on localhost.
 * @property {(current: string | null) => string | Promise<string>} getToken - asks your server for a client token; it is
 *   given the one that is used up, or null.
 * @property {string} [apiUrl] - the api function, absolute or relative to the page: what this page asks of it through the
 *   `fetch` of the result carries the token, too.
 * @property {string} [refreshUrl] - the backend's `/api/chatkit/refresh`: a token is renewed there first, without your
 *   server; `getToken` is asked for the first, and where a session is over.
 * @property {import("@openai/chatkit").FileUploadStrategy} [uploadStrategy] - `two_phase` where it is left out.
 * @property {() => ChatElement | null} [element] - finds the element; the page's first `<openai-chatkit>` by default.
 * @property {typeof fetch} [fetch] - what sends the requests in the end.
 */

/**
 * The `api` option of ChatKit.js. Make it once for an element, not with every rendering: it holds the token, and knows the
 * streams.
 *
 * @param {Options} options
 * @returns {Required<import("@openai/chatkit").CustomApiConfig>}
 * @throws {TypeError} where an option is unknown, missing or of the wrong kind; the message names it.
 */
export function createChatKitApi(options) {
  check(options);
  const { url, apiUrl, domainKey, uploadStrategy = { type: "two_phase" } } = options;
  const send = options.fetch ?? ((input, init) => fetch(input, init));
  const token = createTokens(options.getToken, options.refreshUrl, send);
  const watcher = createWatcher(options.element ?? findElement);
  /** The stops that are under way, by thread. @type {Map<string, { hurry: () => void, done: Promise<void> }>} */
  const stops = new Map();

  /**
   * Sends with the token, and once more with a new one after a 401: nothing has been done then.
   *
   * @param {RequestInfo | URL} input @param {RequestInit} init
   * @param {AbortSignal | null} [wire] - ends the request itself; `init.signal` ends the waiting for a token.
   */
  async function authorized(input, init, wire = init.signal) {
    const isRequest = input instanceof Request;
    const attempt = (/** @type {string} */ bearer) => {
      const headers = new Headers(init.headers ?? (isRequest ? input.headers : undefined));
      headers.set("Authorization", `Bearer ${bearer}`);
      return send(isRequest ? input.clone() : input, { ...init, headers, signal: wire });
    };
    const bearer = await until(init.signal, token());
    const response = await attempt(bearer);
    if (response.status !== 401) return response;
    await response.body?.cancel();
    return attempt(await until(init.signal, token(bearer)));
  }

  /**
   * A streaming request. ChatKit aborts at its natural end, too, so that the end is followed; an abort before is the Stop
   * button, unless the page or the element goes.
   *
   * @param {RequestInfo | URL} input @param {RequestInit} init
   * @param {string} [threadId] - none for a request that creates a thread: the stream tells.
   */
  async function stream(input, init, threadId) {
    const { signal } = init;
    const stopping = threadId && stops.get(threadId);
    if (stopping) {
      stopping.hurry();
      await until(signal, stopping.done); // else it could meet the new turn
    }
    const wire = new AbortController();
    const idle = watcher.streams(threadId);
    /** @type {(threadId: string | null) => void} */
    let settle;
    /** The thread, once its turn has begun; null where the stream is over before. @type {Promise<string | null>} */
    const begun = new Promise((resolve) => (settle = resolve));

    /** @param {string} data @returns {boolean} whether the turn has begun: then its first event has come. */
    function onEvent(data) {
      if (threadId === undefined) {
        threadId = JSON.parse(data).thread?.id;
        if (threadId === undefined) return false;
        watcher.enter(threadId);
      }
      settle(threadId);
      return true;
    }
    function onAbort() {
      if (isLeft || Date.now() < leavingUntil || watcher.isGone()) wire.abort();
      else stop(begun, threadId, wire);
    }
    function onEnd() {
      signal?.removeEventListener("abort", onAbort);
      settle(null);
      idle();
    }
    function onCancel() {
      settle(null);
      idle();
      wire.abort();
    }

    signal?.addEventListener("abort", onAbort);
    const answer = authorized(input, init, wire.signal).then((response) => {
      if (response.ok && response.body) return followed(response, { signal, onEvent, onEnd, onCancel });
      onEnd(); // a refusal: its body needs nobody to look
      return response;
    });
    answer.catch(onEnd);
    return until(signal, answer);
  }

  /**
   * Stops a turn once it has begun, as a stop before that would be lost, and lets go of its stream.
   *
   * @param {Promise<string | null>} begun @param {string | undefined} threadId @param {AbortController} wire
   */
  function stop(begun, threadId, wire) {
    let hurry = () => {};
    const hurried = new Promise((resolve) => (hurry = () => resolve(true)));
    const done = begun.then(async (id) => {
      const posted = id !== null && postStop(id, hurried);
      wire.abort();
      await posted;
      stops.delete(id ?? "");
    });
    if (threadId) stops.set(threadId, { hurry, done });
  }

  /** Never rejects. @param {string} threadId @param {Promise<unknown>} hurried - ends the attempts. */
  async function postStop(threadId, hurried) {
    for (const pause of STOP_PAUSES) {
      if (pause > 0 && (await Promise.race([hurried, new Promise((resolve) => setTimeout(resolve, pause))]))) return;
      try {
        const { status } = await authorized(url, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ type: "threads.stop", params: { thread_id: threadId } }),
          keepalive: true, // the page may be closed next
          signal: AbortSignal.timeout(STOP_TIMEOUT),
        });
        if (status < 500 && status !== 429) return;
      } catch {
        // The network, or the token: the next attempt may do better.
      }
    }
  }

  /**
   * ChatKit puts files to S3 through `fetch`, too: a presigned address takes no token, and must not see one.
   *
   * @param {URL} target
   */
  function takesToken(target) {
    const resolved = (/** @type {string} */ address) => new URL(address, document.baseURI);
    if (uploadStrategy.type === "direct" && target.href === resolved(uploadStrategy.uploadUrl).href) return true;
    return [url, apiUrl].some((address) => address !== undefined && target.origin === resolved(address).origin);
  }

  const api = {
    url,
    domainKey,
    uploadStrategy,
    /** @type {typeof fetch} */
    async fetch(input, init = {}) {
      const target = new URL(input instanceof Request ? input.url : input, document.baseURI);
      if (!takesToken(target)) return send(input, init);
      watcher.look();
      const { type, params } = requestIn(init.body);
      if (new Headers(init.headers).get("accept") === "text/event-stream") {
        return stream(input, init, params?.thread_id);
      }
      const answer = authorized(input, init);
      if (type === "threads.get_by_id" || type === "items.list") watcher.reads(type, params.thread_id, answer);
      return answer;
    },
  };
  senders.set(api, authorized);
  return api;
}

/**
 * What ChatKit's `entities` option needs for `@`: a search of the assistant's directory, and previews. A search that fails
 * finds nothing, and the console says why.
 *
 * @param {object} api - what `createChatKitApi` gave: its token is used.
 * @param {object} options
 * @param {string} options.url - the api function (`ApiUrl`), absolute or relative to the page.
 * @param {string} [options.locale] - the user's language; the browser's own where it is left out.
 * @returns {Required<Pick<import("@openai/chatkit").EntitiesOption, "onTagSearch" | "onRequestPreview">>}
 * @throws {TypeError} where the first argument is no such API, or an option is of the wrong kind.
 */
export function createEntities(api, { url, locale }) {
  const send = senders.get(api);
  if (send === undefined) throw new TypeError("createEntities needs what createChatKitApi has given");
  if (!isWebAddress(url)) throw new TypeError(`createEntities: url must be ${OPTIONS.url[1]}`);
  const headers = locale ? { "Accept-Language": locale } : undefined;

  /** @param {string} path @returns {Promise<any>} null where there is nothing. */
  const get = async (path) => {
    const signal = AbortSignal.timeout(ENTITIES_TIMEOUT);
    try {
      const response = await send(`${url.replace(/\/$/, "")}/chatkit/entities${path}`, { headers, signal });
      if (response.ok) return await response.json();
      if (response.status !== 404) console.warn(`Entities: the backend answered HTTP ${response.status}.`);
    } catch (error) {
      console.warn("Entities: the backend could not be reached:", error);
    }
    return null;
  };

  return {
    async onTagSearch(query) {
      const wanted = query.trim();
      if (wanted.length > QUERY_LENGTH) return [];
      return (await get(`?q=${encodeURIComponent(wanted)}`))?.entities ?? [];
    },
    async onRequestPreview({ id }) {
      return { preview: (await get(`/${encodeURIComponent(id)}/preview`))?.preview ?? null };
    },
  };
}

/**
 * Wraps `onClientTool`: a handler that throws gives `{"error": message}`. ChatKit by itself would post nothing then, and
 * the assistant would wait.
 *
 * @template {{ name: string, params: Record<string, unknown> }} Call
 * @param {(call: Call) => Record<string, unknown> | Promise<Record<string, unknown>>} handler
 * @returns {(call: Call) => Promise<Record<string, unknown>>}
 */
export function withErrorResults(handler) {
  return async (call) => {
    try {
      return (await handler(call)) ?? {};
    } catch (error) {
      return { error: error instanceof Error ? error.message || error.name : String(error) };
    }
  };
}

/** @returns {any} */
const findElement = () => document.querySelector("openai-chatkit");

const isText = (/** @type {unknown} */ value) => typeof value === "string" && value !== "";
const isFunction = (/** @type {unknown} */ value) => typeof value === "function";
const isOptional = (/** @type {unknown} */ value) => value === undefined || isFunction(value);

const ADDRESS = "an http(s) address, absolute or relative to the page";

/** What each option must be. @type {Record<string, [(value: any) => boolean, string]>} */
const OPTIONS = {
  url: [isWebAddress, ADDRESS],
  apiUrl: [(value) => value === undefined || isWebAddress(value), ADDRESS],
  domainKey: [isText, "a text"],
  getToken: [isFunction, "a function"],
  refreshUrl: [(value) => value === undefined || isWebAddress(value), ADDRESS],
  uploadStrategy: [isStrategy, `{ type: "two_phase" }, or { type: "direct", uploadUrl } with ${ADDRESS}`],
  element: [isOptional, "a function"],
  fetch: [isOptional, "a function"],
};

/** @param {any} options */
function check(options) {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(OPTIONS, name)) throw new TypeError(`createChatKitApi has no option ${name}`);
  }
  for (const [name, [holds, kind]] of Object.entries(OPTIONS)) {
    if (!holds(options[name])) throw new TypeError(`createChatKitApi: ${name} must be ${kind}`);
  }
}

/** @param {unknown} url */
function isWebAddress(url) {
  try {
    // Where a server renders the page, there is no document.
    const { protocol } = new URL(String(url), globalThis.document?.baseURI ?? "https://localhost");
    return isText(url) && /^https?:$/.test(protocol);
  } catch {
    return false;
  }
}

/** @param {any} strategy */
function isStrategy(strategy) {
  if (strategy === undefined || strategy?.type === "two_phase") return true;
  return strategy?.type === "direct" && isWebAddress(strategy.uploadUrl);
}

/**
 * Holds one token. Callers that come while it is renewed share the renewal; one that was refused is not given again.
 *
 * @param {Options["getToken"]} getToken
 * @param {string | undefined} refreshUrl
 * @param {typeof fetch} send
 * @returns {(refused?: string) => Promise<string>}
 */
function createTokens(getToken, refreshUrl, send) {
  /** @type {{ token: string, renewAt: number } | null} */
  let held = null;
  /** @type {Promise<string> | null} */
  let renewal = null;

  /** The next token of the session; null where there is none: it is over, or the network fails. @param {string} current */
  async function refreshed(current) {
    if (refreshUrl === undefined) return null;
    try {
      const response = await send(refreshUrl, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ currentClientSecret: current }),
        signal: AbortSignal.timeout(TOKEN_TIMEOUT / 2),
      });
      return response.ok ? (await response.json()).client_secret : null;
    } catch {
      return null;
    }
  }

  async function renew() {
    const asked = (async () => (held && (await refreshed(held.token))) || getToken(held?.token ?? null))();
    const token = await until(AbortSignal.timeout(TOKEN_TIMEOUT), asked);
    if (!isText(token)) throw new TypeError("getToken gave no token");
    held = { token, renewAt: renewalOf(token) };
    return token;
  }

  return async (refused) => {
    if (held !== null && held.token !== refused && Date.now() < held.renewAt) return held.token;
    renewal ??= renew().finally(() => (renewal = null));
    return renewal;
  };
}

/**
 * When to renew a token, in ms since the epoch. One that names no end, or that by this page's clock has expired already,
 * is good until it is refused: in the second case the clock is wrong.
 *
 * @param {string} token
 */
function renewalOf(token) {
  try {
    const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    const left = claims.exp * 1000 - Date.now();
    return left > 0 ? Date.now() + left - Math.min(TOKEN_MARGIN, left / 2) : Infinity;
  } catch {
    return Infinity;
  }
}

/**
 * The same answer, and what becomes of it: its events, until `onEvent` says that it has seen enough, and its end. It is
 * read when ChatKit reads it; after an abort, which ChatKit sees at once, it is read on for as long as it comes.
 *
 * @param {Response} response
 * @param {{ signal: AbortSignal | null | undefined, onEvent: (data: string) => boolean, onEnd: () => void,
 *   onCancel: () => void }} options
 */
function followed(response, { signal, onEvent, onEnd, onCancel }) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const decoder = new TextDecoder();
  let text = "";
  let isEnough = false;

  /** @returns {Promise<Uint8Array | undefined>} */
  async function read() {
    try {
      const { done, value } = await reader.read();
      if (done) onEnd();
      if (done || isEnough) return value;
      const lines = (text + decoder.decode(value, { stream: true })).split("\n");
      text = lines.pop() ?? "";
      isEnough = lines.some((line) => line.startsWith("data:") && onEvent(line.slice("data:".length)));
      return value;
    } catch (error) {
      onEnd();
      throw error;
    }
  }
  async function readOn() {
    while (await read());
  }

  const body = new ReadableStream(
    {
      start(controller) {
        const leave = () => {
          controller.error(signal?.reason);
          readOn().catch(() => {});
        };
        if (signal?.aborted) leave();
        else signal?.addEventListener("abort", leave);
      },
      async pull(controller) {
        const value = await read();
        if (signal?.aborted) return;
        if (value) controller.enqueue(value);
        else controller.close();
      },
      cancel: onCancel,
    },
    { highWaterMark: 0 },
  );
  return new Response(body, response);
}

/**
 * Knows which thread is open and whether its turn runs on the server, and has the element fetch updates until it does not.
 * While a stream of the page's own runs, the element would wait; while the page is hidden, nobody looks.
 *
 * @param {() => ChatElement | null} find
 */
function createWatcher(find) {
  /** @type {Set<string>} */
  const running = new Set();
  /** Undefined until it is known; null is a new thread. @type {string | null | undefined} */
  let open;
  /** @type {ChatElement | null} */
  let element = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let streaming = 0;
  let tries = 0;
  let failures = 0;

  function isGone() {
    return element?.isConnected === false;
  }

  /** @param {number} pause */
  function plan(pause) {
    clearTimeout(timer);
    if (open && running.has(open) && streaming === 0 && !document.hidden) timer = setTimeout(call, pause);
  }

  async function call() {
    tries += 1;
    // The element has gone, or has sent nothing for longer than it keeps a thread.
    if (element === null || isGone() || find() !== element || tries > TRIES) return;
    plan(TRY_AGAIN);
    try {
      await element.fetchUpdates();
    } catch {
      // What it sends passes through `reads`, where a failure is seen.
    }
  }

  /** @param {string | null} threadId - the thread that is open now. */
  function enter(threadId) {
    if (threadId === open) return;
    open = threadId;
    tries = failures = 0;
    plan(TRY_AGAIN);
  }

  return {
    enter,
    isGone,

    /** Finds the element, and listens to it. */
    look() {
      const found = find();
      if (found === null || found === element) return;
      if (element === null) document.addEventListener("visibilitychange", () => plan(0));
      element = found;
      open = undefined;
      for (const name of ["chatkit.thread.change", "chatkit.thread.load.start"]) {
        found.addEventListener(name, (event) => {
          if (found === element) enter(/** @type {CustomEvent} */ (event).detail.threadId);
        });
      }
    },

    /** A stream begins; what is returned is to be called at its end. @param {string} [threadId] */
    streams(threadId) {
      if (threadId) enter(threadId);
      let runs = 1;
      streaming += 1;
      plan(TRY_AGAIN);
      return () => {
        streaming -= runs;
        runs = 0;
        plan(TRY_AGAIN);
      };
    },

    /**
     * A thread or its items are asked for. They may be another's than the open thread's: ChatKit reads ahead.
     *
     * @param {string} type @param {string} threadId @param {Promise<Response>} answer
     */
    async reads(type, threadId, answer) {
      if (open === undefined) open = threadId;
      if (threadId === open) {
        tries = 0;
        clearTimeout(timer);
      }
      const response = await answer.catch(() => null);
      const failed = response === null || response.status >= 500 || response.status === 429;
      if (response?.headers.get("chatkit-turn") === "running") running.add(threadId);
      // `items.list` comes second: the thread before it may have held half an answer.
      else if (!failed && type === "threads.get_by_id") running.delete(threadId);
      if (threadId !== open) return;
      failures = failed ? failures + 1 : 0;
      plan(Math.min(KEPT * 2 ** failures, LONGEST_PAUSE));
    },
  };
}

/** @param {unknown} body @returns {any} ChatKit's request; an empty one for an upload. */
function requestIn(body) {
  try {
    return typeof body === "string" ? JSON.parse(body) : {};
  } catch {
    return {};
  }
}

/**
 * Waits for the promise, but no longer than until the signal aborts.
 *
 * @template T
 * @param {AbortSignal | null | undefined} signal
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
async function until(signal, promise) {
  if (!signal) return promise;
  let leave = () => {};
  const aborted = new Promise((_, reject) => {
    leave = () => reject(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave);
  });
  return Promise.race([aborted, promise]).finally(() => signal.removeEventListener("abort", leave));
}

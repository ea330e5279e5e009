// The world around `web/chatkit-aws.js`: a network that answers as a test tells it to, a token route, an element, and
// deadlines that pass when a test says so. Evaluates to `window.world`.
async (options) => {
  const { createChatKitApi, createEntities, withErrorResults } = await import("/web/chatkit-aws.js");
  const ownUrl = new URL("/chatkit", location.origin).href;
  const world = {
    sent: [],
    signals: [],
    given: [],
    unhandled: [],
    deadlines: [],
    calls: 0,
    createEntities,
    withErrorResults,
    reply: () => Response.json({}),
    getToken: () => `token-${world.given.length + 1}`,
    onFetchUpdates: () => {},
  };
  addEventListener("unhandledrejection", (event) => world.unhandled.push(String(event.reason)));
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController();
    world.deadlines.push({ ms, pass: () => controller.abort(new DOMException("timed out", "TimeoutError")) });
    return controller.signal;
  };

  // Lets everything happen that needs no time: a message of a channel comes after all promises that are settled.
  world.settle = async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      await new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = resolve;
        port2.postMessage(null);
      });
    }
  };

  // A connection that a test writes to. `isCut`: this side has let go of it.
  world.connection = () => {
    let pipe;
    const body = new ReadableStream({
      start: (controller) => (pipe = controller),
      cancel: () => void (connection.isCut = true),
    });
    const connection = {
      isCut: false,
      write: (text) => pipe.enqueue(new TextEncoder().encode(text)),
      event: (event) => connection.write(`data: ${JSON.stringify(event)}\n\n`),
      end: () => pipe.close(),
      break: () => pipe.error(new TypeError("network error")),
      answer: ({ signal }) => {
        signal?.addEventListener("abort", () => {
          connection.isCut = true;
          try {
            pipe.error(signal.reason);
          } catch {
            // It had ended.
          }
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      },
    };
    return connection;
  };

  const network = async (input, init) => {
    const request = new Request(input, { ...init, signal: undefined });
    // Reading a request takes as long as it likes; what ChatKit sends is at hand.
    const text = typeof init?.body === "string" ? init.body : await request.clone().text();
    const { type, params } = text.startsWith("{") ? JSON.parse(text) : {};
    const { authorization, ...headers } = Object.fromEntries(request.headers);
    const { url, method, keepalive } = request;
    world.sent.push({ url, method, keepalive, authorization, headers, text, type, params });
    const signal = init?.signal;
    world.signals.push(signal);
    signal?.throwIfAborted();
    const refused = new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    return Promise.race([world.reply({ url, type, params, authorization, signal }), refused]);
  };

  world.element = new EventTarget();
  world.element.fetchUpdates = () => {
    world.calls += 1;
    return world.onFetchUpdates();
  };
  world.api = createChatKitApi({
    url: ownUrl,
    domainKey: "key",
    getToken: async (current) => {
      const token = await world.getToken(current);
      world.given.push(token);
      return token;
    },
    element: () => world.element,
    fetch: network,
    ...options,
  });

  // As ChatKit sends its requests.
  world.post = (type, params = {}, { streams = false, signal } = {}) =>
    world.api.fetch(ownUrl, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "chatkit-frame-instance-id": "frame",
        ...(streams ? { accept: "text/event-stream" } : {}),
      },
      body: JSON.stringify({ type, params }),
      signal,
    });
  // A streaming request that is read as ChatKit reads it, and its Stop button. `outcome`: how it went for ChatKit.
  world.chat = (type, params) => {
    const controller = new AbortController();
    const chat = { text: "", outcome: null, stop: () => controller.abort() };
    chat.done = (async () => {
      const response = await world.post(type, params, { streams: true, signal: controller.signal });
      chat.status = response.status;
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        chat.text += decoder.decode(read.value, { stream: true });
      }
      controller.abort(); // as ChatKit does at the natural end
    })().then(
      () => (chat.outcome = "end"),
      (error) => (chat.outcome = error.name),
    );
    return chat;
  };
  world.stops = () => world.sent.filter(({ type }) => type === "threads.stop");
  world.threadIs = (threadId, name = "chatkit.thread.change") =>
    world.element.dispatchEvent(new CustomEvent(name, { detail: { threadId } }));
  world.jwt = (claims) => {
    const part = (value) =>
      btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    return `${part({ alg: "HS256" })}.${part(claims)}.${btoa("signature")}`;
  };
  window.world = world;
}

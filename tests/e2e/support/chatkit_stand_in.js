// Stands in for OpenAI's script: an element that records its options, opens its thread as ChatKit does, and lets a test
// use the `fetch` that the page gave it, Stop included.
window.chatkitOptions = [];

customElements.define(
  "openai-chatkit",
  class extends HTMLElement {
    text = "";
    updates = 0;
    isReady = false;

    setOptions(options) {
      window.chatkitOptions.push(options);
      this.options = options;
      if (this.isConnected) this.begin();
    }

    connectedCallback() {
      if (this.options) this.begin();
    }

    begin() {
      if (this.shadowRoot) return;
      this.attachShadow({ mode: "open" }).textContent = "ChatKit's stand-in";
      addEventListener("pagehide", () => this.stop()); // ChatKit's streams are aborted when the page is left
      void this.load();
    }

    // A test that waits for `isReady` waits for this element's own requests: the page's last element made the same ones.
    async load() {
      if (this.options.api.getClientSecret) return void (this.isReady = true); // hosted: it would talk to OpenAI
      const listed = this.send("threads.list", { limit: 9999, order: "desc" });
      if (this.options.initialThread) await this.fetchUpdates();
      await listed;
      this.isReady = true;
    }

    async setThreadId(threadId) {
      this.dispatchEvent(new CustomEvent("chatkit.thread.change", { detail: { threadId } }));
    }

    // What `threads.get_by_id` and `items.list` hold is in `items`.
    async fetchUpdates() {
      this.updates += 1;
      const thread_id = this.options.initialThread;
      const thread = await (await this.send("threads.get_by_id", { thread_id })).json();
      const rest = await (await this.send("items.list", { thread_id, limit: 9999, order: "asc" })).json();
      this.items = [...(thread.items?.data ?? []), ...rest.data];
    }

    // A stream, which `stop` ends; what has come of it is in `text`.
    async ask(type, params) {
      this.running = new AbortController();
      const response = await this.send(type, params, { accept: "text/event-stream" }, this.running.signal);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let read = await reader.read(); !read.done; read = await reader.read()) this.text += read.value;
      this.stop(); // as ChatKit does at the natural end
    }

    stop() {
      this.running?.abort();
    }

    send(type, params, headers = {}, signal = new AbortController().signal) {
      const { url, fetch } = this.options.api;
      const own = { "content-type": "application/json", "chatkit-frame-instance-id": "stand-in" };
      const body = JSON.stringify({ type, params });
      return fetch(url, { method: "POST", headers: { ...own, ...headers }, signal, body });
    }
  },
);

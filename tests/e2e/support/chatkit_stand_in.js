// Stands in for OpenAI's script: an element that records its options, opens its thread as ChatKit does, and lets a test
// use the `fetch` that the page gave it.
window.chatkitOptions = [];

customElements.define(
  "openai-chatkit",
  class extends HTMLElement {
    setOptions(options) {
      window.chatkitOptions.push(options);
      this.options = options;
    }

    connectedCallback() {
      this.attachShadow({ mode: "open" }).textContent = "ChatKit's stand-in";
      void this.send("threads.list", { limit: 9999, order: "desc" });
    }

    async setThreadId(threadId) {
      this.dispatchEvent(new CustomEvent("chatkit.thread.change", { detail: { threadId } }));
    }

    send(type, params) {
      const { url, fetch } = this.options.api;
      const headers = { "content-type": "application/json", "chatkit-frame-instance-id": "stand-in" };
      const { signal } = new AbortController();
      return fetch(url, { method: "POST", headers, signal, body: JSON.stringify({ type, params }) });
    }
  },
);

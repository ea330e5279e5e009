/**
 * Server-sent events, as bytes come in: no I/O, no knowledge of ChatKit.
 *
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 * Lines end in CRLF, LF or CR and in nothing else: U+2028 is text. An event ends at a blank line; one that the stream
 * leaves unfinished is dropped.
 */

/**
 * Begins a stream. The function that it returns takes the next bytes, cut anywhere, and gives the `data` of every event
 * that they complete, in order. Comments and the fields `event`, `id` and `retry` are passed over.
 *
 * @returns {(bytes: Uint8Array) => string[]}
 */
export function createSseDecoder() {
  const utf8 = new TextDecoder();
  let rest = "";
  let searched = 0;
  let afterCarriageReturn = false;
  /** @type {string[]} */
  let data = [];

  /** @param {string} line @param {string[]} events */
  function readLine(line, events) {
    if (line === "") {
      if (data.length > 0) events.push(data.join("\n"));
      data = [];
    } else if (line === "data" || line.startsWith("data:")) {
      const value = line.slice("data:".length);
      data.push(value.startsWith(" ") ? value.slice(1) : value);
    }
  }

  return (bytes) => {
    /** @type {string[]} */
    const events = [];
    let text = utf8.decode(bytes, { stream: true });
    if (text === "") return events;
    // A CR ends its line at once; the LF of a CRLF that was cut in two must not end another.
    if (afterCarriageReturn && text.startsWith("\n")) text = text.slice(1);
    afterCarriageReturn = text === "" ? false : text.endsWith("\r");
    rest += text;

    let start = 0;
    const lineEnd = /\r\n|\n|\r/g;
    lineEnd.lastIndex = searched;
    for (let end = lineEnd.exec(rest); end !== null; end = lineEnd.exec(rest)) {
      readLine(rest.slice(start, end.index), events);
      start = lineEnd.lastIndex;
    }
    rest = rest.slice(start);
    searched = rest.length;
    return events;
  };
}

/**
 * How a file gets to the backend: in two phases, announced to the backend and put to S3, or directly, in a request to the
 * api function. Which one, the `uploadStrategy` says, as it says it to ChatKit.
 */

import { ApiError, failureOf, refusalOf } from "./api.js";

/**
 * @typedef {import("./fold.js").Failure} Failure
 * @typedef {{ url: string, method: string, headers: Record<string, string> }} UploadDescriptor
 *
 * @typedef {object} Attachment
 * @property {string} id
 * @property {"file" | "image"} type
 * @property {string} name
 * @property {string} mime_type
 * @property {string} [preview_url] - of an image; `lazy` where it is to be asked for.
 * @property {UploadDescriptor | null} [upload_descriptor]
 * @property {HTMLElement} [picture] - what the page shows of one that it has sent itself,
 * @property {number} [size] - and how many bytes that has.
 *
 * @typedef {object} Sending
 * @property {AbortSignal} signal - the user has thought better of it.
 * @property {(part: number | null) => void} onProgress - how much has been sent, from 0 to 1; null where nobody knows.
 */

/** S3 did not take a file. A new announcement gives a new address, which it may take. */
class StorageError extends Error {}

/**
 * @param {object} options
 * @param {import("./protocol.js").Protocol} options.protocol
 * @param {typeof fetch} options.fetcher - adds the client token.
 * @param {import("@openai/chatkit").FileUploadStrategy} options.strategy
 * @param {(type: string, body: unknown) => void} options.note - what is sent past the protocol.
 */
export function createUploads({ protocol, fetcher, strategy, note }) {
  /** @param {File} file - of the type that it is announced as. @param {Sending} sending @returns {Promise<Attachment>} */
  async function inTwoPhases(file, { signal, onProgress }) {
    const { name, size, type: mime_type } = file;
    // An announcement is waited for, whatever happens: what has been announced can be deleted.
    const { upload_descriptor, ...attachment } = await protocol.call("attachments.create", { name, size, mime_type });
    try {
      signal.throwIfAborted();
      if (!upload_descriptor) throw new StorageError("The backend gave no address for the file.");
      note(`upload (${upload_descriptor.method})`, { ...upload_descriptor, size });
      await put(file, upload_descriptor, protocol.headers, { signal, onProgress });
      signal.throwIfAborted();
    } catch (error) {
      void discard(attachment.id);
      throw error;
    }
    return attachment;
  }

  /** @param {string} url @param {File} file @param {Sending} sending @returns {Promise<Attachment>} */
  async function directly(url, file, { signal, onProgress }) {
    const body = new FormData();
    body.append("file", file, file.name);
    onProgress(null);
    note("upload (POST)", { url, name: file.name, size: file.size });
    const response = await fetcher(url, { method: "POST", headers: protocol.headers, body, signal });
    if (!response.ok) throw await refusalOf(response);
    return response.json();
  }

  /** Deletes an attachment that no message holds. The backend sweeps what this cannot reach. @param {string} id */
  async function discard(id) {
    await protocol.call("attachments.delete", { attachment_id: id }).catch(() => {});
  }

  return {
    /**
     * @param {File} file
     * @param {string} mimeType - what it is announced as.
     * @param {Sending} sending
     * @returns {Promise<Attachment>} rejects with what `uploadFailure` can read.
     */
    upload(file, mimeType, sending) {
      const typed = file.type === mimeType ? file : new File([file], file.name, { type: mimeType });
      return strategy.type === "direct" ? directly(strategy.uploadUrl, typed, sending) : inTwoPhases(typed, sending);
    },
    discard,
  };
}

/** @typedef {ReturnType<typeof createUploads>} Uploads */

/**
 * What the user is told of an upload that failed, and whether another attempt may help.
 *
 * @param {unknown} error
 * @returns {Failure}
 */
export function uploadFailure(error) {
  if (error instanceof StorageError) return { message: error.message, allowRetry: true };
  const failure = failureOf(error);
  return error instanceof ApiError && error.status === 429 ? { ...failure, allowRetry: true } : failure;
}

/**
 * Sends a file's bytes. `fetch` would not tell how many of them have been sent.
 *
 * @param {File} file
 * @param {UploadDescriptor} descriptor - the headers are part of what was signed.
 * @param {Record<string, string>} headers - which ChatKit adds.
 * @param {Sending} sending
 * @returns {Promise<void>}
 */
function put(file, descriptor, headers, { signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    request.open(descriptor.method, descriptor.url);
    for (const [name, value] of Object.entries({ ...headers, ...descriptor.headers })) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : null);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new StorageError(`The storage did not take the file (HTTP ${request.status}).`));
    };
    request.onerror = () => reject(new StorageError("The connection broke while the file was sent."));
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener("abort", abort);
    onProgress(0);
    request.send(file);
  });
}

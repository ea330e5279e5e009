/** Where the files of messages are: their previews, and where they are downloaded from. All of these addresses expire. */

import { ApiError, refusalOf } from "./api.js";
import { element } from "./dom.js";

/**
 * @typedef {import("./uploads.js").Attachment} Attachment
 */

/** In place of an address: it is to be asked for. */
const LAZY = "lazy";

/**
 * @param {object} options
 * @param {import("./protocol.js").Protocol} options.protocol
 * @param {typeof fetch} options.fetcher - adds the client token.
 * @param {string} options.apiUrl
 * @returns {import("./items/attachments.js").FileView}
 */
export function createAttachmentLinks({ protocol, fetcher, apiUrl }) {
  /** What was asked for, by attachment: newer than what stands in the message. @type {Map<string, string>} */
  const renewed = new Map();

  return {
    previewUrl({ id, preview_url }) {
      return renewed.get(id) ?? webAddress(preview_url);
    },

    async newPreviewUrl({ id }) {
      const { preview_url } = await protocol.call("attachments.get_preview", { attachment_id: id });
      const url = webAddress(preview_url);
      if (url !== null) renewed.set(id, url);
      return url;
    },

    async onDownload({ id }) {
      const response = await fetcher(`${apiUrl}/chatkit/attachments/${encodeURIComponent(id)}`, {
        headers: protocol.headers,
      });
      if (!response.ok) throw await refusalOf(response);
      const url = webAddress((await response.json()).url);
      if (url === null) throw new ApiError(response.status, "The backend gave no address for the file.");
      // It is served as a file to be saved: this page stays where it is.
      element("a", { href: url, rel: "noreferrer", download: "" }).click();
    },
  };
}

/** @param {unknown} address @returns {string | null} */
function webAddress(address) {
  if (typeof address !== "string" || address === LAZY || !URL.canParse(address)) return null;
  return /^https?:$/.test(new URL(address).protocol) ? address : null;
}

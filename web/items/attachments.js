/** The files of a message: pictures are shown, and each file can be got with a click. */

import { failureOf } from "../api.js";
import { element } from "../dom.js";
import { kindOf, shownName } from "../file-text.js";
import { icon } from "../icons.js";

/**
 * @typedef {import("../uploads.js").Attachment} Attachment
 *
 * @typedef {object} FileView - what the files of messages need.
 * @property {(attachment: Attachment) => string | null} previewUrl - where a picture's preview is, as far as it is known.
 * @property {(attachment: Attachment) => Promise<string | null>} newPreviewUrl - where it is, as the backend says it now.
 * @property {(attachment: Attachment) => Promise<void>} onDownload
 */

/**
 * @param {readonly Attachment[]} attachments
 * @param {FileView | null} view - null for a message that is under way: the backend may not have its files yet.
 */
export function attachmentList(attachments, view) {
  const items = attachments.map((attachment) => {
    const name = shownName(attachment.name);
    const isPicture = attachment.type === "image";
    const parts = [
      attachment.picture ?? (isPicture && view ? preview(attachment, view) : sign(attachment.mime_type)),
      element("span", { className: "name" }, element("bdi", {}, name)),
      element("span", { className: "more" }, kindOf(attachment.mime_type)),
    ];
    const className = isPicture ? "file with-picture" : "file";
    if (view === null) return element("li", {}, element("div", { className, title: name }, ...parts));
    return element("li", {}, downloadButton(attachment, view, { className, title: name }, parts));
  });
  return element("ul", { className: "files", "aria-label": "Files of this message" }, ...items);
}

/** @param {Attachment} attachment @param {FileView} view @param {object} properties @param {(Node | string)[]} parts */
function downloadButton(attachment, view, properties, parts) {
  const link = element(
    "button",
    { type: "button", "aria-label": `Download ${shownName(attachment.name)}`, onclick, ...properties },
    ...parts,
  );
  async function onclick() {
    if (link.ariaBusy === "true") return;
    link.ariaBusy = "true";
    link.parentElement?.querySelector(".failed")?.remove();
    try {
      await view.onDownload(attachment);
    } catch (error) {
      link.after(element("p", { className: "failed", role: "alert" }, failureOf(error).message));
    } finally {
      link.ariaBusy = null;
    }
  }
  return link;
}

/**
 * A picture's preview. An address that has expired, and one that is not known yet, is asked for: once, as a second one
 * would be no better.
 *
 * @param {Attachment} attachment
 * @param {FileView} view
 */
function preview(attachment, view) {
  const frame = element("span", { className: "picture" });
  const image = element("img", { alt: "", referrerPolicy: "no-referrer", onerror: () => void renew() });
  let isNew = false;

  async function renew() {
    const url = isNew ? null : await view.newPreviewUrl(attachment).catch(() => null);
    isNew = true;
    if (url === null) frame.replaceChildren(...sign(attachment.mime_type).childNodes);
    else image.src = url;
  }

  const url = view.previewUrl(attachment);
  if (url === null) void renew();
  else image.src = url;
  frame.append(image);
  return frame;
}

/**
 * What stands for a file that is not shown.
 *
 * @param {string} mimeType
 */
export function sign(mimeType) {
  return element("span", { className: "sign" }, icon(mimeType.startsWith("image/") ? "images" : "document"));
}

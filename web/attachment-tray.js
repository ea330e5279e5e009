/** The files of the message that is being written: each is uploaded as soon as it is added, and can be taken back. */

import { mostFiles, announcedType, refusalOfFile } from "./attachment-limits.js";
import { button, element } from "./dom.js";
import { kindOf, shownName, sizeText } from "./file-text.js";
import { sign } from "./items/attachments.js";
import { uploadFailure } from "./uploads.js";

/**
 * @typedef {import("./uploads.js").Attachment} Attachment
 *
 * @typedef {object} Entry
 * @property {string} name - as it is shown.
 * @property {HTMLElement} picture
 * @property {HTMLElement} node
 * @property {HTMLElement} line - says how it stands.
 * @property {Attachment | null} attachment - null until it is uploaded.
 * @property {boolean} failed
 * @property {AbortController} sending
 */

/** So much of a name stands in a sentence, in characters. */
const NAME_IN_SENTENCE = 60;

/**
 * @param {object} options
 * @param {import("./uploads.js").Uploads} options.uploads
 * @param {import("./attachment-limits.js").AttachmentOptions} options.limits
 * @param {string} options.locale
 * @param {() => void} options.onChange - a file was added, has gone, has been uploaded or has failed.
 * @param {() => void} options.onEmpty - the last file was removed: the focus is to lie elsewhere.
 */
export function createAttachmentTray({ uploads, limits, locale, onChange, onEmpty }) {
  const list = element("ul", { className: "attachments", "aria-label": "Attached files", hidden: true });
  const refusals = element("div", { className: "refusals", "aria-live": "assertive" });
  const said = element("p", { className: "unseen", role: "status" });
  const root = element("div", { className: "tray" }, refusals, list, said);
  /** @type {Entry[]} */
  let entries = [];

  /** @param {Entry[]} next */
  function change(next) {
    entries = next;
    list.hidden = entries.length === 0;
    onChange();
  }

  /**
   * Adds what may be added, and says what may not.
   *
   * @param {readonly File[]} files
   */
  function add(files) {
    const most = mostFiles(limits);
    /** @type {string[]} */
    const refused = [];
    /** @type {File[]} */
    const taken = [];
    for (const file of files) {
      const reason = refusalOfFile(file, limits, locale);
      if (reason !== null) refused.push(`${inSentence(file.name)}: ${reason}`);
      else if (entries.length + taken.length >= most) {
        refused.push(`A message can have at most ${most} files.`);
        break;
      } else taken.push(file);
    }
    refusals.replaceChildren(...refused.map((text) => element("p", {}, text)));
    for (const file of taken) addFile(file);
  }

  /** @param {File} file */
  function addFile(file) {
    const mimeType = announcedType(file, limits);
    const entry = createEntry(file.name, mimeType, pictureOf(file, mimeType), file.size);
    change([...entries, entry]);
    void send(entry, file, mimeType);
  }

  /** @param {Entry} entry @param {File} file @param {string} mimeType */
  async function send(entry, file, mimeType) {
    const bar = element("progress", { max: 1, "aria-label": `Uploading ${entry.name}` });
    const { signal } = (entry.sending = new AbortController());
    entry.failed = false;
    entry.node.dataset.state = "uploading";
    entry.line.replaceChildren(bar);
    onChange();
    try {
      const attachment = await uploads.upload(file, mimeType, {
        signal,
        onProgress: (part) => (part === null ? bar.removeAttribute("value") : (bar.value = part)),
      });
      if (signal.aborted) return void uploads.discard(attachment.id);
      uploaded(entry, { ...attachment, picture: entry.picture, size: file.size });
      said.textContent = `${entry.name} is uploaded.`;
    } catch (error) {
      if (signal.aborted) return;
      const { message, allowRetry } = uploadFailure(error);
      const retry = () => {
        removeButton(entry)?.focus();
        void send(entry, file, mimeType);
      };
      entry.failed = true;
      entry.node.dataset.state = "failed";
      entry.line.replaceChildren(
        element("span", { role: "alert" }, message),
        ...(allowRetry ? [button("Retry", retry, { "aria-label": `Retry ${entry.name}` })] : []),
      );
    }
    onChange();
  }

  /** @param {Entry} entry @param {Attachment} attachment */
  function uploaded(entry, attachment) {
    entry.attachment = attachment;
    entry.node.dataset.state = "uploaded";
    entry.line.replaceChildren();
  }

  /** @param {Entry} entry */
  function remove(entry) {
    const index = entries.indexOf(entry);
    entry.sending.abort();
    if (entry.attachment !== null) void uploads.discard(entry.attachment.id);
    entry.node.remove();
    refusals.replaceChildren();
    said.textContent = `${entry.name} is removed.`;
    change(entries.filter((other) => other !== entry));
    const next = entries[Math.min(index, entries.length - 1)];
    if (next) removeButton(next)?.focus();
    else onEmpty();
  }

  /** @param {string} name @param {string} mimeType @param {HTMLElement} picture @param {number} [size] @returns {Entry} */
  function createEntry(name, mimeType, picture, size) {
    const line = element("div", { className: "line" });
    const shown = shownName(name);
    const node = element(
      "li",
      {},
      picture,
      element("span", { className: "name", title: shown }, element("bdi", {}, shown)),
      element("span", { className: "more" }, ...aboutFile(mimeType, size)),
      line,
    );
    /** @type {Entry} */
    const entry = {
      name: inSentence(name),
      picture,
      node,
      line,
      attachment: null,
      failed: false,
      sending: new AbortController(),
    };
    node.append(button("✕", () => remove(entry), { className: "icon", "aria-label": `Remove ${entry.name}` }));
    list.append(node);
    return entry;
  }

  /** @param {string} mimeType @param {number} [size] */
  function aboutFile(mimeType, size) {
    return size ? [`${kindOf(mimeType)} · `, element("bdi", {}, sizeText(size, locale))] : [kindOf(mimeType)];
  }

  return {
    root,
    add,
    /** How many files there are. */
    get count() {
      return entries.length;
    },
    /** What keeps the message from being sent. @returns {"uploading" | "failed" | null} */
    get obstacle() {
      if (entries.some(({ failed }) => failed)) return "failed";
      return entries.some(({ attachment }) => attachment === null) ? "uploading" : null;
    },
    /** Hands over what has been uploaded, to be sent. @returns {Attachment[]} */
    take() {
      const taken = entries.flatMap(({ attachment }) => attachment ?? []);
      list.replaceChildren();
      refusals.replaceChildren();
      change([]);
      return taken;
    },
    /** Takes back the attachments of a message that could not be sent. @param {readonly Attachment[]} attachments */
    restore(attachments) {
      const given = attachments.map((attachment) => {
        const { name, mime_type, size, picture = sign(mime_type) } = attachment;
        const entry = createEntry(name, mime_type, picture, size);
        uploaded(entry, { ...attachment, picture });
        return entry;
      });
      change([...entries, ...given]);
    },
    /** Nothing of it will be sent: whoever wrote the message leaves. */
    leave() {
      for (const { sending, attachment } of entries) {
        sending.abort();
        if (attachment !== null) void uploads.discard(attachment.id);
      }
    },
  };
}

/** @typedef {ReturnType<typeof createAttachmentTray>} AttachmentTray */

/** @param {Entry} entry @returns {HTMLElement | null} */
function removeButton({ node }) {
  return node.querySelector(":scope > button");
}

/** @param {string} name */
function inSentence(name) {
  const characters = [...shownName(name)];
  if (characters.length <= NAME_IN_SENTENCE) return characters.join("");
  const half = NAME_IN_SENTENCE / 2;
  return [...characters.slice(0, half), "…", ...characters.slice(-half)].join("");
}

/**
 * A picture as the page has it, or what stands for a file. The address of its bytes is given back once they are shown.
 *
 * @param {File} file
 * @param {string} mimeType
 * @returns {HTMLElement}
 */
function pictureOf(file, mimeType) {
  if (!mimeType.startsWith("image/")) return sign(mimeType);
  const src = URL.createObjectURL(file);
  const frame = element("span", { className: "picture" });
  const onload = () => URL.revokeObjectURL(src);
  const onerror = () => {
    URL.revokeObjectURL(src);
    frame.replaceChildren(...sign(mimeType).childNodes);
  };
  frame.append(element("img", { alt: "", src, onload, onerror }));
  return frame;
}

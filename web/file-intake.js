/** How files come into the page: chosen, dropped, pasted. What becomes of them is decided by whoever asked for them. */

import { button, element } from "./dom.js";

/**
 * @param {object} options
 * @param {HTMLElement} options.zone - where files may be dropped.
 * @param {HTMLElement} options.field - where the user writes, and pastes.
 * @param {string} options.accept - for the file picker: media types and extensions.
 * @param {() => boolean} options.mayTake
 * @param {(files: File[]) => void} options.onFiles
 * @returns {{ picker: HTMLButtonElement, parts: HTMLElement[] }} the button that opens the file picker, and what belongs
 *   into the page beside it.
 */
export function createFileIntake({ zone, field, accept, mayTake, onFiles }) {
  const input = element("input", {
    type: "file",
    multiple: true,
    accept,
    hidden: true,
    onchange() {
      onFiles([...(input.files ?? [])]);
      input.value = ""; // so that the same file can be chosen again
    },
  });
  const picker = button("Attach", () => input.click(), { "aria-label": "Attach files", title: "Attach files" });
  const sign = element(
    "div",
    { className: "drop-sign", hidden: true },
    element("p", {}, "Drop files to attach them"),
  );

  /** @param {DragEvent} event */
  function onDrag(event) {
    const { dataTransfer } = event;
    if (!dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // else the browser would open the file, and leave the page
    dataTransfer.dropEffect = mayTake() ? "copy" : "none";
    sign.hidden = !mayTake();
  }

  zone.addEventListener("dragenter", onDrag);
  zone.addEventListener("dragover", onDrag);
  zone.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node && zone.contains(relatedTarget))) sign.hidden = true;
  });
  zone.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    sign.hidden = true;
    if (mayTake()) onFiles(filesIn(event.dataTransfer));
  });
  field.addEventListener("paste", (event) => {
    const { clipboardData } = event;
    // What was copied from a document comes as text and as a picture of it: the text is meant.
    if (!clipboardData || clipboardData.types.includes("text/plain")) return;
    const files = filesIn(clipboardData);
    if (files.length === 0 || !mayTake()) return;
    event.preventDefault();
    onFiles(files);
  });

  return { picker, parts: [input, sign] };
}

/** @param {DataTransfer} transfer @returns {File[]} without folders, which cannot be read as files. */
function filesIn(transfer) {
  return [...transfer.items]
    .filter((item) => item.kind === "file" && !item.webkitGetAsEntry()?.isDirectory)
    .flatMap((item) => item.getAsFile() ?? []);
}

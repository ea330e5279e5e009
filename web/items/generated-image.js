/** A picture that an assistant has made or is making. */

import { element } from "../dom.js";
import { picture } from "../images.js";

/** @param {import("../fold.js").Item} item @param {import("../renderers.js").View} view */
export function generatedImage({ image, progress }, view) {
  const making = typeof progress === "number" || !image;
  const label = "How far the picture is";
  return element(
    "figure",
    { className: "generated-image" },
    image ? picture(image.url, view.imageDomains, "Generated picture") : element("div", { className: "no-picture" }),
    making && element("progress", { max: 1, "aria-label": label, ...(progress != null && { value: progress }) }),
  );
}

/** A call of one of this page's tools, which ChatKit does not show: what was asked, and what came back. */

import { element, jsonBlock } from "../dom.js";
import { icon } from "../icons.js";

/** @param {import("../fold.js").Item} item */
export function toolCall(item) {
  const pending = item.status === "pending";
  return element(
    "details",
    { className: "card tool-call" },
    element(
      "summary",
      {},
      icon("settings-slider"),
      element("code", {}, item.name),
      element("span", { className: "more" }, pending ? "has not been answered" : "was run by this page"),
    ),
    element("p", { className: "more" }, "Arguments"),
    jsonBlock(item.arguments),
    !pending && element("p", { className: "more" }, "Output"),
    !pending && jsonBlock(item.output ?? null),
  );
}

/**
 * A structured input: the assistant's questions as a form, and the answers once they are given. A choice may always be
 * answered in the user's own words, too.
 */

import { button, element } from "../dom.js";

/**
 * @typedef {import("../fold.js").Item} Item
 * @typedef {import("../renderers.js").View} View
 * @typedef {{ id: string, type: string, question: string, [field: string]: any }} Question
 * @typedef {{ status: "answered" | "skipped", answers: Record<string, { values: string[], skipped: boolean }> }} Submission
 */

/** @param {Item} item @param {View} view */
export function questions(item, view) {
  return item.status === "pending" ? askedForm(item, view) : answers(item);
}

/** @param {Item} item @param {View} view */
function askedForm(item, view) {
  const fields = item.inputs.map((/** @type {Question} */ question) => field(item.id, question));
  const form = element(
    "form",
    {
      className: "card questions",
      "aria-label": "Questions",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        submit({ status: "answered", answers: answersIn(form, item.inputs) });
      },
    },
    ...fields,
    element(
      "div",
      { className: "buttons" },
      button("Skip", () => submit({ status: "skipped", answers: {} }), { className: "quiet" }),
      element("button", { type: "submit", className: "primary" }, "Answer"),
    ),
  );

  /** @param {Submission} submission */
  async function submit(submission) {
    if (form.inert) return;
    form.inert = true;
    await view.onAnswer(item.id, submission);
    // Where the backend has refused it, the user may try again; else the answers have taken the form's place.
    form.inert = false;
  }

  return form;
}

/** @param {string} itemId @param {Question} question */
function field(itemId, question) {
  const name = `${itemId} ${question.id}`;
  if (question.type === "freeform") {
    return element(
      "label",
      { className: "question" },
      element("span", { className: "asked" }, question.question),
      question.description && element("span", { className: "more" }, question.description),
      element("textarea", { rows: 2, name: question.id, "data-own": "" }),
    );
  }
  const type = question.multiple ? "checkbox" : "radio";
  const own = element("input", {
    type: "text",
    placeholder: "Something else",
    "aria-label": `Something else: ${question.question}`,
    "data-own": "",
    // Who writes an answer of their own has not chosen one of the others.
    oninput() {
      if (type === "radio" && own.value !== "") for (const input of inputs) input.checked = false;
    },
  });
  const onchange = () => {
    if (type === "radio") own.value = "";
  };
  /** @type {HTMLInputElement[]} */
  const inputs = question.options.map((/** @type {{ value: string }} */ { value }) =>
    element("input", { type, name, value, onchange }),
  );
  return element(
    "fieldset",
    { className: "question", "data-question": question.id },
    element("legend", { className: "asked" }, question.question),
    question.multiple && element("p", { className: "more" }, "More than one is fine."),
    ...inputs.map((input) => element("label", { className: "choice" }, input, input.value)),
    own,
  );
}

/** @param {HTMLFormElement} form @param {readonly Question[]} asked @returns {Submission["answers"]} */
function answersIn(form, asked) {
  const found = asked.map(({ id }, index) => {
    const inputs = [
      .../** @type {NodeListOf<HTMLInputElement>} */ (form.children[index].querySelectorAll("input, textarea")),
    ];
    const given = inputs.map((input) =>
      "own" in input.dataset ? input.value.trim() : input.checked ? input.value : "",
    );
    const values = given.filter((value) => value !== "");
    return [id, { values, skipped: values.length === 0 }];
  });
  return Object.fromEntries(found);
}

/** @param {Item} item */
function answers(item) {
  const rows = item.inputs.map((/** @type {Question} */ { question, answer }) => {
    const values = answer?.values ?? [];
    const given = values.length > 0 ? values.join(", ") : element("span", { className: "more" }, "Skipped");
    return element("div", {}, element("dt", {}, question), element("dd", {}, given));
  });
  return element("dl", { className: "card answers", "aria-label": "Answers" }, ...rows);
}

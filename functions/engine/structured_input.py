"""The answers to a structured input. Pure.

Questions that were not asked are passed over; a question without an answer counts as skipped; one with a single choice
keeps one value.
"""

from functions.protocol.items import StructuredInputItem
from functions.protocol.structured_input import (
    StructuredInput,
    StructuredInputAnswer,
    StructuredInputMultipleChoice,
    StructuredInputSubmission,
)


def answered(item: StructuredInputItem, submission: StructuredInputSubmission) -> StructuredInputItem:
    """The item with its answers, and with the submission's status."""
    inputs = [
        question.model_copy(update={"answer": _answer(question, submission)}, deep=True) for question in item.inputs
    ]
    return item.model_copy(update={"inputs": inputs, "status": submission.status})


def _answer(question: StructuredInput, submission: StructuredInputSubmission) -> StructuredInputAnswer:
    answer = submission.answers.get(question.id)
    if submission.status == "skipped" or answer is None or answer.skipped or not answer.values:
        return StructuredInputAnswer(skipped=True)
    one_only = isinstance(question, StructuredInputMultipleChoice) and not question.multiple
    return StructuredInputAnswer(values=answer.values[:1] if one_only else answer.values)

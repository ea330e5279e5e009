"""Structured inputs: questions that an assistant puts to the user, and their answers."""

from typing import Annotated, Any, Final, Literal, cast

from pydantic import BeforeValidator, FailFast, Field
from pydantic_core import PydanticCustomError

from functions.protocol.base import WireModel
from functions.protocol.limits import ANSWER_CHARACTERS, user_text

ANSWERS: Final = 1_000
"""The most questions that one submission may answer."""
ANSWER_VALUES: Final = 1_000
"""The most values that one answer may have."""


class StructuredInputAnswer(WireModel):
    """An answer as it is stored."""

    values: list[str] = Field(default_factory=list[str])
    skipped: bool = False


class StructuredInputBase(WireModel):
    """What every question has."""

    id: str
    question: str
    answer: StructuredInputAnswer | None = None


class StructuredInputMultipleChoiceOption(WireModel):
    """One of the choices; its `value` is both shown and sent back."""

    value: str


class StructuredInputMultipleChoice(StructuredInputBase):
    """A question with choices; the user may always write an answer of their own."""

    type: Literal["multiple_choice"] = "multiple_choice"
    options: list[StructuredInputMultipleChoiceOption]
    multiple: bool = False
    """Whether more than one value may be given."""


class StructuredInputFreeform(StructuredInputBase):
    """A question that is answered in the user's own words."""

    type: Literal["freeform"] = "freeform"
    description: str | None = None


StructuredInput = Annotated[StructuredInputMultipleChoice | StructuredInputFreeform, Field(discriminator="type")]


class StructuredInputAnswerSubmission(WireModel):
    """An answer as the client sends it."""

    # FailFast: else every value of every answer could have an error of its own.
    values: Annotated[
        list[Annotated[str, user_text(ANSWER_CHARACTERS)]], FailFast(), Field(max_length=ANSWER_VALUES)
    ] = Field(default_factory=list[str])
    skipped: bool = False


def _not_too_many(answers: Any) -> Any:
    # Counted before they are read: pydantic would collect an error for each of them first.
    if isinstance(answers, dict) and len(cast("dict[Any, Any]", answers)) > ANSWERS:
        raise PydanticCustomError("too_long", "must have at most {limit} answers", {"limit": ANSWERS})
    return cast("Any", answers)


class StructuredInputSubmission(WireModel):
    """All answers to one item, keyed by question id."""

    status: Literal["answered", "skipped"] = "answered"
    answers: Annotated[dict[str, StructuredInputAnswerSubmission], BeforeValidator(_not_too_many)] = Field(
        default_factory=dict[str, StructuredInputAnswerSubmission]
    )

"""Structured inputs: questions that an assistant puts to the user, and their answers."""

from typing import Annotated, Literal

from pydantic import Field

from functions.protocol.base import WireModel


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

    values: list[str] = Field(default_factory=list[str])
    skipped: bool = False


class StructuredInputSubmission(WireModel):
    """All answers to one item, keyed by question id."""

    status: Literal["answered", "skipped"] = "answered"
    answers: dict[str, StructuredInputAnswerSubmission] = Field(
        default_factory=dict[str, StructuredInputAnswerSubmission]
    )

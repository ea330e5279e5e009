"""What an MCP server wants to do becomes a question to the user: approve, or deny. Pure.

The user's answer stays in the thread as that of any structured input; `functions.model.to_input` tells the model.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from functions.protocol.structured_input import StructuredInputMultipleChoice, StructuredInputMultipleChoiceOption
from functions.translations import Text, translate

ARGUMENTS_CHARACTERS: Final = 1_000
"""How much of a call's arguments is shown."""


def question(request: Mapping[str, Any], locales: Sequence[str]) -> StructuredInputMultipleChoice:
    """The question for an `mcp_approval_request`, by whose id it goes. The first choice approves."""
    arguments = str(request.get("arguments") or "{}")
    shown = arguments if len(arguments) <= ARGUMENTS_CHARACTERS else f"{arguments[:ARGUMENTS_CHARACTERS]}…"
    text = translate(
        Text.APPROVAL_QUESTION,
        locales,
        server=str(request.get("server_label")),
        tool=str(request.get("name")),
        arguments=shown,
    )
    choices = [translate(choice, locales) for choice in (Text.APPROVAL_APPROVE, Text.APPROVAL_DENY)]
    return StructuredInputMultipleChoice(
        id=request["id"],
        question=text,
        options=[StructuredInputMultipleChoiceOption(value=choice) for choice in choices],
    )

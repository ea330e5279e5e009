"""What the model may do beside talking: one tool of each kind. Keep what you need, and write your own beside it."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Annotated, Final

from pydantic import Field

from functions.engine.authoring import Widget
from functions.engine.tools import AnyTool, ToolContext, ToolOutput, client_tool, tool
from functions.model.hosted_tools import web_search
from functions.protocol.events import ThreadStreamEvent


@tool
async def days_between(start: date, end: date) -> int:
    """The number of days from one date to another; below zero where the second is earlier."""
    return (end - start).days


@tool(seconds=10, error="The checklist could not be shown.")
async def show_checklist(
    context: ToolContext,
    title: str,
    steps: Annotated[list[str], Field(description="Short, in the user's language", max_length=20)],
) -> AsyncIterator[ThreadStreamEvent | ToolOutput]:
    """Shows the user a checklist, step by step. Do not repeat it in the answer."""
    from functions.protocol.widgets import Card, Text, Title  # when first needed: it costs a cold start some 40 ms

    async def states() -> AsyncIterator[Widget]:
        for shown in range(1, len(steps) + 1):
            yield Card(children=[Title(value=title), *(Text(value=f"☐ {step}") for step in steps[:shown])])

    yield context.progress(title, icon="check")
    async for event in context.widget(states(), copy_text="\n".join(steps)):
        yield event
    yield ToolOutput({"shown_steps": len(steps)})


@client_tool
def get_page_title() -> None:
    """The title of the page that the user is looking at."""  # the playground's page runs it; yours may not have it


TOOLS: Final[Sequence[AnyTool]] = (
    days_between,
    show_checklist,
    get_page_title,
    web_search(),  # runs at OpenAI, as do the others of `functions.model.hosted_tools`
)

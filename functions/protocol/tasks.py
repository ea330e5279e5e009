"""Workflows and their tasks: what an assistant shows of its work."""

from typing import Annotated, Literal

from pydantic import Field

from functions.protocol.base import WireModel
from functions.protocol.icons import IconName
from functions.protocol.sources import FileSource, URLSource


class BaseTask(WireModel):
    """What every task has."""

    status_indicator: Literal["none", "loading", "complete"] = "none"
    """Shown only inside a workflow."""


class CustomTask(BaseTask):
    """A step in the author's own words; `content` is Markdown."""

    type: Literal["custom"] = "custom"
    title: str | None = None
    icon: IconName | None = None
    content: str | None = None


class SearchTask(BaseTask):
    """A web search with its queries and what it found."""

    type: Literal["web_search"] = "web_search"
    title: str | None = None
    title_query: str | None = None
    queries: list[str] = Field(default_factory=list[str])
    sources: list[URLSource] = Field(default_factory=list[URLSource])


class ThoughtTask(BaseTask):
    """A stretch of reasoning."""

    type: Literal["thought"] = "thought"
    title: str | None = None
    content: str


class FileTask(BaseTask):
    """Files that were read."""

    type: Literal["file"] = "file"
    title: str | None = None
    sources: list[FileSource] = Field(default_factory=list[FileSource])


class ImageTask(BaseTask):
    """A picture in the making."""

    type: Literal["image"] = "image"
    title: str | None = None


Task = Annotated[CustomTask | SearchTask | ThoughtTask | FileTask | ImageTask, Field(discriminator="type")]


class CustomSummary(WireModel):
    """The author's headline over a workflow."""

    title: str
    icon: IconName | None = None


class DurationSummary(WireModel):
    """How long a workflow took, in seconds."""

    duration: int


WorkflowSummary = CustomSummary | DurationSummary


class Workflow(WireModel):
    """Tasks under one headline; `reasoning` is drawn as the model's thinking."""

    type: Literal["custom", "reasoning"]
    tasks: list[Task]
    summary: WorkflowSummary | None = None
    expanded: bool = False

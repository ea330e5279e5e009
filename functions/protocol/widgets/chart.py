"""Charts."""
# ruff: noqa: N815 - the wire's names

from typing import Annotated, Literal, NotRequired

from pydantic import Field, with_config
from typing_extensions import TypedDict

from functions.protocol.widgets.base import STRICT, Color, Component, Part, component

CurveType = Literal[
    "basis",
    "basisClosed",
    "basisOpen",
    "bumpX",
    "bumpY",
    "bump",
    "linear",
    "linearClosed",
    "natural",
    "monotoneX",
    "monotoneY",
    "monotone",
    "step",
    "stepBefore",
    "stepAfter",
]


class SeriesBase(Part):
    """What the series share: `dataKey` names the number in each row; without a colour the client picks one."""

    label: str | None = None
    """The legend's text."""
    dataKey: str
    color: Color | None = None


class BarSeries(SeriesBase):
    """Bars; those with the same `stack` stand on each other."""

    type: Literal["bar"] = "bar"
    stack: str | None = None


class AreaSeries(SeriesBase):
    """Areas; those with the same `stack` lie on each other."""

    type: Literal["area"] = "area"
    stack: str | None = None
    curveType: CurveType | None = None


class LineSeries(SeriesBase):
    """A line."""

    type: Literal["line"] = "line"
    curveType: CurveType | None = None


Series = Annotated[BarSeries | AreaSeries | LineSeries, Field(discriminator="type")]


@with_config(STRICT)
class XAxisConfig(TypedDict):
    """The x axis: `dataKey` names the category in each row; `labels` renames categories."""

    dataKey: str
    hide: NotRequired[bool]
    labels: NotRequired[dict[str, str]]


@component
class Chart(Component):
    """Bars, lines and areas over the rows of `data`."""

    type: Literal["Chart"] = "Chart"
    data: list[dict[str, str | int | float]]
    series: list[Series]
    xAxis: str | XAxisConfig
    """The name of each row's category, or more about the axis."""
    showYAxis: bool | None = None
    showLegend: bool | None = None
    showTooltip: bool | None = None
    barGap: int | None = None
    """Between the bars of a category, in px; `barCategoryGap` between categories."""
    barCategoryGap: int | None = None
    flex: int | str | None = None
    height: int | str | None = None
    width: int | str | None = None
    size: int | str | None = None
    minHeight: int | str | None = None
    minWidth: int | str | None = None
    minSize: int | str | None = None
    maxHeight: int | str | None = None
    maxWidth: int | str | None = None
    maxSize: int | str | None = None
    aspectRatio: float | str | None = None

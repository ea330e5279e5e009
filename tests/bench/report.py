"""Samples → medians, spans, ratios; as a table or as JSON. Pure."""

import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tests.bench.measuring import Sample


@dataclass(frozen=True, slots=True)
class Metric:
    """One row."""

    key: str
    title: str
    unit: str
    scale: float
    digits: int
    limit: float | None
    """The ratio, ours to the official one, that is not to be exceeded; None where there is no such limit."""
    read: Callable[[Sample], float]


METRICS: Final = (
    Metric("first_event", "process start → first event", "s", 1, 2, 1 / 3, lambda sample: sample.first_event),
    Metric("first_text", "process start → first text", "s", 1, 2, None, lambda sample: sample.first_text),
    Metric("cpu_per_delta", "CPU per delta, full speed", "µs", 1e6, 0, 1 / 3, lambda sample: sample.cpu_per_delta),
    Metric("cpu_per_paced_delta", "CPU per delta, paced", "µs", 1e6, 0, None, lambda it: it.cpu_per_paced_delta),
    Metric("peak_memory", "peak memory", "MB", 1e-6, 0, 2 / 3, lambda sample: sample.peak_memory),
)
"""What is compared, with the limits that the project sets itself."""


_VERDICTS: Final = {True: "holds", False: "missed", None: ""}


@dataclass(frozen=True, slots=True)
class Figures:
    """One metric of one side, in the metric's unit."""

    median: float
    least: float
    most: float
    samples: list[float]


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of both sides."""

    metric: Metric
    official: Figures
    ours: Figures

    @property
    def ratio(self) -> float:
        """Our median over the official one."""
        return self.ours.median / self.official.median

    @property
    def holds(self) -> bool | None:
        """Whether the ratio is within the limit, if there is one."""
        return None if self.metric.limit is None else self.ratio <= self.metric.limit


@dataclass(frozen=True, slots=True)
class Setup:
    """Under which circumstances it was measured."""

    deltas: int
    pause: float
    """Seconds between two deltas of the paced answers."""
    rounds: int
    machine: str
    python: str

    @classmethod
    def here(cls, *, deltas: int, pause: float, rounds: int, cpus: int) -> "Setup":
        """This machine, this Python."""
        machine = f"{platform.system()} {platform.machine()}, {cpus} CPUs"
        return cls(deltas=deltas, pause=pause, rounds=rounds, machine=machine, python=platform.python_version())


def rows(official: Sequence[Sample], ours: Sequence[Sample]) -> list[Row]:
    """One row a metric."""
    return [Row(metric, _figures(metric, official), _figures(metric, ours)) for metric in METRICS]


def table(setup: Setup, measured: Sequence[Row]) -> str:
    """For people."""
    lines = [
        f"{setup.deltas:,} text deltas; paced: {setup.pause * 1000:g} ms apart. Rounds: {setup.rounds}, both sides in turn.",
        f"Python {setup.python}, {setup.machine}. Median (least to most); a ratio is our median over the official one.",
        "",
    ]
    cells = [("", "official", "ours", "ratio", "limit", "")]
    for row in measured:
        unit, digits = row.metric.unit, row.metric.digits
        cells.append(
            (
                row.metric.title,
                _span(row.official, unit, digits),
                _span(row.ours, unit, digits),
                f"{row.ratio:.2f}",
                "" if row.metric.limit is None else f"{row.metric.limit:.2f}",
                _VERDICTS[row.holds],
            )
        )
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join(lines)


def document(setup: Setup, measured: Sequence[Row]) -> Mapping[str, Any]:
    """For programs; every sample is in it."""
    return {
        "setup": asdict(setup),
        "metrics": {
            row.metric.key: {
                "unit": row.metric.unit,
                "official": asdict(row.official),
                "ours": asdict(row.ours),
                "ratio": row.ratio,
                "limit": row.metric.limit,
                "holds": row.holds,
            }
            for row in measured
        },
    }


def _figures(metric: Metric, samples: Sequence[Sample]) -> Figures:
    values = [metric.read(sample) * metric.scale for sample in samples]
    return Figures(statistics.median(values), min(values), max(values), values)


def _span(figures: Figures, unit: str, digits: int) -> str:
    return f"{figures.median:.{digits}f} {unit} ({figures.least:.{digits}f} to {figures.most:.{digits}f})"

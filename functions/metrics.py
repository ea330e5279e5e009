"""Metrics as lines of the log, in CloudWatch's embedded metric format: no call, no client, nothing that a user waits for.

The format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
Powertools' Metrics writes the same; its import would add 30 to 50 ms to every cold start of the chat function.
"""

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

NAMESPACE: Final = "ChatKitLambda"
DIMENSION_CHARACTERS: Final = 250
"""The most of a dimension's value that is kept; CloudWatch takes 1,024 characters of ASCII."""

Unit = Literal["Count", "Milliseconds"]


class Metric(NamedTuple):
    """One measured value."""

    value: float
    unit: Unit = "Count"


class Metrics:
    """Writes metrics of one stage."""

    def __init__(
        self,
        *,
        stage: str,
        write: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`write` is given whole lines; by default they go to stdout, which Lambda sends to CloudWatch."""
        self._stage = stage
        self._write = write or _to_stdout
        self._clock = clock

    def put(
        self,
        metrics: Mapping[str, Metric],
        *,
        dimensions: Mapping[str, str],
        properties: Mapping[str, str | None] | None = None,
    ) -> None:
        """Writes one line, with the stage as a further dimension. Raises nothing: a turn does not fail for a number.

        `properties` stand in the log beside the metrics. None of all this may hold what a user wrote, or who wrote it.
        """
        dimensions = {"stage": self._stage, **dimensions}
        line = emf_line(metrics, dimensions=dimensions, properties=properties or {}, milliseconds=self._clock() * 1000)
        if line is not None:
            self._write(line + "\n")


def emf_line(
    metrics: Mapping[str, Metric],
    *,
    dimensions: Mapping[str, str],
    properties: Mapping[str, str | None],
    milliseconds: float,
) -> str | None:
    """The metrics as one line of JSON; None where there is none. Pure.

    Values that are no finite number, and properties without a value, are left out.
    """
    finite = {name: metric for name, metric in metrics.items() if math.isfinite(metric.value)}
    if not finite:
        return None
    definition = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": metric.unit} for name, metric in finite.items()],
    }
    line: dict[str, Any] = {
        "_aws": {"Timestamp": int(milliseconds), "CloudWatchMetrics": [definition]},
        **{name: value for name, value in properties.items() if value is not None},
        **{name: _dimension(value) for name, value in dimensions.items()},
        **{name: metric.value for name, metric in finite.items()},
    }
    return json.dumps(line, separators=(",", ":"))


def _dimension(value: str) -> str:
    """The value as CloudWatch takes it: ASCII without control characters, and never empty."""
    kept = "".join(character if " " <= character <= "~" else "?" for character in value[:DIMENSION_CHARACTERS]).strip()
    return kept or "none"


def _to_stdout(line: str) -> None:
    # One write, so that Lambda makes one record of it.
    sys.stdout.write(line)
    sys.stdout.flush()

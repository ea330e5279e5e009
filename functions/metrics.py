"""Metrics as lines of the log, in CloudWatch's embedded metric format: no call, no client, nothing that a user waits for.

The format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
Powertools' Metrics writes the same; its import would add 30 to 50 ms to every cold start of the chat function.
"""

import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

NAMESPACE: Final = "ChatKitLambda"
DIMENSION_CHARACTERS: Final = 250
"""The most of a dimension's value that is kept; CloudWatch takes 1,024 characters of ASCII."""

TENANT: Final = "tenant"
TENANT_DIMENSIONS: Final = ("stage", "model")
"""What a tenant's numbers are told apart by besides: by more, each tenant would cost as much as all others together
(https://aws.amazon.com/cloudwatch/pricing/: each combination of values is a metric)."""

Unit = Literal["Count", "Milliseconds", "Seconds"]


class Metric(NamedTuple):
    """One measured value."""

    value: float
    unit: Unit = "Count"


class View(NamedTuple):
    """Numbers that are counted by a few of a line's dimensions alone: what an alarm watches must be one metric."""

    dimensions: tuple[str, ...]
    metrics: Mapping[str, Metric]


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
        tenant: str | None = None,
        views: Sequence[View] = (),
    ) -> None:
        """Writes one line, with the stage as a further dimension. Raises nothing: a turn does not fail for a number.

        With a `tenant` the same numbers are counted a second time, for the stage, the model and the tenant alone. `views`
        stand in the same line, counted by their own dimensions.

        `properties` stand in the log beside the metrics. None of all this may hold what a user wrote, or who wrote it.
        """
        dimensions = {"stage": self._stage, **dimensions}
        milliseconds = self._clock() * 1000
        line = emf_line(
            metrics,
            dimensions=dimensions,
            properties=properties or {},
            milliseconds=milliseconds,
            tenant=tenant,
            views=views,
        )
        if line is not None:
            self._write(line + "\n")


def emf_line(
    metrics: Mapping[str, Metric],
    *,
    dimensions: Mapping[str, str],
    properties: Mapping[str, str | None],
    milliseconds: float,
    tenant: str | None = None,
    views: Sequence[View] = (),
) -> str | None:
    """The metrics as one line of JSON; None where there is none. Pure.

    With a `tenant` they are counted twice: by all of `dimensions`, and by tenant and those of `TENANT_DIMENSIONS`. Those of
    a view are counted by the view's dimensions, which must be among `dimensions`.

    Values that are no finite number, and properties without a value, are left out.
    """
    finite = _finite(metrics)
    seen = [(list(view.dimensions), kept) for view in views if (kept := _finite(view.metrics))]
    if not finite and not seen:
        return None
    sets = [list(dimensions)]
    if tenant is not None:
        sets.append([*(name for name in TENANT_DIMENSIONS if name in dimensions), TENANT])
        dimensions = {**dimensions, TENANT: _distinct(tenant)}
    definitions = [_definition(sets, finite)] if finite else []
    definitions += [_definition([names], kept) for names, kept in seen]
    line: dict[str, Any] = {
        "_aws": {"Timestamp": int(milliseconds), "CloudWatchMetrics": definitions},
        **{name: value for name, value in properties.items() if value is not None},
        **{name: _dimension(value) for name, value in dimensions.items()},
        **{name: metric.value for _, kept in (*seen, ((), finite)) for name, metric in kept.items()},
    }
    return json.dumps(line, separators=(",", ":"))


def _definition(sets: Sequence[Sequence[str]], metrics: Mapping[str, Metric]) -> dict[str, Any]:
    return {
        "Namespace": NAMESPACE,
        "Dimensions": sets,
        "Metrics": [{"Name": name, "Unit": metric.unit} for name, metric in metrics.items()],
    }


def _finite(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    return {name: metric for name, metric in metrics.items() if math.isfinite(metric.value)}


def _distinct(value: str) -> str:
    """The value as a dimension; one that would lose something keeps apart from all others by a digest."""
    kept = _dimension(value)
    if kept == value:
        return value
    digest = hashlib.sha256(value.encode(errors="replace")).hexdigest()[:8]
    return f"{kept[: DIMENSION_CHARACTERS - 1 - len(digest)]}#{digest}"


def _dimension(value: str) -> str:
    """The value as CloudWatch takes it: ASCII without control characters, and never empty."""
    kept = "".join(character if " " <= character <= "~" else "?" for character in value[:DIMENSION_CHARACTERS]).strip()
    return kept or "none"


def _to_stdout(line: str) -> None:
    # One write, so that Lambda makes one record of it.
    sys.stdout.write(line)
    sys.stdout.flush()

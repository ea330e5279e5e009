"""The benchmark's arithmetic and its two forms of print."""

import json

import pytest

from tests.bench import report
from tests.bench.measuring import Sample

_SETUP = report.Setup(deltas=2000, pause=0.002, rounds=3, machine="Linux, 2 CPUs", python="3.13.0")


def _sample(seconds: float, micros: float, megabytes: float) -> Sample:
    return Sample(
        first_event=seconds,
        first_text=seconds + 1,
        cpu_per_delta=micros / 1e6,
        cpu_per_paced_delta=2 * micros / 1e6,
        peak_memory=int(megabytes * 1e6),
    )


_OFFICIAL = [_sample(9, 300, 150), _sample(3, 330, 140), _sample(6, 270, 160)]
_OURS = [_sample(1.5, 101, 99), _sample(0.5, 99, 101), _sample(1, 102, 100)]


def test_ratios_are_of_medians() -> None:
    """Each row's ratio is our median over the official one, and holds when it is within the limit."""
    rows = {row.metric.key: row for row in report.rows(_OFFICIAL, _OURS)}
    assert rows["first_event"].ratio == pytest.approx(1 / 6)
    assert rows["cpu_per_delta"].ratio == pytest.approx(101 / 300)
    assert rows["peak_memory"].ratio == pytest.approx(100 / 150)
    assert {key: row.holds for key, row in rows.items()} == {
        "first_event": True,
        "first_text": None,
        "cpu_per_delta": False,
        "cpu_per_paced_delta": None,
        "peak_memory": True,
    }


def test_the_table_tells_a_missed_limit() -> None:
    """A row shows both medians with their spans, the ratio, the limit, and whether it holds."""
    table = report.table(_SETUP, report.rows(_OFFICIAL, _OURS))
    lines = {line.split("  ")[0]: " ".join(line.split()) for line in table.splitlines()}
    assert lines["process start → first event"].endswith("6.00 s (3.00 to 9.00) 1.00 s (0.50 to 1.50) 0.17 0.33 holds")
    assert lines["CPU per delta, full speed"].endswith("300 µs (270 to 330) 101 µs (99 to 102) 0.34 0.33 missed")
    assert "2,000 text deltas" in table


def test_the_document_holds_every_sample() -> None:
    """The JSON form has the setup and, for each metric, every sample of both sides."""
    document = json.loads(json.dumps(report.document(_SETUP, report.rows(_OFFICIAL, _OURS))))
    assert document["setup"]["deltas"] == 2000
    assert document["metrics"]["peak_memory"]["ours"]["samples"] == [99.0, 101.0, 100.0]
    assert set(document["metrics"]) == {metric.key for metric in report.METRICS}

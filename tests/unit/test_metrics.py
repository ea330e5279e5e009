"""Metrics as lines of the log."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.metrics import DIMENSION_CHARACTERS, Metric, Metrics, View, emf_line


def line(metrics: dict[str, Metric], **how: Any) -> Any:
    """The parsed line."""
    how = {"dimensions": {"stage": "prod"}, "properties": {}, "milliseconds": 1_795_000_000_123.9, **how}
    text = emf_line(metrics, **how)
    return None if text is None else json.loads(text)


def test_a_line_is_what_cloudwatch_reads() -> None:
    """Namespace, dimensions, units and values stand where the embedded metric format wants them."""
    metrics = {"Tokens": Metric(12), "Wait": Metric(34.5, "Milliseconds")}
    assert line(metrics, dimensions={"stage": "prod", "model": "m"}, properties={"request_id": "r", "other": None}) == {
        "_aws": {
            "Timestamp": 1_795_000_000_123,
            "CloudWatchMetrics": [
                {
                    "Namespace": "ChatKitLambda",
                    "Dimensions": [["stage", "model"]],
                    "Metrics": [{"Name": "Tokens", "Unit": "Count"}, {"Name": "Wait", "Unit": "Milliseconds"}],
                }
            ],
        },
        "request_id": "r",
        "stage": "prod",
        "model": "m",
        "Tokens": 12,
        "Wait": 34.5,
    }


def test_nothing_measured_is_nothing_written() -> None:
    """A line without metrics is none, and a number that is none is left out."""
    written: list[str] = []
    metrics = Metrics(stage="prod", write=written.append)
    metrics.put({}, dimensions={})
    metrics.put({"Wait": Metric(float("nan"))}, dimensions={})
    assert written == []
    assert set(line({"Wait": Metric(float("inf")), "Tokens": Metric(1)})) == {"_aws", "stage", "Tokens"}


def test_a_line_is_one_line_of_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """Lambda makes one record of each line; the stage is a dimension of all."""
    Metrics(stage="prod", clock=lambda: 1.5).put({"Tokens": Metric(1)}, dimensions={"model": "m\n"})
    out = capsys.readouterr().out
    assert out.endswith("}\n")
    assert out.count("\n") == 1
    assert json.loads(out)["_aws"]["Timestamp"] == 1500
    assert json.loads(out)["stage"] == "prod"


@given(value=st.text(), number=st.floats() | st.integers(-(10**15), 10**15))
def test_any_dimension_is_one_that_cloudwatch_takes(value: str, number: float) -> None:
    """ASCII without control characters, not too long, never empty; and the line is always JSON of ASCII."""
    text = emf_line(
        {"Tokens": Metric(number), "One": Metric(1)}, dimensions={"model": value}, properties={}, milliseconds=1
    )
    assert text is not None
    assert text.isascii()
    assert "\n" not in text
    model = json.loads(text, parse_constant=pytest.fail)["model"]
    assert 1 <= len(model) <= DIMENSION_CHARACTERS
    assert model.isprintable()


def test_a_tenants_numbers_are_counted_by_tenant_too() -> None:
    """All numbers stay where they were, and the same line counts them once more by stage, model and tenant."""
    how: dict[str, Any] = {"properties": {}, "milliseconds": 1.0}
    dimensions = {"stage": "prod", "model": "gpt", "outcome": "completed"}
    text = emf_line({"Responses": Metric(1)}, dimensions=dimensions, tenant="acme", **how)
    assert text
    line = json.loads(text)
    (definition,) = line["_aws"]["CloudWatchMetrics"]
    assert definition["Dimensions"] == [["stage", "model", "outcome"], ["stage", "model", "tenant"]]
    assert line["tenant"] == "acme"
    plain = emf_line({"Responses": Metric(1)}, dimensions=dimensions, **how)
    assert plain
    assert "tenant" not in plain


def test_no_two_tenants_are_one_in_the_metrics() -> None:
    """Names that CloudWatch does not take are told apart by a digest."""
    how: dict[str, Any] = {"dimensions": {"stage": "prod"}, "properties": {}, "milliseconds": 1.0}
    names = ["acme", "株式会社", "有限会社", "acme ", "none", " ", "a" * 250, "a" * 251]
    lines = [emf_line({"Responses": Metric(1)}, tenant=name, **how) for name in names]
    values = [json.loads(line)["tenant"] for line in lines if line]
    assert len(set(values)) == len(names)
    assert values[0] == "acme"
    assert all(value.isascii() and len(value) <= DIMENSION_CHARACTERS for value in values)


def test_a_view_is_counted_by_its_own_dimensions() -> None:
    """In the same line, beside the others; where it alone has numbers, it is the line."""
    dimensions = {"stage": "prod", "outcome": "completed"}
    turns = View(("stage",), {"Turns": Metric(1), "Wait": Metric(float("nan"))})
    both = line({"Tokens": Metric(2)}, dimensions=dimensions, views=[turns, View(("outcome",), {})])
    alone = line({}, dimensions=dimensions, views=[turns])
    of_tokens = {
        "Namespace": "ChatKitLambda",
        "Dimensions": [["stage", "outcome"]],
        "Metrics": [{"Name": "Tokens", "Unit": "Count"}],
    }
    of_turns = {
        "Namespace": "ChatKitLambda",
        "Dimensions": [["stage"]],
        "Metrics": [{"Name": "Turns", "Unit": "Count"}],
    }
    assert both["_aws"]["CloudWatchMetrics"] == [of_tokens, of_turns]
    assert alone["_aws"]["CloudWatchMetrics"] == [of_turns]
    assert {name: both[name] for name in both if name != "_aws"} == {**dimensions, "Tokens": 2, "Turns": 1}

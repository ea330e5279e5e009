"""The functions' log, as the terminal shows it."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from awslambdaric.lambda_runtime_log_utils import JsonFormatter
from hypothesis import given
from hypothesis import strategies as st

from functions.local.log_lines import readable


@pytest.fixture
def logged() -> Callable[..., str]:
    """A line as Lambda's formatter writes it."""

    def line(message: str, *, exc_info: Any = None, **extra: Any) -> str:
        logger = logging.getLogger("functions.model")
        record = logger.makeRecord(
            logger.name, logging.WARNING, __file__, 1, message, (), exc_info, extra={"aws_request_id": "req-1", **extra}
        )
        return JsonFormatter().format(record).rstrip("\n")

    return line


def test_a_lines_fields_are_shown(logged: Callable[..., str]) -> None:
    """Why something failed stands beside the words; what has no value is left out."""
    line = logged("the model failed", reason="model_busy", status=429, started=False, code=None, text="")
    assert readable(line) == [
        "WARNING the model failed (requestId=req-1, reason=model_busy, status=429, started=false)"
    ]


def test_a_traceback_is_shown_line_by_line(logged: Callable[..., str]) -> None:
    """As one reads it in a terminal."""
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads("no JSON")
    first, *trace = readable(logged("it broke", exc_info=(raised.type, raised.value, raised.tb)))
    assert first.startswith("WARNING it broke JSONDecodeError: Expecting value: ")
    assert trace[0].startswith('  File "')
    assert trace[1] == '    json.loads("no JSON")'


def test_a_process_that_cannot_start_is_shown() -> None:
    """The runtime's own error has no message but its type's."""
    error = {"timestamp": "2026-01-01T00:00:00Z", "level": "ERROR", "errorType": "ImportError", "errorMessage": "no x"}
    line = json.dumps({**error, "stackTrace": ['  File "x.py", line 1\n    import x\n']})
    assert readable(line) == ["ERROR ImportError: no x", '  File "x.py", line 1', "    import x"]


@pytest.mark.parametrize("line", ["", "plain", "{", "[]", "{}", '{"_aws": {}, "InputTokens": 1}', '{"level": "INFO"}'])
def test_what_is_no_record_is_shown_as_it_is(line: str) -> None:
    """What somebody prints, and the metrics."""
    assert readable(line) == [line]


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.text())))
def test_any_record_is_shown(fields: dict[str, Any]) -> None:
    """Whatever is in it, nothing is raised, and every shown part is one line."""
    lines = readable(json.dumps({**fields, "timestamp": "", "level": "INFO"}))
    assert all(len(line.splitlines()) <= 1 for line in lines)

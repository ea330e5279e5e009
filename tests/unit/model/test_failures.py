"""What OpenAI says when something fails becomes an error that a user may read."""

import json
import logging
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseError

from functions.errors import ContextTooLong, ModelError
from functions.model.failures import (
    FAILING_EVENTS,
    TERMINAL_EVENTS,
    failure,
    log_line,
    may_pass,
    refused,
    reported,
    reported_code,
)
from functions.translations import Text
from tests.support.streams import OWN_STREAMS, read_events, recording_cases

MODEL_TEXTS = [text for text in Text if text.name.startswith("MODEL_")]


def said(error: ModelError) -> tuple[str, bool]:
    """What the user is told, by its key, and whether a retry is offered."""
    return error.reason, error.allow_retry


@pytest.mark.parametrize(
    ("status", "code", "kind", "expected"),
    [
        (429, "rate_limit_exceeded", "tokens", (Text.MODEL_BUSY, True)),
        (429, None, None, (Text.MODEL_BUSY, True)),
        (429, "insufficient_quota", "insufficient_quota", (Text.MODEL_QUOTA, False)),
        (429, None, "insufficient_quota", (Text.MODEL_QUOTA, False)),
        (401, "invalid_api_key", "invalid_request_error", (Text.MODEL_UNAVAILABLE, False)),
        (401, None, "invalid_request_error", (Text.MODEL_UNAVAILABLE, False)),
        (403, "unsupported_country_region_territory", None, (Text.MODEL_UNAVAILABLE, False)),
        (400, "context_length_exceeded", "invalid_request_error", (Text.MODEL_CONTEXT_TOO_LONG, False)),
        (413, None, None, (Text.MODEL_CONTEXT_TOO_LONG, False)),
        (400, "content_filter", None, (Text.MODEL_CONTENT_FILTER, False)),
        (400, "unknown_parameter", "invalid_request_error", (Text.MODEL_REFUSED, False)),
        (404, "model_not_found", "invalid_request_error", (Text.MODEL_REFUSED, False)),
        (408, None, None, (Text.MODEL_TIMED_OUT, True)),
        (409, None, None, (Text.MODEL_BUSY, True)),
        (500, None, "server_error", (Text.MODEL_FAILED, True)),
        (502, None, None, (Text.MODEL_FAILED, True)),
        (503, "slow_down", None, (Text.MODEL_BUSY, True)),
        (599, None, None, (Text.MODEL_FAILED, True)),
    ],
)
def test_a_refusal_has_its_own_words(
    status: int, code: str | None, kind: str | None, expected: tuple[Text, bool]
) -> None:
    """The code decides, then the type, then the status; a retry is offered where one may help."""
    assert said(refused(status, code, kind)) == expected


def nested(code: str | None, kind: str | None = None) -> dict[str, Any]:
    return {"type": "error", "sequence_number": 2, "error": {"type": kind, "code": code, "message": "secret"}}


def flat(code: str | None, kind: str | None = None) -> dict[str, Any]:
    return {"type": "error", "sequence_number": 2, "code": code, "message": "secret", "param": kind}


def failed(code: str | None, kind: str | None = None) -> dict[str, Any]:
    response = {
        "status": "failed",
        "error": {"code": code, "message": "secret", "type": kind},
        "incomplete_details": None,
    }
    return {"type": "response.failed", "response": response}


@pytest.mark.parametrize("event", [nested, flat, failed])
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("insufficient_quota", (Text.MODEL_QUOTA, False)),
        ("rate_limit_exceeded", (Text.MODEL_BUSY, True)),
        ("server_error", (Text.MODEL_FAILED, True)),
        ("vector_store_timeout", (Text.MODEL_FAILED, True)),
        ("invalid_prompt", (Text.MODEL_CONTENT_FILTER, False)),
        ("context_length_exceeded", (Text.MODEL_CONTEXT_TOO_LONG, False)),
        ("failed_to_download_image", (Text.MODEL_REFUSED, False)),
        ("something_new", (Text.MODEL_FAILED, True)),
        (None, (Text.MODEL_FAILED, True)),
    ],
)
def test_each_shape_of_a_failure_is_understood(event: Any, code: str | None, expected: tuple[Text, bool]) -> None:
    """Nested as on the wire, flat as in the documentation, or in the failed response."""
    assert said(reported(event(code))) == expected
    assert reported_code(event(code)) == (code or "unknown")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("max_output_tokens", (Text.MODEL_INCOMPLETE, False)),
        ("content_filter", (Text.MODEL_CONTENT_FILTER, False)),
        ("something_new", (Text.MODEL_INCOMPLETE, False)),
    ],
)
def test_an_incomplete_response_says_why(reason: str, expected: tuple[Text, bool]) -> None:
    """A limit is told from the content filter."""
    response = {"status": "incomplete", "error": None, "incomplete_details": {"reason": reason}}
    event = {"type": "response.incomplete", "response": response}
    assert said(reported(event)) == expected
    assert reported_code(event) == reason


def test_a_type_tells_where_the_code_does_not() -> None:
    """A nested error whose code is null is known by its type."""
    assert said(reported(nested(None, "insufficient_quota"))) == (Text.MODEL_QUOTA, False)


@pytest.mark.parametrize("code", get_args(ResponseError.model_fields["code"].annotation))
def test_every_documented_code_has_an_answer(code: str) -> None:
    """What is documented as the server's own trouble allows a retry, and nothing else but a busy server does."""
    assert reported(failed(code)).allow_retry == (
        code in {"server_error", "rate_limit_exceeded", "vector_store_timeout"}
    )


@pytest.mark.parametrize("path", [*recording_cases(), *sorted(OWN_STREAMS.glob("*.jsonl"))])
def test_every_stream_ends_with_an_event_that_is_known_to_end_one(path: Any) -> None:
    """The terminal events are those of the real streams."""
    events = read_events(path)
    assert events[-1]["type"] in TERMINAL_EVENTS
    assert [event["type"] for event in events[:-2] if event["type"] in TERMINAL_EVENTS] == []


@given(
    event=st.dictionaries(
        st.sampled_from(["type", "error", "response", "incomplete_details", "code", "reason"]),
        st.recursive(
            st.none() | st.text(max_size=100) | st.integers() | st.sampled_from(sorted(FAILING_EVENTS)),
            lambda inner: (
                st.dictionaries(st.sampled_from(["error", "code", "reason", "type"]), inner) | st.lists(inner)
            ),
            max_leaves=6,
        ),
    )
)
def test_a_failure_in_any_shape_is_an_error(event: dict[str, Any]) -> None:
    """Whatever stands where the reason should, the user is told something, and the log gets a short word."""
    assert isinstance(reported(event), ModelError)
    assert len(reported_code(event)) <= 64


@given(status=st.integers(400, 599), names=st.lists(st.none() | st.text(max_size=20), max_size=2))
def test_any_refusal_is_an_error(status: int, names: list[str | None]) -> None:
    """No status and no code is without an answer; what may pass by itself is what a user may retry."""
    error = refused(status, *names)
    assert error.reason in MODEL_TEXTS
    assert error.allow_retry or not may_pass(status, error)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (429, "rate_limit_exceeded", True),
        (429, "insufficient_quota", False),
        (408, None, True),
        (409, None, True),
        (500, None, True),
        (503, None, True),
        (400, None, False),
        (401, None, False),
        (400, "context_length_exceeded", False),
    ],
)
def test_what_may_pass_is_asked_again(status: int, code: str | None, expected: bool) -> None:
    """A busy or broken server is; a request that is wrong in itself, or an empty account, is not."""
    assert may_pass(status, refused(status, code)) is expected


def test_a_conversation_that_is_too_long_can_be_told_from_other_failures() -> None:
    """Who asked may ask again with less history."""
    assert isinstance(reported(nested("context_length_exceeded")), ContextTooLong)
    assert isinstance(refused(400, "context_length_exceeded"), ContextTooLong)
    assert not isinstance(refused(400, "unknown_parameter"), ContextTooLong)


@pytest.mark.parametrize("text", MODEL_TEXTS)
def test_an_operator_is_called_where_one_is_needed(text: Text) -> None:
    """A wrong key, an empty account and a wrong request are errors in the log, each in words; the rest are warnings."""
    level, message = log_line(failure(text))
    needed = text in {Text.MODEL_QUOTA, Text.MODEL_REFUSED, Text.MODEL_UNAVAILABLE}
    assert (level == logging.ERROR) is needed
    assert message.startswith("OpenAI") is needed


def test_nothing_that_openai_wrote_is_shown() -> None:
    """The user's text is ours: what OpenAI's message holds, such as a part of a key or of a prompt, stays out of it."""
    for error in (reported(nested("server_error")), reported(flat(None)), refused(400, "secret")):
        assert "secret" not in json.dumps([error.message, str(error), *map(str, error.args)])

"""What the connection's own failures become."""

import ssl

import anyio
import httpx2
import pytest

from functions.model.event_stream import EventTooLarge
from functions.model.openai_client import CutOff, Unreadable, broken
from functions.translations import Text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (httpx2.ReadTimeout("secret"), Text.MODEL_TIMED_OUT),
        (httpx2.ReadError("secret"), Text.MODEL_BROKE_OFF),
        (httpx2.RemoteProtocolError("secret"), Text.MODEL_BROKE_OFF),
        (httpx2.DecodingError("secret"), Text.MODEL_BROKE_OFF),
        (ssl.SSLError("secret"), Text.MODEL_BROKE_OFF),
        (anyio.EndOfStream("secret"), Text.MODEL_BROKE_OFF),
        (CutOff(), Text.MODEL_BROKE_OFF),
        (Unreadable(), Text.MODEL_UNREADABLE),
        (EventTooLarge(), Text.MODEL_UNREADABLE),
        (RecursionError("secret"), Text.MODEL_UNREADABLE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_stream_that_fails_says_how(error: Exception, text: Text, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the connection raises in mid-stream has its own words, and the log names its type alone."""
    assert broken(error, response_id="resp_1", openai_request_id="req_1").reason == text
    (record,) = caplog.records
    assert record.__dict__["error"] == type(error).__name__
    assert "secret" not in str(record.__dict__)


def test_a_fault_of_our_own_is_none_of_the_models() -> None:
    """An exception that no connection raises comes out as it is."""
    with pytest.raises(ZeroDivisionError):
        broken(ZeroDivisionError(), response_id=None, openai_request_id=None)

"""Dictation against a real HTTP server that answers, and misbehaves, as the audio API may."""

import base64
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest

from functions.assistant import create
from functions.assistant.assistant import TRANSCRIPTION_MODEL
from functions.engine.assistant import Assistant
from functions.engine.dictation import AudioInput, DictationContext
from functions.errors import ContextTooLong, ModelError
from functions.model.openai_client import OpenAIClient
from functions.model.retries import Retries
from functions.model.transcription import OpenAITranscriber
from functions.runtime.loop import run
from functions.translations import Text
from tests.support.assistants import ScriptedAssistant, say
from tests.support.chat import Chat
from tests.support.model_answers import Answer, Body, Hang, HttpError, RecordedRequest
from tests.support.model_server import ModelServer, refused_url

pytestmark = pytest.mark.integration

HEARD = Body(json.dumps({"text": "Wie heiß ist Tee? ☕"}).encode(), "application/json")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        running.script(HEARD)
        yield running


@contextmanager
def transcriber(url: str, *, retries: int = 0, seconds: float = 60.0) -> Iterator[OpenAITranscriber]:
    client = OpenAIClient(
        api_key=lambda: "sk-test-secret", base_url=url, retries=Retries(most=retries, first_pause=0.001)
    )
    try:
        yield OpenAITranscriber(client=client, seconds=seconds)
    finally:
        run(client.close())


def dictate(
    url: str, data: bytes, *, mime_type: str = "audio/webm;codecs=opus", assistant: Assistant | None = None, **how: Any
) -> str:
    """The text that the client is answered."""
    with transcriber(url, **how) as listening:
        chat = Chat(assistant=assistant or create(has_model=True)["default"])
        chat.transcriber = listening
        params = {"audio_base64": base64.b64encode(data).decode(), "mime_type": mime_type}
        return chat.ask("input.transcribe", params)["text"]


def fields(request: RecordedRequest) -> dict[str, Message]:
    """The fields of a `multipart/form-data` request, by name."""
    head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
    parts = message_from_bytes(head + request.content).get_payload()
    assert isinstance(parts, list)
    named: dict[str, Message] = {}
    for part in parts:
        assert isinstance(part, Message)
        named[str(part.get_param("name", header="content-disposition"))] = part
    return named


def value(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data


@pytest.mark.parametrize(
    ("mime_type", "file_name"),
    [
        ("audio/webm;codecs=opus", "audio.webm"),
        ("audio/webm", "audio.webm"),
        ("audio/ogg; codecs=opus", "audio.ogg"),
        ("audio/mp4", "audio.mp4"),
    ],
)
def test_what_each_browser_records_is_heard(server: ModelServer, mime_type: str, file_name: str) -> None:
    """The recording arrives byte for byte, in a file whose name tells its format, and its text comes back."""
    data = bytes(range(256)) * 4
    assert dictate(server.url, data, mime_type=mime_type) == "Wie heiß ist Tee? ☕"
    (request,) = server.requests
    assert request.path == "/v1/audio/transcriptions"
    assert request.headers["authorization"] == "Bearer sk-test-secret"
    sent = fields(request)
    assert set(sent) == {"model", "file"}
    assert value(sent["model"]) == TRANSCRIPTION_MODEL.encode()
    assert sent["file"].get_filename() == file_name
    assert sent["file"].get_content_type() == mime_type.partition(";")[0]
    assert value(sent["file"]) == data


def test_four_megabytes_come_through(server: ModelServer) -> None:
    """The longest recording that a request may bring is sent whole."""
    data = bytes(4_000_000)
    assert dictate(server.url, data) == "Wie heiß ist Tee? ☕"
    assert value(fields(server.requests[0])["file"]) == data


def test_an_author_may_help_the_model(server: ModelServer) -> None:
    """Language and prompt are sent where they are given."""

    class Helping(ScriptedAssistant):
        async def transcribe(self, audio: AudioInput, context: DictationContext) -> str:
            return await context.transcribe(audio, model="m", language="de", prompt="Darjeeling")

    dictate(server.url, b"abc", assistant=Helping(lambda thread, _, context: say(thread, context)))
    sent = fields(server.requests[0])
    assert {name: value(part) for name, part in sent.items() if name != "file"} == {
        "model": b"m",
        "language": b"de",
        "prompt": b"Darjeeling",
    }


FAILURES: dict[str, tuple[Answer, Text, bool]] = {
    "401": (HttpError.unauthorized(), Text.MODEL_UNAVAILABLE, False),
    "429": (HttpError.rate_limited(), Text.MODEL_BUSY, True),
    "no quota": (HttpError(429, "insufficient_quota", "insufficient_quota", "No."), Text.MODEL_QUOTA, False),
    "400": (HttpError(400, "invalid_request_error", "invalid_value", "Not audio."), Text.MODEL_REFUSED, False),
    "500": (HttpError.server_error(), Text.MODEL_FAILED, True),
    "a page": (Body(), Text.MODEL_UNREADABLE, True),
    "another JSON": (Body(b'{"words": []}', "application/json"), Text.MODEL_UNREADABLE, True),
    "broken JSON": (Body(b'{"text": "Wie', "application/json"), Text.MODEL_UNREADABLE, True),
    "silence": (Hang(), Text.MODEL_TIMED_OUT, True),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_recording_that_is_not_heard_is_an_error_with_its_own_words(
    server: ModelServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The user is told what happened, the log is told once, and neither holds a key."""
    answer, text, allow_retry = FAILURES[name]
    server.script(answer)
    with pytest.raises(ModelError) as caught:
        dictate(server.url, b"abc", seconds=0.4 if name == "silence" else 60.0)
    assert not isinstance(caught.value, ContextTooLong)
    assert (caught.value.reason, caught.value.allow_retry) == (text, allow_retry)
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.__dict__["reason"] == text
    assert "sk-test-secret" not in json.dumps([record.__dict__ for record in caplog.records], default=str)


def test_an_api_that_cannot_be_reached_is_told() -> None:
    """A connection that is refused has its own words."""
    with refused_url() as url, pytest.raises(ModelError) as caught:
        dictate(url, b"abc")
    assert caught.value.reason == Text.MODEL_UNREACHABLE


def test_a_failure_of_a_moment_is_tried_again(server: ModelServer) -> None:
    """The recording is sent again, whole."""
    server.script(HttpError.server_error(), HEARD)
    assert dictate(server.url, b"abc", retries=1) == "Wie heiß ist Tee? ☕"
    assert [value(fields(request)["file"]) for request in server.requests] == [b"abc", b"abc"]

"""Dictation: what a recording may be, and what hears it."""

import base64
from typing import Any

import pytest

from functions.engine.dictation import (
    AUDIO_BYTES,
    REQUEST_BYTES,
    AudioInput,
    DictationContext,
    dictation_context,
    read_audio,
)
from functions.engine.engine import Engine
from functions.engine.results import RequestContext
from functions.errors import BodyTooLarge, InternalError, InvalidRequest
from functions.ids import IdFactory
from functions.protocol.requests import InputTranscribeParams
from functions.runtime.loop import run
from tests.support.assistants import CannedModel, ScriptedAssistant, say
from tests.support.chat import Chat
from tests.support.memory_store import MemoryStore


def params(data: bytes = b"abc", mime_type: str = "audio/webm;codecs=opus") -> InputTranscribeParams:
    return InputTranscribeParams(audio_base64=base64.b64encode(data).decode(), mime_type=mime_type)


class Heard:
    """A `Transcriber` that remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    async def transcribe(
        self, audio: bytes, *, media_type: str, model: str, language: str | None = None, prompt: str | None = None
    ) -> str:
        self.given.append((audio, media_type, model, language, prompt))
        return "Tea, please"


class Listening(ScriptedAssistant):
    """Hears, in one line."""

    def __init__(self) -> None:
        super().__init__(lambda thread, _, context: say(thread, context))
        self.contexts: list[DictationContext] = []

    async def transcribe(self, audio: AudioInput, context: DictationContext) -> str:
        self.contexts.append(context)
        return await context.transcribe(audio, model="hearing")


@pytest.mark.parametrize("mime_type", ["audio/webm;codecs=opus", "audio/ogg; codecs=opus", "audio/mp4"])
def test_a_recording_is_read(mime_type: str) -> None:
    """Each type that a client records, with and without parameters."""
    audio = read_audio(params(b"\0\xff", mime_type))
    assert audio == AudioInput(data=b"\0\xff", mime_type=mime_type)
    assert audio.media_type == mime_type.partition(";")[0]


@pytest.mark.parametrize(
    ("wrong", "field", "problem"),
    [
        (InputTranscribeParams(audio_base64="a b", mime_type="audio/webm"), "audio_base64", "base64"),
        (InputTranscribeParams(audio_base64="abc", mime_type="audio/webm"), "audio_base64", "base64"),
        (InputTranscribeParams(audio_base64="ä===", mime_type="audio/webm"), "audio_base64", "base64"),
        (params(b""), "audio_base64", "empty"),
        (params(bytes(AUDIO_BYTES + 1)), "audio_base64", "more than 4,000,000 bytes"),
        (params(mime_type="audio/wav"), "mime_type", "audio/webm, audio/ogg, audio/mp4"),
        (params(mime_type=""), "mime_type", "audio/webm"),
    ],
)
def test_what_is_no_recording_is_refused_by_its_field(wrong: InputTranscribeParams, field: str, problem: str) -> None:
    """The error says which field, and what is wrong with it."""
    with pytest.raises(InvalidRequest, match=problem) as caught:
        read_audio(wrong)
    assert caught.value.field == f"params.{field}"


def test_the_longest_recording_is_read() -> None:
    """Four million bytes are within the limit."""
    assert len(read_audio(params(bytes(AUDIO_BYTES))).data) == AUDIO_BYTES


def test_an_assistant_hears_in_one_line() -> None:
    """The context has a model that hears, and knows who is speaking."""
    assistant, heard = Listening(), Heard()
    chat = Chat(assistant=assistant)
    chat.transcriber = heard
    answer = chat.ask("input.transcribe", params().model_dump(), user="bob", locales=("de",))
    assert answer == {"text": "Tea, please"}
    assert heard.given == [(b"abc", "audio/webm", "hearing", None, None)]
    assert (assistant.contexts[0].user, assistant.contexts[0].locale) == ("bob", "de")


def test_without_a_model_the_author_is_told() -> None:
    """Where there is no key, the operator reads why nothing is heard."""
    with pytest.raises(InternalError, match="no OpenAI key"):
        Chat(assistant=Listening()).ask("input.transcribe", params().model_dump())


def test_the_context_is_the_requests() -> None:
    """Everything that is known of the request is known of it still."""
    request = RequestContext(user="u", request_id="r", locales=("nb",), agent_type="a", metadata={"k": 1})
    context = dictation_context(request, None)
    for name in ("user", "request_id", "locales", "agent_type", "metadata", "locale"):
        assert getattr(context, name) == getattr(request, name)
    with pytest.raises(InternalError):
        run(context.transcribe(AudioInput(b"", "audio/webm"), model="m"))


def processed(body: str) -> Any:
    engine = Engine(
        store=MemoryStore(),
        assistants={"default": Listening()},
        model=CannedModel(),
        ids=IdFactory(),
        transcriber=Heard(),
    )
    return run(engine.process(body.encode(), RequestContext(user="u")))


def test_a_large_request_is_one_that_brings_a_recording() -> None:
    """A body that begins like one, and is parsed as another type, is refused like any other that is too large."""
    audio = "A" * 4 * (REQUEST_BYTES // 4 + 1)
    body = '{"type":"input.transcribe","params":{"audio_base64":"%s","mime_type":"audio/webm"}%s}'
    assert processed(body % (audio, "")).json == b'{"text":"Tea, please"}'
    with pytest.raises(BodyTooLarge):
        processed(body % (audio, ',"type":"threads.list","params":{}'))

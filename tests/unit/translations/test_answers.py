"""Through the endpoint: an error comes in the user's language."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from functions.engine.results import NonStreamingResult, RequestContext, StreamingResult
from functions.engine.turn import error_event
from functions.errors import (
    CustomStreamError,
    InvalidRequest,
    ModelError,
    NotFound,
    RequestError,
    ThreadUnavailable,
    Unauthenticated,
)
from functions.gateway.chat_endpoint import BODY_BYTES, ChatEndpoint
from functions.gateway.cors import Cors
from functions.identity.keys import OneKey, SigningKey
from functions.identity.tokens import ClientTokens
from functions.protocol.events import NoticeEvent, ThreadStreamEvent
from functions.runtime.loop import run
from functions.translations import LANGUAGES, Text, catalogue
from tests.support.chat import Chat
from tests.support.http_events import FORMATS, Build, function_url

TOKENS = ClientTokens(keys=OneKey(SigningKey(kid="1", key="k" * 32)))
TOKEN = TOKENS.issue("alice").client_secret


@dataclass
class Failing:
    """Fails at once, or after a first event, as a turn does."""

    error: Exception
    begins: bool = False
    context: RequestContext | None = None

    async def process(self, body: bytes, context: RequestContext) -> StreamingResult | NonStreamingResult:
        self.context = context
        if not self.begins:
            raise self.error
        return StreamingResult(self._events(context))

    async def _events(self, context: RequestContext) -> AsyncIterator[ThreadStreamEvent]:
        yield NoticeEvent(level="info", message="So far, so good.")
        yield error_event(self.error, context.locales)


def ask(processor: Any, languages: str | None, *, events: bool, body: str = "{}", build: Build = function_url) -> Any:
    """The last event, or the JSON, that a user of these languages is sent."""

    async def read() -> bytes:
        endpoint = ChatEndpoint(processor=processor, tokens=TOKENS, cors=Cors(()), deadline_margin=10.0)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        if languages is not None:
            headers["Accept-Language"] = languages
        if events:
            headers["Accept"] = "text/event-stream"
        response = await endpoint.handle_event(build(headers=headers, body=body))
        if isinstance(response.body, AsyncIterator):
            return b"".join([chunk async for chunk in response.body])
        return b"".join(response.body)

    answer = run(read())
    return json.loads(answer.strip().split(b"\n\n")[-1].removeprefix(b"data: "))


@pytest.mark.parametrize("build", FORMATS, ids=["function_url", "rest_api"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_error_comes_in_the_users_language(language: str, build: Build) -> None:
    """As an event and as JSON, in each of the languages, from either event format."""
    message = catalogue(language)[Text.THREAD_NOT_FOUND]
    processor = Failing(NotFound(Text.THREAD_NOT_FOUND))
    event = ask(processor, language, events=True, build=build)
    assert event == {"type": "error", "code": "custom", "message": message, "allow_retry": False}
    body = ask(processor, language, events=False, build=build)
    assert body == {"code": "not_found", "message": message}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("nb", "en"),
        ("fr-CA", "fr"),
        ("fr-FR", "fr"),
        ("nb, de;q=0.5, fr;q=0.8", "fr"),
        ("de;q=0, *", "en"),
        ("zh-TW", "zh-Hant"),
        ("*;q=nonsense,;;;, it-CH", "it"),
    ],
)
def test_the_header_decides(header: str | None, language: str) -> None:
    """The most wanted language that there is; English for who names none, and for who names nonsense."""
    event = ask(Failing(ModelError(Text.MODEL_BUSY)), header, events=True)
    assert event["message"] == catalogue(language)[Text.MODEL_BUSY]
    assert event["allow_retry"] is True


def test_an_error_in_the_midst_of_a_stream_is_translated() -> None:
    """What fails after the first event is told in the user's language, too."""
    event = ask(Failing(ThreadUnavailable.of("locked"), begins=True), "pt-BR,en;q=0.5", events=True)
    assert event["message"] == catalogue("pt")[Text.THREAD_LOCKED]


@pytest.mark.parametrize("events", [True, False])
def test_the_endpoints_own_refusal_is_translated(events: bool) -> None:
    """A body over the limit is refused before the processor sees it, and the limit is written as Germans write it."""
    processor = Failing(AssertionError("asked"))
    answer = ask(processor, "de-AT", events=events, body="x" * (BODY_BYTES + 1))
    assert answer["message"] == catalogue("de")[Text.BODY_TOO_LARGE].format(limit="1.000.000")
    assert processor.context is None


def test_a_fault_is_told_in_the_users_language() -> None:
    """The JSON of a 500 is translated; of an event's `stream.error` the client has its own translation."""
    body = ask(Failing(ZeroDivisionError()), "ja", events=False)
    assert body == {"code": "internal", "message": catalogue("ja")[Text.INTERNAL]}
    event = ask(Failing(ZeroDivisionError()), "ja", events=True)
    assert event == {"type": "error", "code": "stream.error", "allow_retry": True}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: InvalidRequest("params.item_id", "is no widget"), "params.item_id: is no widget"),
        (lambda: Unauthenticated("The client token has expired."), "The client token has expired."),
        (lambda: CustomStreamError("Heute ist geschlossen."), "Heute ist geschlossen."),
    ],
)
def test_what_is_no_text_stays_as_it_is(make: Callable[[], RequestError], message: str) -> None:
    """What is for developers stays English, and what an assistant's author wrote is the author's."""
    assert ask(Failing(make()), "fr", events=False)["message"] == message
    assert ask(Failing(make()), "fr", events=True)["message"] == message


def test_the_assistant_is_told_all_languages() -> None:
    """The processor knows the user's languages in their order, those included that the catalogue has not."""
    processor = Failing(NotFound(Text.ITEM_NOT_FOUND))
    ask(processor, "de;q=0.5, nb, *;q=0.1", events=False)
    assert processor.context is not None
    assert processor.context.locales == ("nb", "de")
    assert processor.context.locale == "nb"


def test_the_engine_answers_in_the_users_language() -> None:
    """The real engine's refusal of an unknown thread is told in the first language that there is."""
    params = {"thread_id": "thr_unknown", "item_id": "msg_unknown"}
    events = Chat().stream("threads.retry_after_item", params, locales=("nb", "es-MX"))
    assert events[-1]["message"] == catalogue("es")[Text.THREAD_NOT_FOUND]


def test_an_operator_reads_english() -> None:
    """What an error says of itself, in a log, is English, whoever the user is."""
    error = NotFound(Text.THREAD_NOT_FOUND)
    assert error.message_in(["de"]) == catalogue("de")[Text.THREAD_NOT_FOUND]
    assert str(error) == error.message == catalogue("en")[Text.THREAD_NOT_FOUND]

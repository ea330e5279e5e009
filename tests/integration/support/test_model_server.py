"""The stand-in model over real loopback HTTP, with openai's client and with a plain one."""

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
import pytest

from tests.support.model_answers import INVALID_JSON, Body, Gate, Hang, HttpError, Stream
from tests.support.model_server import ModelServer, refused_url
from tests.support.streams import own_streams, read_events, read_lines, recording_cases, text_of, words

pytestmark = pytest.mark.integration

_ROOT = Path(__file__).parents[3]
_BODY = json.dumps({"model": "m", "input": "hi", "stream": True})


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A running stand-in."""
    with ModelServer() as running:
        yield running


@pytest.fixture
def connection(server: ModelServer) -> Iterator[http.client.HTTPConnection]:
    """A client that adds and forgives nothing."""
    plain = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port or 0, timeout=60)
    yield plain
    plain.close()


def _client(url: str, *, timeout: httpx2.Timeout | float = 60.0) -> openai.OpenAI:
    return openai.OpenAI(api_key="sk-test", base_url=url, max_retries=0, timeout=timeout)


def _events(client: openai.OpenAI) -> Generator[Any, None, None]:
    with client.responses.create(model="m", input="hi", stream=True) as stream:
        yield from stream


def _post(connection: http.client.HTTPConnection, path: str = "/v1/responses") -> http.client.HTTPResponse:
    connection.request("POST", path, _BODY, {"content-type": "application/json", "authorization": "Bearer sk-test"})
    return connection.getresponse()


@pytest.mark.parametrize("path", [*own_streams(), *recording_cases()], ids=lambda path: getattr(path, "stem", None))
def test_a_file_is_replayed_as_it_is(server: ModelServer, connection: http.client.HTTPConnection, path: Path) -> None:
    """Every line of a stream file arrives in its own frame, unchanged."""
    server.script(Stream.replay(path))
    response = _post(connection)
    assert response.headers["content-type"].startswith("text/event-stream")
    frames = response.read().decode().split("\n\n")
    sent = [f"event: {json.loads(line)['type']}\ndata: {line}" for line in read_lines(path)]
    assert frames == [*sent, ""]


def test_openai_s_client_reads_it(server: ModelServer) -> None:
    """The typed client sees the deltas, and the completed response with its usage."""
    server.script(Stream.deltas(300))
    with _client(server.url) as client:
        events = list(_events(client))
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == words(300)
    assert events[-1].response.output_text == "".join(words(300))
    assert events[-1].response.usage.output_tokens == 300


def test_pieces_of_any_size_are_the_same_stream(server: ModelServer) -> None:
    """A body that is cut through the middle of characters and frames is read as the whole one."""
    path = next(path for path in own_streams() if path.stem == "text-characters")
    server.script(Stream.replay(path).in_chunks(1, 2, 3, 5, 8))
    with _client(server.url) as client:
        events = [event.to_dict() for event in _events(client)]
    assert text_of(events) == text_of(read_events(path))


def test_requests_are_recorded(server: ModelServer, connection: http.client.HTTPConnection) -> None:
    """Path, headers and parsed body of each request are kept; a connection serves one after the other."""
    for _ in range(2):
        _post(connection).read()
    for request in server.wait_for_requests(2):
        assert request.ended.wait(60)
        assert (request.method, request.path, request.closed_early) == ("POST", "/v1/responses", False)
        assert request.headers["authorization"] == "Bearer sk-test"
        assert request.body == {"model": "m", "input": "hi", "stream": True}


def test_answers_come_in_order_and_the_last_stays(server: ModelServer, connection: http.client.HTTPConnection) -> None:
    """Each request takes the next answer; the last answers every later request; a function may choose by the request."""
    server.script(
        HttpError.unauthorized(),
        HttpError.rate_limited(retry_after="7"),
        lambda request: Body(request.body["model"].encode(), "text/plain"),
    )
    seen: list[tuple[int, str | None, bytes]] = []
    for _ in range(4):
        response = _post(connection)
        seen.append((response.status, response.headers["retry-after"], response.read()[:1]))
    assert seen == [(401, None, b"{"), (429, "7", b"{"), (200, None, b"m"), (200, None, b"m")]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (HttpError.unauthorized(), openai.AuthenticationError),
        (HttpError.rate_limited(), openai.RateLimitError),
        (HttpError.server_error(), openai.InternalServerError),
        (Stream.of([INVALID_JSON]), json.JSONDecodeError),
        (Stream.text("one", " two").reset_after(700), openai.APIConnectionError),
        (Stream.replay(next(p for p in own_streams() if p.stem == "error-nested")), openai.APIError),
    ],
    ids=["401", "429", "500", "invalid JSON", "reset", "error event"],
)
def test_failures_are_failures_to_openai_s_client(
    server: ModelServer, answer: HttpError | Stream, error: type[Exception]
) -> None:
    """The typed client raises what it raises for the real API's failures."""
    server.script(answer)
    with _client(server.url) as client, pytest.raises(error):
        list(_events(client))


def test_a_reset_lets_the_bytes_before_it_through(server: ModelServer, connection: http.client.HTTPConnection) -> None:
    """The client reads exactly the bytes before the break, and then an error."""
    server.script(Stream.text("one", " two").reset_after(900))
    response = _post(connection)
    content = b"".join(iter(lambda: _byte_or_end(response), b""))
    assert content == b"".join(Stream.text("one", " two").frames)[:900]


def _byte_or_end(response: http.client.HTTPResponse) -> bytes:
    try:
        byte = response.read(1)
    except (ConnectionResetError, http.client.IncompleteRead):
        return b""
    assert byte, "the response ended as if it were whole"
    return byte


def test_a_clean_cut_looks_like_success(server: ModelServer, connection: http.client.HTTPConnection) -> None:
    """After `end_after` events the response ends by HTTP's rules, and the connection serves on."""
    stream = Stream.text("one", " two")
    server.script(stream.end_after(5), stream)
    assert _post(connection).read() == b"".join(stream.frames[:5])
    assert _post(connection).read() == b"".join(stream.frames)


def test_a_gate_holds_events_back(server: ModelServer) -> None:
    """Events before the gate arrive while it is shut, those behind it once it is opened."""
    gate = Gate()
    server.script(Stream.text("one", " two").gate(gate, before=5))
    with _client(server.url) as client:
        events = _events(client)
        early = [next(events).type for _ in range(5)]
        assert early[-1] == "response.output_text.delta"
        assert gate.reached.wait(60)
        assert not server.requests[0].ended.is_set()
        gate.open()
        assert [event.type for event in events][-1] == "response.completed"


@pytest.mark.parametrize("answer", [Hang(), Stream.text("one", " two").hang_after(0)], ids=["no head", "no event"])
def test_silence_lasts_until_the_client_leaves(server: ModelServer, answer: Hang | Stream) -> None:
    """A hanging answer runs into the client's own timeout, and the server sees the client leave."""
    server.script(answer)
    with _client(server.url, timeout=httpx2.Timeout(60, read=0.2)) as client, pytest.raises(openai.APITimeoutError):
        list(_events(client))
    (request,) = server.wait_for_requests(1)
    assert request.ended.wait(60)
    assert request.closed_early


def test_a_client_that_leaves_early_is_noticed(server: ModelServer) -> None:
    """Closing a stream in its middle is recorded on the request."""
    server.script(Stream.text("one", " two").hang_after(5))
    with _client(server.url) as client:
        events = _events(client)
        next(events)
        events.close()
    assert server.requests[0].ended.wait(60)
    assert server.requests[0].closed_early


def test_stopping_ends_what_hangs() -> None:
    """The server stops at once, whatever waits in it, and leaves no socket behind."""
    with ModelServer() as server:
        server.script(Stream.text("one").gate(Gate()))
        plain = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port or 0, timeout=60)
        plain.request("POST", "/v1/responses", _BODY)
        server.wait_for_requests(1)
    with pytest.raises(ConnectionError):
        plain.getresponse()
    plain.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/chat/completions", _BODY, 404),
        ("GET", "/v1/responses", "", 405),
        ("POST", "/v1/responses", "{}", 400),
    ],
)
def test_what_it_does_not_speak_is_refused(
    server: ModelServer, connection: http.client.HTTPConnection, method: str, path: str, body: str, status: int
) -> None:
    """Another path, another method, a request that does not stream: each gets an error that says so."""
    connection.request(method, path, body)
    response = connection.getresponse()
    assert response.status == status
    assert "stand-in" in json.loads(response.read())["error"]["message"]


def test_a_closed_port_refuses() -> None:
    """`refused_url` is an address where nobody listens."""
    with refused_url() as url, _client(url) as client, pytest.raises(openai.APIConnectionError):
        list(_events(client))


def test_a_taken_port_is_an_error(server: ModelServer) -> None:
    """A server that is asked for a port in use says so in the caller's thread."""
    with pytest.raises(OSError, match="address"):
        ModelServer(port=urlsplit(server.url).port or 0).start()


def test_it_runs_as_a_command() -> None:
    """`python -m tests.support.model_server` prints its URL, serves the deltas, and ends by SIGTERM without an error."""
    command = [sys.executable, "-m", "tests.support.model_server", "--deltas", "3"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with _client(url) as client:
            events = [event.to_dict() for event in _events(client)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert text_of(events) == "".join(words(3))

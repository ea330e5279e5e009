"""Fetching an issuer's documents over real connections."""

import threading
from http.server import BaseHTTPRequestHandler

import pytest

from functions.identity.oidc_http import DOCUMENT_BYTES, OidcHttp
from functions.identity.oidc_keys import FetchError
from tests.support.loopback_http import Answer, send, served

pytestmark = pytest.mark.integration


def test_a_document_is_fetched() -> None:
    """As it is, up to its limit, by a request that asks for JSON and for nothing compressed."""
    asked: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.extend((handler.headers["accept"], handler.headers["accept-encoding"], handler.headers["cookie"]))
        send(handler, b"x" * DOCUMENT_BYTES)

    with served(answer) as address:
        assert OidcHttp(allow_loopback=True)(f"{address}/document") == b"x" * DOCUMENT_BYTES
    assert asked == ["application/json", "identity", None]


@pytest.mark.parametrize(
    "answer",
    [
        lambda handler: send(handler, b"{}", 500),
        lambda handler: send(handler, b"{}", 404),
        lambda handler: send(handler, b"{}", 201),
        lambda handler: send(handler, b"x" * (DOCUMENT_BYTES + 1)),
        lambda handler: send(handler, b"{}", headers={"content-length": "10"}),
        lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n"),
        lambda _: None,
    ],
    ids=["500", "404", "201", "too large", "cut off", "no HTTP", "nothing"],
)
def test_any_other_answer_is_none(answer: Answer) -> None:
    """What is not a whole document of a decent size is a failure that the log can name."""
    with served(answer) as address, pytest.raises(FetchError):
        OidcHttp(allow_loopback=True)(f"{address}/document")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    """Neither to another address nor to another scheme: what is configured is what is asked."""
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        send(handler, b"{}", status, headers={"location": "/other"})

    with served(answer) as address, pytest.raises(FetchError, match=f"HTTP {status}"):
        OidcHttp(allow_loopback=True)(f"{address}/document")
    assert asked == ["/document"]


def test_a_document_that_trickles_is_given_up() -> None:
    """The time is that of the whole document: a server that sends a little now and then does not hold the function."""
    is_over = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "100000")
        handler.end_headers()
        while not is_over.wait(0.05):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    with served(answer) as address:
        try:
            with pytest.raises(FetchError):
                OidcHttp(allow_loopback=True, seconds=0.4)(f"{address}/document")
        finally:
            is_over.set()


def test_a_server_that_is_not_there_is_a_failure() -> None:
    """Nobody listens: said at once."""
    with served(lambda _: None) as address:
        pass
    with pytest.raises(FetchError, match="no connection"):
        OidcHttp(allow_loopback=True)(f"{address}/document")


@pytest.mark.parametrize(
    "address",
    [
        "http://id.example.com/",
        "http://127.0.0.1@id.example.com/",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "file:///etc/passwd",
        "ftp://id.example.com/",
        "https://user@id.example.com/",
        "https://",
        "",
        "//id.example.com",
        "https://id.example.com\\@evil.test/",
    ],
)
def test_only_safe_addresses_are_asked(address: str) -> None:
    """HTTPS alone; this machine without it where that is allowed, and not otherwise."""
    for http in (OidcHttp(), OidcHttp(allow_loopback=True)):
        with pytest.raises(FetchError, match="https"):
            http(address)
    with pytest.raises(FetchError, match="https"):
        OidcHttp()("http://127.0.0.1:1/")

"""What the smoke test makes of answers and of failures."""

import http.client
import io
import json
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions.errors import SettingError
from functions.local.settings import SmokeSecrets
from functions.local.smoke import Target, Timing, is_streaming, read_answer, smoke, timed_events, verdict
from functions.local.smoke_calls import Arrival, Reply, SmokeFailed, checked, read_json, refused, unreachable

CHAT = "https://abc.lambda-url.eu-west-1.on.aws/chatkit"


def frame(event: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def delta(text: str) -> bytes:
    update = {"type": "assistant_message.content_part.text_delta", "delta": text}
    return frame({"type": "thread.item.updated", "update": update})


def reply(*arrivals: tuple[float, bytes], status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, named, tuple(Arrival(*each) for each in arrivals), arrivals[-1][0] if arrivals else 0)


def test_an_event_has_arrived_with_its_last_byte() -> None:
    """However the stream is cut, each event is found once, at the time of its end."""
    whole = frame({"type": "a"}) + b": keep-alive\n\n" + frame({"type": "ü"})
    for cut in range(1, len(whole)):
        found = list(timed_events([Arrival(1, whole[:cut]), Arrival(2, whole[cut:])]))
        assert [event["type"] for _, event in found] == ["a", "ü"]
        ends = (whole.index(b"\n") + 1, len(whole) - 1)
        assert [seconds for seconds, _ in found] == [1 if end <= cut else 2 for end in ends]


def test_the_times_of_an_answer() -> None:
    """The first byte is any byte, the first text is text; what arrives together is one piece."""
    begun = frame({"type": "thread.created", "thread": {"id": "thr_1"}})
    answer = reply((0.1, begun), (0.5, delta("one")), (0.9, delta(", ") + delta("two")), (1.0, b": done\n\n"))
    text, timing = read_answer(answer)
    assert text == "one, two"
    assert timing == Timing(first_byte=0.1, first_text=0.5, last_text=0.9, total=1.0, deltas=3, pieces=2)


@pytest.mark.parametrize(
    ("timing", "streams"),
    [
        (Timing(0.2, 0.8, 2.5, 2.6, 40, 35), True),
        (Timing(1.9, 2.2, 2.5, 2.6, 40, 9), True),
        (Timing(2.6, 2.6, 2.6, 2.6, 40, 1), False),
        (Timing(2.5, 2.5, 2.52, 2.6, 40, 5), False),
        (Timing(0.2, 2.6, 2.6, 2.6, 40, 1), False),
        (Timing(0.2, 2.5, 2.55, 2.6, 3, 3), None),
        (Timing(0.2, 0.3, 0.31, 0.31, 40, 1), None),
    ],
    ids=["streams", "after a cold start", "all at once", "all at the end", "text at once", "a quick model", "short"],
)
def test_what_was_held_back_is_told_from_what_streams(timing: Timing, streams: bool | None) -> None:
    """By how the text arrived; where that says nothing, nothing is said."""
    assert is_streaming(timing) is streams
    assert verdict(timing)[:2] == {True: "ok", False: "NO", None: "??"}[streams]


def test_an_answer_that_fails() -> None:
    """Its reason is passed on, with what is most often behind it; without a text, it has failed too."""
    failed = reply((0.1, delta("a")), (0.2, frame({"type": "error", "code": "stream.error", "allow_retry": True})))
    with pytest.raises(SmokeFailed, match=r"stream\.error.*no OpenAI key"):
        read_answer(failed)
    with pytest.raises(SmokeFailed, match="without any text"):
        read_answer(reply((0.1, frame({"type": "thread.created"}))))


UNREACHABLE: dict[str, tuple[Exception, bool, str]] = {
    "dns": (socket.gaierror(-2, "Name or service not known"), False, r"no host .* \(DNS\)"),
    "certificate": (ssl.SSLCertVerificationError(1, "self-signed"), False, "no certificate that this machine trusts"),
    "tls": (ssl.SSLError(1, "wrong version"), False, "does not speak TLS"),
    "refused": (ConnectionRefusedError(111, "refused"), False, "nothing listens at abc"),
    "silent": (TimeoutError("timed out"), False, "did not answer within 60 seconds"),
    "closed": (http.client.RemoteDisconnected("closed"), False, "closed the connection"),
    "broken off": (http.client.IncompleteRead(b"", 5), True, "broke its answer off"),
    "other": (OSError(101, "Network is unreachable"), False, "Network is unreachable"),
}


@pytest.mark.parametrize("name", UNREACHABLE)
def test_why_there_is_no_answer(name: str) -> None:
    """Each way of being unreachable is told apart, in a sentence."""
    error, began, says = UNREACHABLE[name]
    with pytest.raises(SmokeFailed, match=says):
        raise SmokeFailed(unreachable(urlsplit(CHAT), error, began=began))


REFUSED: dict[str, tuple[str, Reply, str]] = {
    "function url": (CHAT, reply((0, b'{"Message":"Forbidden."}'), status=403), "lambda:InvokeFunctionUrl and"),
    "no route": (
        "https://x.execute-api.eu-west-1.amazonaws.com/dev/api/chatkit/start",
        reply((0, b"{}"), status=403, x_amzn_errortype="MissingAuthenticationTokenException"),
        "no such route, or wants a signature",
    ),
    "not allowed": ("https://x/api", reply((0, b'{"message":"not authorized"}'), status=403), "not authorized"),
    "token": (CHAT, reply((0, b'{"message":"expired"}'), status=401), r"token is refused \(401, expired\)"),
    "not found": (CHAT, reply((0, b"<html>"), status=404), "ChatUrl ends in /chatkit"),
    "many": (CHAT, reply((0, b"{}"), status=429), "too many requests"),
    "large": (CHAT, reply(status=413), "too large"),
    "broken": (CHAT, reply((0, b"Internal Server Error"), status=502), "HTTP 502, no reason given"),
    "moved": (CHAT, reply(status=301), "HTTP 301"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_why_an_answer_is_refused(name: str) -> None:
    """Each status says what is most likely behind it, and whatever reason came with it."""
    url, answer, says = REFUSED[name]
    with pytest.raises(SmokeFailed, match=says):
        raise SmokeFailed(refused(answer, url, doing="asking"))


@pytest.mark.parametrize("body", [b"<html></html>", b"[]", b"\xff"])
def test_what_is_no_chatkit_lambda(body: bytes) -> None:
    """An answer that is no JSON object is somebody else's."""
    with pytest.raises(SmokeFailed, match="no chatkit-lambda"):
        read_json(reply((0, body)), CHAT, doing="asking")


@pytest.mark.parametrize(
    "url", ["abc.on.aws/chatkit", "ftp://abc/", "https://", "https://a b/", "https://a:x/", "http://[/"]
)
def test_what_is_no_address(url: str) -> None:
    """It is refused before anything is sent."""
    with pytest.raises(SmokeFailed, match="is no address"):
        checked(url)


def test_who_is_calling_must_be_said() -> None:
    """With neither a token nor an address that gives one out, nothing is sent."""
    with pytest.raises(SmokeFailed, match="API_URL"):
        smoke(Target(url=CHAT), out=io.StringIO())


def test_what_proves_who_is_calling() -> None:
    """It is read from the environment, and shown by nothing; two proofs are one too many."""
    secrets = SmokeSecrets.from_environ({"TOKEN": " t0k3n ", "API_KEY": "", "ID_TOKEN": "pr00f"})
    assert (secrets.token, secrets.proof) == ("t0k3n", "pr00f")
    assert "0" not in repr(secrets)
    with pytest.raises(SettingError, match="ID_TOKEN"):
        SmokeSecrets.from_environ({"API_KEY": "a", "ID_TOKEN": "b"})

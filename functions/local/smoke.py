"""`chatkit-lambda smoke`: holds a short conversation with a deployed endpoint, and says whether it truly streams.

It gets a token (or takes one), renews it, begins a thread and takes the answer as it comes, reads the thread back, and
deletes it.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO, cast

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError

from functions.local.smoke_calls import Arrival, Reply, SmokeFailed, call, checked, read_json, refused
from functions.local.talk import events, request

MESSAGE: Final = "Write the numbers from one to forty as words, separated by commas, and nothing else."
USER: Final = "smoke-test"
LEAST_SPREAD: Final = 0.1
LEAST_PIECES: Final = 3
"""An answer whose text takes so many seconds to arrive, in so many pieces, was not held back: what was comes at once."""
SHORT_SECONDS: Final = 0.5
"""An answer that is done sooner says nothing about streaming."""
LATE: Final = 0.8
"""The share of an answer's time behind which its first byte says that it was held back: the first events are sent before
the model is asked."""
LUMP: Final = 5
"""So many deltas that arrive in one piece were held back."""
_OK: Final = 200
_FORBIDDEN: Final = 403
_TEXT_DELTA: Final = "assistant_message.content_part.text_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is tried, and as whom."""

    url: str
    """Where ChatKit's requests go: the output `ChatUrl` or `ChatRestUrl`."""
    api_url: str | None = None
    """Where tokens are given out: the output `ApiUrl`. None, where `token` is given."""
    token: str | None = None
    """A client token."""
    proof: str | None = None
    """An API key, or a user's identity token: what `start` is asked with. None asks without, then with AWS's signature."""
    origin: str | None = None
    """The origin of a page that must be let in; None tries none."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When what of a streamed answer arrived, in seconds since it was asked for."""

    first_byte: float
    first_text: float
    last_text: float
    total: float
    deltas: int
    """How often text was sent."""
    pieces: int
    """How often text arrived."""


def smoke(target: Target, *, out: TextIO, clock: Callable[[], float] = time.perf_counter) -> None:
    """Tries it all, a line for each step. Raises `SmokeFailed` at the first that fails. `clock` gives seconds."""
    checked(target.url)
    if target.origin is not None:
        _try_origin(target.url, target.origin)
        print(f"ok  pages of {target.origin} are let in", file=out, flush=True)
    token = target.token
    if token is None:
        if target.api_url is None:
            raise SmokeFailed("who is calling is not said: give API_URL (the output ApiUrl), or TOKEN")
        token = _session(target.api_url.rstrip("/"), target.proof, out=out)
    conversation = _Conversation(target.url, token, clock)
    thread: str | None = None
    try:
        reply = conversation.stream(request(MESSAGE, thread=None))
        thread = _thread_of(reply)
        text, timing = read_answer(reply)
        if thread is None:
            raise SmokeFailed("the answer's stream names no thread: it is no chatkit-lambda")
        print(f"ok  an answer of {len(text):,} characters: {told(timing)}", file=out, flush=True)
        print(verdict(timing), file=out, flush=True)
        conversation.read_back(thread, text)
        print("ok  the thread was read back, with the same answer", file=out, flush=True)
    finally:
        if thread is not None:
            conversation.delete(thread)
    print("ok  the thread was deleted", file=out, flush=True)
    if is_streaming(timing) is False:
        raise SmokeFailed(
            "the answer did not stream: something on the way holds it back. The functions stream by Function URL and by "
            "REST API (responseTransferMode STREAM), started by the exec wrapper; a proxy in front must not buffer"
        )


def read_answer(reply: Reply) -> tuple[str, Timing]:
    """The text of a streamed answer, and its times. Raises `SmokeFailed` where it ended in an error, or said nothing."""
    text: list[str] = []
    times: list[float] = []
    for seconds, event in timed_events(reply.arrivals):
        if event.get("type") == "error":
            raise SmokeFailed(_failed(event))
        update = event.get("update")
        if isinstance(update, dict):
            change = cast("dict[str, Any]", update)
            if change.get("type") == _TEXT_DELTA:
                text.append(str(change.get("delta", "")))
                times.append(seconds)
    if not text:
        raise SmokeFailed("the answer ended without any text: the chat function's log says why")
    arrived = sorted(set(times))
    return "".join(text), Timing(
        reply.arrivals[0].seconds, arrived[0], arrived[-1], reply.seconds, len(times), len(arrived)
    )


def timed_events(arrivals: Sequence[Arrival]) -> Iterator[tuple[float, dict[str, Any]]]:
    """The events of a stream, each with the time at which its last byte arrived."""
    rest = b""
    for arrival in arrivals:
        *lines, rest = (rest + arrival.content).split(b"\n")
        for event in events(lines):
            yield arrival.seconds, event


def is_streaming(timing: Timing) -> bool | None:
    """Whether the text came as it was written; None where that cannot be told."""
    if timing.pieces >= LEAST_PIECES and timing.last_text - timing.first_text >= LEAST_SPREAD:
        return True
    if timing.total < SHORT_SECONDS:
        return None
    if timing.first_byte >= LATE * timing.total or (timing.pieces == 1 and timing.deltas >= LUMP):
        return False
    return None


def told(timing: Timing) -> str:
    """The times, as a line."""
    return f"first byte {timing.first_byte:.2f} s, first text {timing.first_text:.2f} s, in all {timing.total:.2f} s"


def verdict(timing: Timing) -> str:
    """Whether it streamed, as a line."""
    arrived = f"the text arrived in {timing.pieces} pieces over {timing.last_text - timing.first_text:.2f} s"
    match is_streaming(timing):
        case True:
            return f"ok  it streams: {arrived}"
        case False:
            return f"NO  it does not stream: {arrived}"
        case None:
            return f"??  whether it streams cannot be told of this answer: {arrived}"


class _Conversation:
    def __init__(self, url: str, token: str, clock: Callable[[], float]) -> None:
        self._url = url
        self._clock = clock
        self._headers = {"authorization": f"Bearer {token}"}

    def stream(self, content: Mapping[str, Any]) -> Reply:
        doing = f"{content['type']} at {self._url}"
        reply = call(self._url, content, headers={**self._headers, "accept": "text/event-stream"}, clock=self._clock)
        if reply.status != _OK:
            raise SmokeFailed(refused(reply, self._url, doing=doing))
        if not reply.headers.get("content-type", "").startswith("text/event-stream"):
            raise SmokeFailed(f"{doing}: it is answered with no stream of events: is it the address of a page?")
        return reply

    def read_back(self, thread: str, text: str) -> None:
        read = self._ask("threads.get_by_id", thread)
        messages = [item for item in read.get("items", {}).get("data", ()) if item.get("type") == "assistant_message"]
        kept = "".join(part.get("text", "") for message in messages for part in message.get("content", ()))
        if kept != text:
            raise SmokeFailed(
                f"threads.get_by_id: {len(kept):,} characters of the answer were kept, and {len(text):,} were streamed"
            )

    def delete(self, thread: str) -> None:
        self._ask("threads.delete", thread)

    def _ask(self, kind: str, thread: str) -> dict[str, Any]:
        content = {"type": kind, "params": {"thread_id": thread}}
        return read_json(call(self._url, content, headers=self._headers), self._url, doing=kind)


def _thread_of(reply: Reply) -> str | None:
    for _, event in timed_events(reply.arrivals):
        if event.get("type") == "thread.created":
            return str(event["thread"]["id"])
    return None


def _failed(event: Mapping[str, Any]) -> str:
    said = event.get("message") or event.get("code") or "unknown"
    return (
        f"the answer ended in an error ({said}). Where no OpenAI key has been put into its secret yet, this is how it looks "
        "(docs/deploy.md); otherwise the chat function's log has a line `a turn failed` with the reason"
    )


def _session(api_url: str, proof: str | None, *, out: TextIO) -> str:
    start = f"{api_url}/chatkit/start"
    content = {"user": USER}
    headers = {} if proof is None else {"authorization": f"Bearer {proof}"}
    reply = call(start, content, headers=headers)
    how = "with the proof that was given" if proof else "unsigned"
    if proof is None and reply.status == _FORBIDDEN:
        # API Gateway asks for a signature (identity `iam`).
        reply, how = call(start, content, headers=_signed(start, content)), "signed with this machine's AWS credentials"
    token = _secret(reply, start, doing=f"asking for a token, {how}")
    renewed = call(f"{api_url}/chatkit/refresh", {"currentClientSecret": token}, headers={})
    token = _secret(renewed, f"{api_url}/chatkit/refresh", doing="renewing the token")
    print(f"ok  a token was given out ({how}) and renewed", file=out, flush=True)
    return token


def _secret(reply: Reply, url: str, *, doing: str) -> str:
    secret = read_json(reply, url, doing=doing).get("client_secret")
    if not isinstance(secret, str) or not secret:
        raise SmokeFailed(f"{doing}: {url} gives no client_secret")
    return secret


def _signed(url: str, content: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a request that is signed for API Gateway. Raises `SmokeFailed`."""
    host = checked(url).hostname or ""
    try:
        session = botocore.session.get_session()
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise SmokeFailed(f"the AWS credentials cannot be read: {error}") from error
    # `ID.execute-api.REGION.amazonaws.com`; behind a domain of one's own, the region is the environment's.
    labels = host.split(".")
    region = labels[2] if labels[1:2] == ["execute-api"] else session.get_config_variable("region")
    if credentials is None or region is None:
        raise SmokeFailed(
            "a token is given out for a signed call alone, and there are no AWS credentials, or no region"
        )
    # Without the port: it is signed as `call` sends it.
    signed = AWSRequest("POST", url, {"content-type": "application/json"}, json.dumps(content).encode())
    SigV4Auth(credentials, "execute-api", region).add_auth(signed)
    return {name: str(value) for name, value in cast("Any", signed.headers).items()}


def _try_origin(url: str, origin: str) -> None:
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    reply = call(url, None, headers={"origin": origin, **asks}, method="OPTIONS")
    if reply.status != _OK:
        raise SmokeFailed(refused(reply, url, doing="a page's preflight"))
    allowed = reply.headers.get("access-control-allow-origin")
    if allowed not in {origin, "*"}:
        raise SmokeFailed(
            f"pages of {origin} are kept out (CORS): it is not listed in allowed_origins. Deploy with "
            f"-c allowed_origins=...,{origin}: scheme, host and port, without a slash at the end"
        )

"""What an attack is made on: a user with some of everything, strangers, and requests written byte by byte."""

import base64
import hashlib
import hmac
import http.client
import json
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import jwt

from functions.ids import owner_digest
from functions.local import resources
from functions.local.ministack import Credentials
from functions.protocol.requests import STREAMING_TYPES
from functions.store import table
from tests.support.stack import Stack

Headers: TypeAlias = Sequence[tuple[str, str]]

SECRET: Final = "what only Alice knows"
"""Stands in everything of Alice's that has a text."""
FAR_FUTURE: Final = 4_102_444_800
"""Seconds since 1970: the year 2100."""


@dataclass(frozen=True)
class Sent:
    """A request, as it goes over the wire."""

    method: str = "POST"
    path: str = "/chatkit"
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What came back. A status of 0: the server closed the connection without a word."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        """Those of an event stream."""
        return [json.loads(frame[6:]) for frame in self.body.split(b"\n\n") if frame.startswith(b"data: ")]

    @property
    def is_refusal(self) -> bool:
        """Whether nothing was done: an HTTP error, or a stream that tells of an error and of nothing else."""
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            return [event["type"] for event in self.events] == ["error"]
        return self.status not in range(200, 300)

    @property
    def told(self) -> tuple[int, dict[str, str], bytes]:
        """All that a stranger learns, without what differs from one request to the next: its own id, and the time."""
        headers = {name: value for name, value in self.headers.items() if name not in {"date", "x-amzn-requestid"}}
        return self.status, headers, self.body


@dataclass(frozen=True)
class Ids:
    """Alice's, or such as nobody has."""

    thread: str
    message: str
    answer: str
    tool_thread: str
    tool_call: str
    form_thread: str
    form: str
    widget_thread: str
    widget: str
    attachment: str
    sent_attachment: str
    """One that is in a message."""

    def missing(self) -> "Ids":
        """Ids that differ from these in the last character alone: of the same time, and of nothing."""
        return replace(self, **{name: _altered(value) for name, value in vars(self).items()})


def _altered(object_id: str) -> str:
    return object_id[:-1] + ("0" if object_id[-1] != "0" else "1")


@dataclass(frozen=True)
class Target:
    """What an attack can make use of: ids, a stranger's own things, and tokens."""

    ids: Ids
    own: Ids
    """The stranger's."""
    token: str
    """The stranger's, which is good."""
    alice: str = field(repr=False)
    """A token of Alice's: what an attack alters."""
    signed_out: str = field(repr=False)
    """A token of Alice's that is of a session that she has ended."""
    forge: Callable[..., str]
    """Signs claims that are altered, with the very key of the stack: see `forger`."""

    def of_nothing(self) -> "Target":
        """The same, about what does not exist."""
        return replace(self, ids=self.ids.missing())


def body(request: str, **params: Any) -> bytes:
    """A request of the protocol."""
    return json.dumps({"type": request, "params": params}).encode()


def bearer(token: str) -> tuple[str, str]:
    """The header that carries a token."""
    return "authorization", f"Bearer {token}"


def asked(request: str, token: str, *more: tuple[str, str], **params: Any) -> Sent:
    """A request of the protocol, as ChatKit.js sends it."""
    accept = "text/event-stream" if request in STREAMING_TYPES else "*/*"
    headers = (("content-type", "application/json"), ("accept", accept), bearer(token), *more)
    return Sent(headers=headers, body=body(request, **params))


def message(text: str = "Hi", **more: Any) -> dict[str, Any]:
    """A user's message."""
    return {"content": [{"type": "input_text", "text": text}], "attachments": [], "inference_options": {}, **more}


def send(stack: Stack, sent: Sent) -> Answer:
    """Sends a request as it is: nothing of its path or its headers is put right."""
    address = urlsplit(stack.url)
    names = {name.lower() for name, _ in sent.headers}
    lines = [f"{sent.method} {sent.path} HTTP/1.1"]
    lines += [] if "host" in names else [f"host: {address.netloc}"]
    lines += [f"{name}: {value}" for name, value in sent.headers]
    if not names & {"content-length", "transfer-encoding"}:
        lines.append(f"content-length: {len(sent.body)}")
    head = "\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1")
    with closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)) as connection:
        connection.connect()
        assert connection.sock is not None
        with suppress(BrokenPipeError, ConnectionResetError):  # it was refused before it had been read
            connection.sock.sendall(head + sent.body)
        try:
            response = http.client.HTTPResponse(connection.sock, method=sent.method)
            response.begin()
            with response:
                headers = {name.lower(): value for name, value in response.getheaders()}
                return Answer(response.status, headers, response.read())
        except (ConnectionResetError, http.client.BadStatusLine, http.client.IncompleteRead):
            return Answer(0, {}, b"")


def snapshot(clients: resources.Clients, *, without: Iterable[str]) -> Any:
    """All that is stored, rows and objects, but for what belongs to the owners `without`."""
    owners = tuple(without)
    digests = tuple(owner_digest(owner) for owner in owners)

    def is_theirs(*keys: str) -> bool:
        return any(
            key.endswith(tuple(f"#{owner}" for owner in owners)) or any(map(key.__contains__, digests)) for key in keys
        )

    pages: Any = clients.dynamodb.get_paginator("scan").paginate(TableName=resources.TABLE, ConsistentRead=True)
    rows = [row for page in pages for row in page["Items"]]
    listed: Any = clients.s3.list_objects_v2(Bucket=resources.BUCKET)
    keys = (table.PARTITION_KEY, table.SORT_KEY)
    kept = [row for row in rows if not is_theirs(*(row[key]["S"] for key in keys))]
    objects = [(one["Key"], one["ETag"]) for one in listed.get("Contents", ()) if not is_theirs(one["Key"])]
    return sorted(kept, key=lambda row: [row[key]["S"] for key in keys]), sorted(objects)


def settled(stack: Stack, user: str, **session: str) -> Ids:
    """Makes some of everything for a user."""
    token = started(stack, user, **session)

    def events(kind: str, **params: Any) -> list[dict[str, Any]]:
        return send(stack, asked(kind, token, **params)).events

    def made(kind: str, told: list[dict[str, Any]]) -> str:
        items = [event["item"] for event in told if event["type"] == "thread.item.done"]
        return next(item["id"] for item in items if item["type"] == kind)

    announced = send(stack, asked("attachments.create", token, name=f"{SECRET}.txt", size=5, mime_type="text/plain"))
    picture = json.loads(
        send(stack, asked("attachments.create", token, name=f"{SECRET}.png", size=len(PNG), mime_type="image/png")).body
    )
    _put(picture["upload_descriptor"])
    said = events("threads.create", input=message(SECRET, attachments=[picture["id"]]))
    tool = events("threads.create", input=message(f"tool {SECRET}"))
    form = events("threads.create", input=message(f"question {SECRET}"))
    widget = events("threads.create", input=message(f"widget {SECRET}"))
    return Ids(
        thread=said[0]["thread"]["id"],
        message=made("user_message", said),
        answer=made("assistant_message", said),
        tool_thread=tool[0]["thread"]["id"],
        tool_call=made("client_tool_call", tool),
        form_thread=form[0]["thread"]["id"],
        form=made("structured_input", form),
        widget_thread=widget[0]["thread"]["id"],
        widget=made("widget", widget[::-1]),
        attachment=json.loads(announced.body)["id"],
        sent_attachment=picture["id"],
    )


def started(stack: Stack, user: str, **session: str) -> str:
    """A client token, as the local stack gives it to whoever asks."""
    return json.loads(stack.post("/api/chatkit/start", {"user": user, **session}))["client_secret"]


def _put(descriptor: Mapping[str, Any]) -> None:
    request = urllib.request.Request(
        descriptor["url"], data=PNG, headers=descriptor["headers"], method=descriptor["method"]
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        assert response.status == 200


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


PNG: Final = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0\0")
    + _chunk(b"IDAT", zlib.compress(b"\0\0"))
    + _chunk(b"IEND", b"")
)
"""One grey point."""


@contextmanager
def connected(stack: Stack) -> Iterator[resources.Clients]:
    """Clients of what the stack stands on, to which the environment of its functions leads."""
    environments = (process.environ() for process in stack.family())
    environment = next(each for each in environments if each.get("TOKEN_SECRET_ID"))
    credentials = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    clients = resources.Clients.connect(endpoint=environment["AWS_ENDPOINT_URL"], credentials=credentials)
    with closing(clients):
        yield clients


def forger(stack: Stack, clients: resources.Clients) -> Callable[..., str]:
    """Signs tokens with the key of this stack, which nobody but its functions can read."""
    text = clients.secrets_manager.get_secret_value(SecretId=resources.TOKEN_SECRET)["SecretString"]
    secret = json.loads(text)
    now = int(time.time())
    right = {
        "sub": "alice", "aud": "chatkit", "iat": now, "exp": FAR_FUTURE, "jti": "forged", "sid": "forged",
        "auth_time": now, "session_exp": FAR_FUTURE, "scope": "chat upload", "idp": "local",
    }  # fmt: skip

    def forge(without: str = "", headers: Mapping[str, Any] | None = None, key: str = "", **claims: Any) -> str:
        """A token that is right but for what is given: `claims` in place of the right ones, `without` one of them."""
        all_claims = {name: value for name, value in (right | claims).items() if name != without}
        return signed(
            {"alg": "HS256", "typ": "JWT", "kid": secret["kid"], **(headers or {})}, all_claims, key or secret["key"]
        )

    assert send(stack, asked("threads.list", forge())).status == 200, "the forger's own token is not good"
    return forge


def encoded(part: Any) -> str:
    """A part of a token: base64 of JSON, or of bytes."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: Any, claims: Any, key: str | bytes, digest: str = "sha256") -> str:
    """A token with any header and any claims, under an HMAC."""
    told = f"{encoded(header)}.{encoded(claims)}"
    secret = key.encode() if isinstance(key, str) else key
    return f"{told}.{encoded(hmac.new(secret, told.encode(), getattr(hashlib, digest)).digest())}"


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    return jwt.decode(token, options={"verify_signature": False})


def header_of(token: str) -> dict[str, Any]:
    """A token's header, unchecked."""
    return jwt.get_unverified_header(token)

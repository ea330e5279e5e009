"""Bodies that are no requests, too large, too deep, or hold what no request has."""

from collections.abc import Callable, Mapping
from typing import Final

from tests.support.attack import Attack
from tests.support.attack_target import (
    SECRET,
    Sent,
    Target,
    asked,
    bearer,
    message,
)

_DEEP: Final = 100_000


def _posted(
    content: bytes | Callable[[Target], bytes], path: str = "/chatkit", **headers: str
) -> Callable[[Target], Sent]:
    def sent(at: Target) -> Sent:
        pairs = (("content-type", "application/json"), ("accept", headers.get("accept", "*/*")), bearer(at.token))
        return Sent(path=path, headers=pairs, body=content if isinstance(content, bytes) else content(at))

    return sent


def _filled(template: str) -> Callable[[Target], bytes]:
    """`THREAD` and `OWN` stand for ids of Alice's and of the stranger's threads."""
    return lambda at: template.replace("THREAD", at.ids.thread).replace("OWN", at.own.thread).encode()


_MALFORMED: Final[Mapping[str, bytes]] = {
    "nothing": b"",
    "a null": b"null",
    "a list": b"[]",
    "a text": b'"threads.list"',
    "a number": b"1",
    "not a number": b'{"type":"threads.list","params":{"limit":NaN}}',
    "an endless number": b'{"type":"threads.list","params":{"limit":1e999}}',
    "a number of many digits": b'{"type":"threads.list","params":{"limit":' + b"9" * 5_000 + b"}}",
    "a number below zero": b'{"type":"threads.list","params":{"limit":-1}}',
    "half a request": b'{"type":"threads.list","params":{',
    "two requests": b'{"type":"threads.list","params":{}}{"type":"threads.list","params":{}}',
    "bytes that are no text": b'{"type":"threads.list","params":{"after":"\xff\xfe"}}',
    "UTF-16": '{"type":"threads.list","params":{}}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + b'{"type":"threads.list","params":{}}',
    "a null byte behind it": b'{"type":"threads.list","params":{}}\0',
    "half a character": b'{"type":"threads.list","params":{"after":"\\ud800"}}',
    "a type that there is not": b'{"type":"threads.list_all","params":{}}',
    "a type that is a list": b'{"type":["threads.list"],"params":{}}',
    "a type of the prototype": b'{"type":"__proto__","params":{}}',
    "no type": b'{"params":{}}',
    "no params": b'{"type":"threads.get_by_id"}',
    "params that are a list": b'{"type":"threads.get_by_id","params":[]}',
    "a form": b"type=threads.list",
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
}
_DEEP_BODIES: Final[Mapping[str, bytes]] = {
    "lists in lists": b"[" * _DEEP,
    "closed lists in lists": b"[" * _DEEP + b"]" * _DEEP,
    "objects in objects": b'{"a":' * _DEEP,
    "deep params": b'{"type":"threads.list","params":' + b'{"a":' * _DEEP + b"1" + b"}" * _DEEP + b"}",
    "deep metadata": b'{"type":"threads.list","params":{},"metadata":' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}",
    "very deep metadata": b'{"type":"threads.list","params":{},"metadata":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
    "many keys": b'{"type":"threads.list","params":{},"metadata":{'
    + b",".join(b'"%d":0' % number for number in range(50_000))
    + b"}}",
    "large metadata": b'{"type":"threads.list","params":{},"metadata":{"a":"' + b"x" * 20_000 + b'"}}',
    "a long id": b'{"type":"threads.get_by_id","params":{"thread_id":"thr_' + b"0" * 100_000 + b'"}}',
    "two megabytes": b'{"type":"threads.list","params":{"after":"' + b"x" * 2_000_000 + b'"}}',
    "five megabytes of spaces": b" " * 5_000_000 + b'{"type":"threads.list","params":{}}',
    "seven megabytes": b"x" * 7_000_000,
    "a recording of five megabytes that is none": b'{"type":"input.transcribe","params":{"audio_base64":['
    + b"1," * 2_500_000,
    "a title of many characters": b'{"type":"threads.update","params":{"thread_id":"thr_x","title":"'
    + b"x" * 1_001
    + b'"}}',
}
_SMUGGLED: Final[Mapping[str, str]] = {
    "a user in params": '{"type":"threads.get_by_id","params":{"thread_id":"THREAD","user":"alice","user_id":"alice"}}',
    "a user beside params": '{"type":"threads.get_by_id","user":"alice","tenant":null,"params":{"thread_id":"THREAD"}}',
    "a user in metadata": '{"type":"threads.get_by_id","params":{"thread_id":"THREAD"},"metadata":{"user":"alice"}}',
    "a context": '{"type":"threads.get_by_id","context":{"user":"alice"},"params":{"thread_id":"THREAD"}}',
    "the prototype": '{"type":"threads.get_by_id","__proto__":{"user":"alice"},"params":{"thread_id":"THREAD"}}',
    "two types, the second deletes": '{"type":"threads.get_by_id","type":"threads.delete","params":{"thread_id":"THREAD"}}',
    "two params": '{"type":"threads.delete","params":{"thread_id":"thr_x"},"params":{"thread_id":"THREAD"}}',
    "two ids": '{"type":"threads.delete","params":{"thread_id":"thr_x","thread_id":"THREAD"}}',
    "an id in a list": '{"type":"threads.get_by_id","params":{"thread_id":["THREAD"]}}',
    "an id in an object": '{"type":"threads.get_by_id","params":{"thread_id":{"$ne":"THREAD"}}}',
    "an id in small letters": '{"type":"threads.get_by_id","params":{"thread_id":"thread:THREAD"}}',
    "an id with a space": '{"type":"threads.get_by_id","params":{"thread_id":" THREAD"}}',
    "an id with a line": '{"type":"threads.get_by_id","params":{"thread_id":"THREAD\\n"}}',
    "an id with an end": '{"type":"threads.get_by_id","params":{"thread_id":"THREAD\\u0000"}}',
    "an id below a user": '{"type":"threads.get_by_id","params":{"thread_id":"alice#THREAD"}}',
    "an id below a user, as keys are": '{"type":"threads.get_by_id","params":{"thread_id":"alice\\u001fTHREAD"}}',
    "an id with a path": '{"type":"threads.get_by_id","params":{"thread_id":"../alice/THREAD"}}',
    "an id that is a pattern": '{"type":"threads.get_by_id","params":{"thread_id":"thr_*"}}',
    "an id with a fragment": '{"type":"threads.get_by_id","params":{"thread_id":"THREAD#item"}}',
    "full-width letters": '{"type":"threads.get_by_id","params":{"thread_id":"\\uff54THREAD"}}',
}
_SESSION_BODIES: Final[Mapping[str, bytes]] = {
    "no user": b"{}",
    "an empty user": b'{"user":""}',
    "a user that is a list": b'{"user":["alice"]}',
    "a user that is an object": b'{"user":{"user":"alice"}}',
    "a user of too many characters": b'{"user":"' + b"a" * 257 + b'"}',
    "a user with the separator of tenants": b'{"user":"acme\\u001falice"}',
    "a tenant with the separator of tenants": b'{"user":"x","tenant":"acme\\u001falice"}',
    "a user with a line": b'{"user":"alice\\n"}',
    "a user with an end": b'{"user":"alice\\u0000"}',
    "a tenant that is a list": b'{"user":"alice","tenant":["acme"]}',
    "scopes that there are not": b'{"user":"alice","scopes":["admin"]}',
    "no scopes": b'{"user":"alice","scopes":[]}',
    "deep": b'{"user":' + b"[" * 4_000,
    "large": b'{"user":"' + b"a" * 20_000 + b'"}',
    "no JSON": b"user=alice",
}

BODIES: Final = (
    *(Attack(f"body: {name}", _posted(content)) for name, content in _MALFORMED.items()),
    *(Attack(f"body: {name}", _posted(content)) for name, content in _DEEP_BODIES.items()),
    *(Attack(f"body: {name}", _posted(_filled(template))) for name, template in _SMUGGLED.items()),
    *(Attack(f"start: {name}", _posted(content, "/api/chatkit/start")) for name, content in _SESSION_BODIES.items()),
    *(Attack(f"logout: {name}", _posted(content, "/api/chatkit/logout")) for name, content in _SESSION_BODIES.items()),
    Attack(
        "deep output of a tool",
        _posted(
            lambda at: (
                b'{"type":"threads.add_client_tool_output","params":{"thread_id":"%s","result":'
                % at.own.tool_thread.encode()
                + b"[" * 150
                + b"]" * 150
                + b"}}"
            ),
            accept="text/event-stream",
        ),
    ),
    Attack(
        "deep payload of an action",
        _posted(
            lambda at: (
                b'{"type":"threads.custom_action","params":{"thread_id":"%s","action":{"type":"a","payload":{"a":'
                % at.own.thread.encode()
                + b"[" * 150
                + b"]" * 150
                + b"}}}}"
            ),
            accept="text/event-stream",
        ),
    ),
    Attack(
        "more attachments than a message takes",
        lambda at: asked("threads.create", at.token, input=message(attachments=[at.ids.sent_attachment] * 101)),
    ),
    Attack(
        "more parts than a message takes",
        lambda at: asked(
            "threads.create", at.token, input=message() | {"content": [{"type": "input_text", "text": "x"}] * 1_001}
        ),
    ),
    Attack(
        "more items than a feedback takes",
        lambda at: asked(
            "items.feedback", at.token, thread_id=at.own.thread, item_ids=[at.ids.answer] * 1_001, kind="negative"
        ),
    ),
    Attack("a message too long", lambda at: asked("threads.create", at.token, input=message("x" * 900_000))),
    Attack(
        "an upload that is no form",
        _posted(SECRET.encode(), "/api/chatkit/upload"),
    ),
)

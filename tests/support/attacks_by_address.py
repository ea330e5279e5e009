"""Headers and paths by which a request says that it is another."""

from collections.abc import Callable
from typing import Final

from tests.support.attack import Attack
from tests.support.attack_target import Sent, Target, asked, bearer, body
from tests.support.multipart import CONTENT_TYPE

_UNAUTHENTICATED: Final = frozenset({401})


def _reading(*headers: tuple[str, str]) -> Callable[[Target], Sent]:
    """A stranger reads a thread of Alice's, with headers that say something else."""
    return lambda at: asked("threads.get_by_id", at.token, *headers, thread_id=at.ids.thread)


def _raw(
    *headers: str | tuple[str, str], kind: str = "threads.get_by_id", method: str = "POST"
) -> Callable[[Target], Sent]:
    """The same, with these headers alone; `TOKEN` stands for the stranger's."""

    def sent(at: Target) -> Sent:
        pairs = [(name, value.replace("TOKEN", at.token)) for name, value in headers]
        return Sent(method, headers=pairs, body=body(kind, thread_id=at.ids.thread))

    return sent


_SAYS_WHO: Final = (
    "x-user", "x-user-id", "x-forwarded-user", "x-remote-user", "remote-user", "x-auth-request-user", "x-tenant",
    "x-amzn-oidc-identity", "x-amzn-request-context", "x-amz-user-arn", "userarn", "x-client-cert-subject",
)  # fmt: skip
_SAYS_WHERE: Final = (
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "x-client-ip", "x-original-url",
    "x-rewrite-url", "x-forwarded-prefix", "forwarded", "via",
)  # fmt: skip
_SAYS_HOW: Final = ("x-http-method-override", "x-http-method", "x-method-override")
_SCHEMES: Final = (
    "TOKEN", "Basic TOKEN", "Basic YWxpY2U6", "Digest username=alice", "Token TOKEN", "bearer", "Bearer", "Bearer  ",
    "Bearer, TOKEN", "BearerTOKEN", "Bearer TOKEN TOKEN", "Bearer TOKEN, Bearer TOKEN", "Bearer=TOKEN", "Bearer\tTOKEN",
    "AWS4-HMAC-SHA256 Credential=alice", "Negotiate TOKEN", 'Bearer "TOKEN"', "Bearer <TOKEN>", "Bearer %20TOKEN",
)  # fmt: skip
_METHODS: Final = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "CONNECT", "MADEUP")

HEADERS: Final = (
    *(Attack(f"{name} says who calls", _reading((name, "alice")), statuses=frozenset({404})) for name in _SAYS_WHO),
    *(Attack(f"{name} says where", _reading((name, "127.0.0.1")), statuses=frozenset({404})) for name in _SAYS_WHERE),
    *(Attack(f"{name} says how", _reading((name, "DELETE")), statuses=frozenset({404})) for name in _SAYS_HOW),
    *(
        Attack(f"authorization: {scheme!r}", _raw(("authorization", scheme)), statuses=_UNAUTHENTICATED)
        for scheme in _SCHEMES
    ),
    Attack("no authorization", _raw(), statuses=_UNAUTHENTICATED),
    Attack(
        "authorization twice",
        _raw(("authorization", "Bearer TOKEN"), ("authorization", "Bearer TOKEN")),
        statuses=_UNAUTHENTICATED,
    ),
    Attack(
        "authorization twice, in two spellings",
        _raw(("authorization", "Bearer x.y.z"), ("AUTHORIZATION", "Bearer TOKEN")),
        statuses=_UNAUTHENTICATED,
    ),
    Attack("authorization in upper case", _raw(("AUTHORIZATION", "BEARER TOKEN")), statuses=frozenset({404})),
    Attack("the token in a cookie", _raw(("cookie", "authorization=TOKEN; token=TOKEN")), statuses=_UNAUTHENTICATED),
    Attack("the token as a proxy's", _raw(("proxy-authorization", "Bearer TOKEN")), statuses=_UNAUTHENTICATED),
    Attack("a cookie says who calls", _reading(("cookie", "user=alice; sub=alice")), statuses=frozenset({404})),
    Attack("another host", _reading(("host", "evil.example")), statuses=frozenset({421})),
    Attack("a host of many", _reading(("host", "127.0.0.1, evil.example")), statuses=frozenset({421})),
    Attack("no host", _reading(("host", "")), statuses=frozenset({421})),
    Attack("two hosts", _reading(("host", "127.0.0.1"), ("host", "evil.example")), statuses=frozenset({400})),
    Attack("another origin", _reading(("origin", "https://evil.example")), statuses=frozenset({404})),
    Attack("a null origin", _reading(("origin", "null")), statuses=frozenset({404})),
    Attack("an assistant that there is not", _reading(("x-agent-type", "../admin")), statuses=frozenset({404})),
    Attack("a language of many", _reading(("accept-language", "x-" * 5_000)), statuses=frozenset({404})),
    Attack(
        "a header that is too large",
        lambda at: asked("threads.list", at.token, ("x-filler", "x" * 200_000)),
        statuses=frozenset({0, 400, 431}),
    ),
    Attack("a body said to be packed", _reading(("content-encoding", "gzip")), statuses=frozenset({404})),
    Attack("a body said to be XML", _reading(("content-type", "application/xml")), statuses=frozenset({404})),
    Attack("a body said to be a form", _reading(("content-type", CONTENT_TYPE)), statuses=frozenset({404})),
    Attack(
        "two lengths",
        _raw(("authorization", "Bearer TOKEN"), ("content-length", "5"), ("content-length", "500")),
        statuses=frozenset({400}),
    ),
    Attack(
        "a length below zero",
        _raw(("authorization", "Bearer TOKEN"), ("content-length", "-1")),
        statuses=frozenset({400}),
    ),
    Attack(
        "chunks that are none",
        lambda at: Sent(headers=(bearer(at.token), ("transfer-encoding", "chunked")), body=b"zz\r\n{}\r\n0\r\n\r\n"),
        statuses=frozenset({0, 400}),
    ),
    Attack(
        "an encoding that hides another",
        _raw(("authorization", "Bearer TOKEN"), ("transfer-encoding", "xchunked"), ("content-length", "5")),
        statuses=frozenset({400, 501}),
    ),
    Attack(
        "a name with a space",
        _raw(("authorization ", "Bearer TOKEN")),
        statuses=frozenset({400}),
    ),
    *(
        Attack(
            f"method {method}",
            _raw(("authorization", "Bearer TOKEN"), kind="threads.delete", method=method),
            statuses=frozenset({400, 404, 405}),
        )
        for method in _METHODS
    ),
)


# `ID` stands for an attachment of Alice's. What a gateway in front may make of a path, no function follows.
_PATHS: Final = (
    "/api//chatkit/attachments/ID", "//api/chatkit/attachments/ID", "/api/chatkit/attachments//ID",
    "/api/chatkit//attachments/ID", "/api/chatkit/attachments/ID/", "/api/chatkit/attachments/ID//",
    "/api/chatkit/attachments/./ID", "/api/./chatkit/attachments/ID", "/api/chatkit/../chatkit/attachments/ID",
    "/api/chatkit/attachments/%2e/ID", "/api/%2e%2e/api/chatkit/attachments/ID",
    "/api/chatkit/attachments/..%2fattachments%2fID", "/api/chatkit/attachments/%2e%2e%2fID",
    "/api/chatkit/attachments%2fID", "/api%2fchatkit%2fattachments%2fID", "/api/chatkit/attachments%252fID",
    "/API/CHATKIT/ATTACHMENTS/ID", "/api/ChatKit/attachments/ID", "/%61pi/chatkit/attachments/ID",
    "/api/chatki%74/attachments/ID", "/api/chatkit/attachments/ID%00", "/api/chatkit/attachments/%00ID",
    "/api/chatkit/attachments/ID%0a", "/api/chatkit/attachments/ID%0d%0aset-cookie:%20a=b",
    "/api/chatkit/attachments/ID;user=alice", "/api/chatkit/attachments/ID;.json", "/api/chatkit/attachments/ID.json",
    "/api/chatkit/attachments/ID%20", "/api/chatkit/attachments/%20ID", "/api/chatkit/attachments/ID%09",
    "/api/chatkit/attachments/ID%3fuser=alice", "/api/chatkit/attachments/ID%23", "/api/chatkit/attachments/ID%2500",
    "/api/chatkit/attachments/%c0%ae%c0%ae/ID", "/api/chatkit/attachments/%u002e/ID",
    "/api/chatkit/attachments/ID%ff", "/api/chatkit/attachments/ID?user=alice",
    "/api/chatkit/attachments/ID?tenant=&user=alice&sub=alice", "/api/chatkit/attachments/ID?access_token=alice",
    "/api/chatkit/attachments/ID?_method=DELETE", "/api/chatkit/attachments/ID/../ID",
    "/api/chatkit/attachments/ID\\..\\ID", "/api\\chatkit\\attachments\\ID", "/chatkit/../api/chatkit/attachments/ID",
    "/chatkit/api/chatkit/attachments/ID", "/local/api/chatkit/attachments/ID",
    "http://evil.example/api/chatkit/attachments/ID", "/api/chatkit/attachments/alice/ID",
    "/api/chatkit/attachments/alice%1fID", "/api/chatkit/attachments/alice%23ID", "/api/chatkit/attachments/*",
    "/api/chatkit/attachments/", "/api/chatkit/attachments",
)  # fmt: skip
_FILES: Final = (
    "/web/../pyproject.toml", "/web/%2e%2e/pyproject.toml", "/web/..%2fpyproject.toml",
    "/web/%2e%2e%2fpyproject.toml", "/web/....//pyproject.toml", "/web/..\\pyproject.toml", "/web//etc/passwd",
    "/web/%2fetc%2fpasswd", "/web/%00/../../pyproject.toml", "/web/..%252fpyproject.toml", "/../pyproject.toml",
    "/.git/config", "/web/../.git/config",
)  # fmt: skip
_CHAT_PATHS: Final = (
    "/chatkit/", "//chatkit", "/CHATKIT", "/chatkit%2f", "/%63hatkit", "/chatkit/..", "/chatkit;a", "/chatkit%00",
    "/chatkit/x", "/api/chatkit", "/api/../chatkit", "/api/..%2fchatkit", "/chatkit?user=alice",
    "/chatkit?token=alice", "/", "*",
)  # fmt: skip


def _path_of(path: str) -> Callable[[Target], Sent]:
    return lambda at: Sent("GET", path.replace("ID", at.ids.sent_attachment), (bearer(at.token),))


def _chat_at(path: str) -> Callable[[Target], Sent]:
    def sent(at: Target) -> Sent:
        return Sent(
            "POST", path, asked("threads.list", at.token).headers, body("threads.get_by_id", thread_id=at.ids.thread)
        )

    return sent


_NOT_THERE: Final = frozenset({307, 400, 404, 405, 421})
"""307: the front end's own answer to a path with a slash too many, which leads to the same path without it."""

PATHS: Final = (
    *(Attack(f"GET {path}", _path_of(path), statuses=_NOT_THERE) for path in _PATHS),
    *(Attack(f"GET {path}", _path_of(path), statuses=_NOT_THERE) for path in _FILES),
    *(Attack(f"POST {path}", _chat_at(path), statuses=_NOT_THERE) for path in _CHAT_PATHS),
)

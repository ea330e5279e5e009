"""The routes of a session: start, refresh, logout."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.errors import LimitReached, SessionEnded, Unauthenticated
from functions.gateway.api_routes import ApiRoutes
from functions.gateway.checked_tokens import CheckedTokens
from functions.gateway.cors import Cors
from functions.gateway.request import from_event
from functions.gateway.sessions import Sessions, credentials_of
from functions.identity.addresses import digest
from functions.identity.anonymous import AnonymousIdentities
from functions.identity.base import TENANT_CHARACTERS, Credentials, IdentitySource, Session, TrustedIdentity
from functions.identity.keys import OneKey, SigningKey
from functions.identity.named_users import IamIdentities, LocalIdentities
from functions.identity.tokens import ClientTokens
from functions.runtime.loop import run
from tests.support.http_events import FORMATS, Build, rest_api
from tests.support.memory_store import MemoryStore

APP = "https://app.example.com"
START, REFRESH, LOGOUT = (f"/api/chatkit/{name}" for name in ("start", "refresh", "logout"))
NOW = 1_800_000_000
KEY = SigningKey(kid="1", key="k" * 32)

both = pytest.mark.parametrize("build", FORMATS, ids=["function_url", "rest_api"])


@dataclass
class Fickle:
    """A kind of identity that may change its mind."""

    name: str = "local"
    identity: TrustedIdentity | None = field(default_factory=lambda: TrustedIdentity(user="alice"))
    is_good: bool = True

    def identify(self, credentials: Credentials) -> TrustedIdentity | None:
        return self.identity

    def vouches_for(self, session: Session) -> bool:
        return self.is_good and session.user == "alice"

    def farewell(self) -> str | None:
        return f"{self.name}=; Max-Age=0"


class Backend:
    """The api function's routes on a store in memory, at a time that is set by hand."""

    def __init__(self, *identities: IdentitySource) -> None:
        self.now = NOW
        self.store = MemoryStore()
        self.tokens = ClientTokens(keys=OneKey(KEY), clock=lambda: self.now)
        sessions = Sessions(tokens=self.tokens, identities=identities or [LocalIdentities()], ended=self.store)
        self.api = ApiRoutes(sessions, cors=Cors((APP,)))
        self.headers: dict[str, str] = {}

    def post(self, path: str, body: Any = None, *, build: Build = rest_api, **how: Any) -> tuple[int, Any]:
        """Status and JSON."""
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        result = self.api.handle(build("POST", path, body=text, **how))
        self.headers = result["headers"]
        return result["statusCode"], json.loads(result["body"])

    def start(self, **body: Any) -> str:
        status, answer = self.post(START, {"user": "alice", **body})
        assert status == 200
        return answer["client_secret"]


@both
def test_a_token_is_exchanged_for_the_next(build: Build) -> None:
    """In the guide's own words: `currentClientSecret` goes in, `client_secret` and `expires_at` come out."""
    backend = Backend()
    token = backend.start(tenant="acme")
    backend.now = NOW + 650
    status, answer = backend.post(REFRESH, {"currentClientSecret": token}, build=build, headers={"Origin": APP})
    assert status == 200
    assert set(answer) == {"client_secret", "expires_at"}
    assert answer["expires_at"] == NOW + 1_250
    caller, before = backend.tokens.verify(answer["client_secret"]), backend.tokens.session(token)
    assert (caller.user, caller.tenant, caller.session) == ("alice", "acme", before.id)
    assert backend.headers["access-control-allow-origin"] == APP
    assert backend.headers["cache-control"] == "no-store"


@both
def test_an_address_may_have_had_enough_visitors(build: Build) -> None:
    """A page is told in its user's language how long to wait; it is given no cookie, and who has one is not concerned."""

    def admit(digest: str) -> None:
        asked.append(digest)
        if len(asked) > 1:
            raise LimitReached.for_now(1_200)

    asked: list[str] = []
    backend = Backend(AnonymousIdentities(keys=OneKey(KEY), origins=(APP,), admit=admit, clock=lambda: NOW))
    headers = {"Origin": APP, "Accept-Language": "de"}
    assert backend.post(START, build=build, headers=headers)[0] == 200
    cookie = backend.headers["set-cookie"].partition(";")[0]
    status, answer = backend.post(START, build=build, headers=headers)
    assert (status, answer["code"], answer["retry_after"]) == (429, "limit_reached", 1_200)
    assert "in 20 Min." in answer["message"]
    assert backend.headers["retry-after"] == "1200"
    assert backend.headers["access-control-allow-origin"] == APP
    assert "set-cookie" not in backend.headers
    assert backend.post(START, build=build, headers={**headers, "Cookie": cookie})[0] == 200
    assert asked == [digest("192.0.2.1", key=KEY.key)] * 2


def test_a_token_that_expired_long_ago_is_not_renewed() -> None:
    """Behind its grace a page begins anew."""
    backend = Backend()
    token = backend.start()
    backend.now = NOW + 900
    status, answer = backend.post(REFRESH, {"currentClientSecret": token})
    assert (status, answer["code"]) == (401, "unauthenticated")


def test_renewals_end_with_the_session() -> None:
    """Whoever renews on and on is out after twelve hours all the same."""
    backend = Backend()
    token, count = backend.start(), 0
    while True:
        backend.now += 500
        status, answer = backend.post(REFRESH, {"currentClientSecret": token})
        if status != 200:
            break
        token, count = answer["client_secret"], count + 1
        assert answer["expires_at"] <= NOW + 43_200
    assert (status, answer["message"]) == (401, "The session is over.")
    assert count == 86


@both
@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"currentClientSecret": ""}, 400),
        ({"currentClientSecret": None}, 400),
        ({"currentClientSecret": 5}, 400),
        ({"currentClientSecret": ["x"]}, 400),
        ({"client_secret": "x"}, 400),
        ("", 400),
        ("[", 400),
        ({"currentClientSecret": "x.y.z"}, 401),
        ({"currentClientSecret": "é.é.é"}, 401),
    ],
)
def test_what_is_no_token_is_refused(build: Build, path: str, body: Any, status: int) -> None:
    """Without a token there is nothing to renew or to end; the field is named."""
    refused, answer = Backend().post(path, body, build=build)
    assert refused == status
    if status == 400 and body not in ("", "["):
        assert answer["field"] == "currentClientSecret"


@both
def test_a_session_that_was_ended_is_renewed_no_more(build: Build) -> None:
    """Neither the token that was handed in, nor an older, nor a newer one of the same session; another session goes on."""
    backend = Backend()
    first, other = backend.start(), backend.start()
    backend.now += 100
    second = backend.post(REFRESH, {"currentClientSecret": first})[1]["client_secret"]
    third = backend.post(REFRESH, {"currentClientSecret": second})[1]["client_secret"]
    assert backend.post(LOGOUT, {"currentClientSecret": second}, build=build) == (200, {})
    for token in (first, second, third):
        status, answer = backend.post(REFRESH, {"currentClientSecret": token})
        assert (status, answer["code"]) == (401, "unauthenticated")
        assert answer["message"] == "You are signed out. Please sign in again."
        caller = backend.tokens.verify(token)
        assert run(backend.store.is_session_ended(caller.owner, caller.session))
    assert backend.post(REFRESH, {"currentClientSecret": other})[0] == 200


def test_every_session_can_be_found_by_its_user() -> None:
    """It is remembered when it begins, until its last token has expired; a renewal is no new session."""
    backend = Backend()
    tokens = [backend.start(), backend.start(tenant="acme")]
    for token in tokens:
        backend.post(REFRESH, {"currentClientSecret": token})
    sessions = [backend.tokens.session(token) for token in tokens]
    assert backend.store.begun == [
        (session.owner, session.id, datetime.fromtimestamp(session.ends, UTC)) for session in sessions
    ]


def test_signing_out_is_done_twice_as_once_and_with_an_old_token() -> None:
    """A page that was asleep signs out with what it has; who repeats it hears the same."""
    backend = Backend()
    token = backend.start()
    backend.now += 40_000
    for _ in range(2):
        assert backend.post(LOGOUT, {"currentClientSecret": token}) == (200, {})


def test_another_users_session_of_the_same_id_goes_on() -> None:
    """A session is ended for its own user and tenant alone."""
    backend = Backend()
    session = backend.tokens.session(backend.start(tenant="acme"))
    run(backend.store.end_session("alice", session.id, until=backend.store._now()))
    token = backend.tokens.renew(session).client_secret
    assert backend.post(REFRESH, {"currentClientSecret": token})[0] == 200


@pytest.mark.parametrize(
    "then",
    [
        [Fickle("api_key")],
        [Fickle("local", is_good=False)],
        [Fickle("api_key"), Fickle("local", is_good=False)],
    ],
    ids=["not trusted any more", "revoked", "both"],
)
def test_a_session_whose_identity_is_not_good_any_more_is_not_renewed(then: list[Fickle]) -> None:
    """A kind of identity that is configured no more, or a proof that was revoked, ends its sessions within minutes."""
    backend = Backend(Fickle("local"))
    token = backend.start()
    later = Backend(*then)
    status, answer = later.post(REFRESH, {"currentClientSecret": token})
    assert (status, answer["message"]) == (401, "The session is over.")
    assert later.post(LOGOUT, {"currentClientSecret": token})[0] == 200


def test_the_first_identity_that_is_found_counts() -> None:
    """Kinds of identity are asked one after the other; the session keeps which it was."""
    backend = Backend(Fickle("api_key", identity=None), Fickle("oidc"), LocalIdentities(alone=False))
    assert backend.tokens.session(backend.start()).source == "oidc"
    backend = Backend(Fickle("api_key", identity=None), LocalIdentities(alone=False))
    assert backend.tokens.session(backend.start()).source == "local"


def test_a_call_that_proves_nothing_is_refused() -> None:
    """Where no kind of identity finds anything, there is no token."""
    backend = Backend(Fickle("oidc", identity=None), LocalIdentities(alone=False))
    status, answer = backend.post(START)
    assert (status, answer["code"]) == (401, "unauthenticated")


def test_a_cookie_is_set_and_taken_away() -> None:
    """What an identity wants a browser to keep, or to forget, goes along."""
    cookie = "me=1; Secure; HttpOnly"
    backend = Backend(Fickle("local", identity=TrustedIdentity(user="alice", set_cookie=cookie)))
    token = backend.start()
    assert backend.headers["set-cookie"] == cookie
    backend.post(REFRESH, {"currentClientSecret": token})
    assert "set-cookie" not in backend.headers
    backend.post(LOGOUT, {"currentClientSecret": token})
    assert backend.headers["set-cookie"] == "local=; Max-Age=0"


@pytest.mark.parametrize("scopes", [["chat"], ["upload", "chat"], ["chat", "chat"]])
def test_a_server_may_ask_for_less(scopes: list[str]) -> None:
    """A token may be good for less than all, through all its renewals."""
    backend = Backend()
    token = backend.start(scopes=scopes)
    assert set(backend.tokens.verify(token).scopes) == set(scopes)
    token = backend.post(REFRESH, {"currentClientSecret": token})[1]["client_secret"]
    assert set(backend.tokens.verify(token).scopes) == set(scopes)


@pytest.mark.parametrize("scopes", [[], ["admin"], ["chat", "admin"], "chat", None, 5, [["chat"]], [None]])
def test_scopes_that_there_are_not_are_refused(scopes: Any) -> None:
    """A scope is one of two."""
    status, answer = Backend().post(START, {"user": "alice", "scopes": scopes})
    assert (status, answer["field"]) == (400, "scopes")


def test_an_identity_gives_no_more_than_it_may() -> None:
    """What an identity may not do, no request of its holder adds."""
    backend = Backend(Fickle("local", identity=TrustedIdentity(user="alice", scopes=("chat",))))
    assert backend.tokens.verify(backend.start()).scopes == ("chat",)
    assert backend.tokens.verify(backend.start(scopes=["chat", "upload"])).scopes == ("chat",)
    status, answer = backend.post(START, {"user": "alice", "scopes": ["upload"]})
    assert (status, answer["field"]) == (400, "scopes")


@pytest.mark.parametrize("tenant", ["", " ", 5, [], "a" * (TENANT_CHARACTERS + 1), "a\x1fb"])
def test_a_wrong_tenant_is_refused(tenant: Any) -> None:
    """A tenant is 1 to 128 printable characters, and the refusal names the field."""
    status, answer = Backend().post(START, {"user": "alice", "tenant": tenant})
    assert (status, answer["field"]) == (400, "tenant")
    assert Backend().post(START, {"user": "alice", "tenant": None})[0] == 200


def test_who_signs_names_a_user_of_a_tenant() -> None:
    """A server with an AWS signature speaks for any user of any tenant; the page then renews without it."""
    backend = Backend(IamIdentities())
    arn = "arn:aws:sts::123456789012:assumed-role/web/session"
    status, answer = backend.post(START, {"user": "bob", "tenant": "acme"}, signed_by=arn)
    assert status == 200
    session = backend.tokens.session(answer["client_secret"])
    assert (session.user, session.tenant, session.source) == ("bob", "acme", "iam")
    assert backend.post(REFRESH, {"currentClientSecret": answer["client_secret"]})[0] == 200


def test_the_api_functions_other_routes_refuse_a_session_that_was_ended() -> None:
    """A good token is its user's until its session is ended; another's session of the same id is not theirs."""
    backend = Backend()
    tokens = CheckedTokens(backend.tokens, ended=backend.store)
    token = backend.start(tenant="acme")
    assert tokens.verify(token) == backend.tokens.verify(token)
    run(backend.store.end_session("alice", backend.tokens.verify(token).session, until=backend.store._now()))
    assert tokens.verify(token).tenant == "acme"
    backend.post(LOGOUT, {"currentClientSecret": token})
    with pytest.raises(SessionEnded):
        tokens.verify(token)
    with pytest.raises(Unauthenticated):
        tokens.verify("x.y.z")


@both
@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("a=1", {"a": "1"}),
        ("a=1; b=2", {"a": "1", "b": "2"}),
        (" a = x=y ;;b", {"a": "x=y", "": "", "b": ""}),
        ('weird={"a": 1}; a=1', {"weird": '{"a": 1}', "a": "1"}),
    ],
)
def test_cookies_are_read_whatever_others_set(build: Build, header: str, cookies: dict[str, str]) -> None:
    """A cookie of somebody else's that is odd hides no other."""
    request = from_event(build(headers={"Cookie": header, "Authorization": "Bearer x", "Origin": APP}))
    found = credentials_of(request, {})
    assert found.cookies == cookies
    assert (found.bearer, found.origin) == ("x", APP)
    assert "x=y" not in repr(found)

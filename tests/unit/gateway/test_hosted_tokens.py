"""Hosted mode: the sessions' routes with client secrets of OpenAI's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.errors import InternalError, ModelError, Unauthenticated
from functions.gateway.api_routes import ApiRoutes
from functions.gateway.cors import Cors
from functions.gateway.hosted_tokens import SECRET_CHARACTERS, HostedTokens, hosted_user
from functions.gateway.sessions import Sessions
from functions.identity.anonymous import AnonymousIdentities
from functions.identity.base import IdentitySource
from functions.identity.keys import OneKey, SigningKey
from functions.identity.named_users import LocalIdentities
from functions.model.base import HostedSession
from tests.support.http_events import rest_api
from tests.support.memory_store import MemoryStore

START, REFRESH, LOGOUT = (f"/api/chatkit/{name}" for name in ("start", "refresh", "logout"))
APP = "https://app.example.com"
NOW = 1_800_000_000


@dataclass
class OpenAI:
    """Hands out sessions, at a time that is set by hand."""

    now: float = NOW
    made: list[tuple[str, int, Mapping[str, Any]]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    fails: bool = False

    async def create(self, user: str, *, seconds: int, state: Mapping[str, Any]) -> HostedSession:
        if self.fails:
            raise ModelError("down")
        self.made.append((user, seconds, state))
        number = len(self.made)
        return HostedSession(id=f"cksess_{number}", client_secret=f"ek_{number}", expires_at=int(self.now) + seconds)

    async def cancel(self, session_id: str) -> None:
        if self.fails:
            raise ModelError("down")
        self.cancelled.append(session_id)


class Records:
    """A `HostedRecords` in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, datetime]] = {}

    async def remember(self, client_secret: str, document: str, *, until: datetime) -> None:
        self.rows[client_secret] = (document, until)

    async def find(self, client_secret: str) -> str | None:
        return self.rows.get(client_secret, (None,))[0]


class Backend:
    """The routes in hosted mode."""

    def __init__(self, *identities: IdentitySource, seconds: int = 600) -> None:
        self.openai = OpenAI()
        self.records = Records()
        self.tokens = HostedTokens(
            hosted=self.openai,
            records=self.records,
            seconds=seconds,
            session_seconds=43_200,
            grace_seconds=300,
            clock=lambda: self.openai.now,
        )
        sessions = Sessions(
            tokens=self.tokens, identities=identities or [LocalIdentities()], ended=MemoryStore(), takes_state=True
        )
        self.api = ApiRoutes(sessions, cors=Cors((APP,)))

    def post(self, path: str, body: Any = None, **how: Any) -> tuple[int, Any]:
        result = self.api.handle(rest_api("POST", path, body=body if body is None else json.dumps(body), **how))
        return result["statusCode"], json.loads(result["body"])


def test_a_session_of_openais_is_handed_out() -> None:
    """In the same words as a token of this backend's own; user, time and state variables go along."""
    backend = Backend()
    status, answer = backend.post(
        START, {"user": "alice", "state_variables": {"plan": "pro", "seats": 3, "beta": True}}
    )
    assert (status, answer) == (200, {"client_secret": "ek_1", "expires_at": NOW + 600})
    assert backend.openai.made == [("alice", 600, {"plan": "pro", "seats": 3, "beta": True})]


def test_a_tenant_is_told_as_a_state_variable_and_part_of_the_user() -> None:
    """Nobody else says of which tenant a user is, and a user of the same name in another is another."""
    backend = Backend()
    backend.post(START, {"user": "alice", "tenant": "acme", "state_variables": {"tenant": "globex"}})
    assert backend.openai.made == [("acme:alice", 600, {"tenant": "acme"})]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("b", "a"), ("a:b", None)),
        (("b:c", "a"), ("c", "a:b")),
        (("a", None), ("a", "a")),
        (("a%3Ab", None), ("a:b", None)),
    ],
)
def test_no_two_users_are_one_at_openai(one: tuple[str, str | None], other: tuple[str, str | None]) -> None:
    """Whatever characters user and tenant hold."""
    assert hosted_user(*one) != hosted_user(*other)
    assert hosted_user("alice@example.com", None) == "alice@example.com"


def test_a_secret_is_renewed_into_the_next() -> None:
    """By the guide's own request: whoever holds a secret gets the session's next, also shortly after it has expired."""
    backend = Backend()
    backend.post(START, {"user": "alice", "tenant": "acme", "state_variables": {"plan": "pro"}})
    backend.openai.now += 899
    status, answer = backend.post(REFRESH, {"currentClientSecret": "ek_1"})
    assert (status, answer["client_secret"]) == (200, "ek_2")
    assert backend.openai.made[1] == backend.openai.made[0]
    backend.openai.now += 1
    status, answer = backend.post(REFRESH, {"currentClientSecret": "ek_1"})
    assert (status, answer["message"]) == (401, "The client token has expired.")


def test_renewals_end_with_the_session() -> None:
    """The last secret is good to the session's end and no longer."""
    backend = Backend()
    backend.post(START, {"user": "alice"})
    secret, made = "ek_1", 1
    while True:
        backend.openai.now += 500
        status, answer = backend.post(REFRESH, {"currentClientSecret": secret})
        if status != 200:
            break
        secret, made = answer["client_secret"], made + 1
        assert answer["expires_at"] <= NOW + 43_200
    assert (status, answer["message"]) == (401, "The session is over.")
    assert made == 87
    assert all(until == datetime.fromtimestamp(NOW + 43_200, UTC) for _, until in backend.records.rows.values())


def test_a_secret_is_good_for_ten_minutes_at_most() -> None:
    """OpenAI takes no longer time."""
    backend = Backend(seconds=3_600)
    assert backend.post(START, {"user": "alice"})[1]["expires_at"] == NOW + 600
    backend = Backend(seconds=60)
    assert backend.post(START, {"user": "alice"})[1]["expires_at"] == NOW + 60


def test_signing_out_cancels_the_session_at_openai() -> None:
    """And none of its secrets is renewed any more; one that has expired needs no cancelling."""
    backend = Backend()
    backend.post(START, {"user": "alice"})
    backend.post(REFRESH, {"currentClientSecret": "ek_1"})
    assert backend.post(LOGOUT, {"currentClientSecret": "ek_2"}) == (200, {})
    assert backend.openai.cancelled == ["cksess_2"]
    for secret in ("ek_1", "ek_2"):
        status, answer = backend.post(REFRESH, {"currentClientSecret": secret})
        assert (status, answer["message"]) == (401, "You are signed out. Please sign in again.")
    backend.openai.now += 601
    assert backend.post(LOGOUT, {"currentClientSecret": "ek_1"}) == (200, {})
    assert backend.openai.cancelled == ["cksess_2"]


@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
@pytest.mark.parametrize("secret", ["ek_9", "x", "é", "x" * (SECRET_CHARACTERS + 1)])
def test_a_secret_that_was_not_handed_out_here_is_refused(path: str, secret: str) -> None:
    """Whatever OpenAI would say of it."""
    backend = Backend()
    backend.post(START, {"user": "alice"})
    assert backend.post(path, {"currentClientSecret": secret})[0] == 401
    assert backend.openai.cancelled == []


def test_where_openai_does_not_answer_the_page_tries_again() -> None:
    """503: nothing is remembered of a session that there is not; a sign-out has been noted all the same."""
    backend = Backend()
    backend.openai.fails = True
    assert backend.post(START, {"user": "alice"})[0] == 503
    assert backend.records.rows == {}
    backend.openai.fails = False
    backend.post(START, {"user": "alice"})
    backend.openai.fails = True
    assert backend.post(LOGOUT, {"currentClientSecret": "ek_1"})[0] == 503
    backend.openai.fails = False
    assert backend.post(REFRESH, {"currentClientSecret": "ek_1"})[0] == 401
    assert backend.post(LOGOUT, {"currentClientSecret": "ek_1"})[0] == 200
    assert backend.openai.cancelled == ["cksess_1"]


@pytest.mark.parametrize(
    "variables",
    [
        None,
        [],
        "x",
        {"a": None},
        {"a": []},
        {"a": {}},
        {"": 1},
        {"a" * 65: 1},
        {f"v{number}": 1 for number in range(65)},
    ],
)
def test_wrong_state_variables_are_refused(variables: Any) -> None:
    """The field is named, and no session is made."""
    backend = Backend()
    status, answer = backend.post(START, {"user": "alice", "state_variables": variables})
    assert status == 400
    assert answer["field"].startswith("state_variables")
    assert backend.openai.made == []


def test_a_page_gives_no_state_variables() -> None:
    """What a workflow takes for given is the integrator's server's to say."""
    key = SigningKey(kid="1", key="k" * 32)
    backend = Backend(AnonymousIdentities(keys=OneKey(key), origins=(APP,)))
    status, answer = backend.post(START, {"state_variables": {"plan": "pro"}})
    assert (status, answer["field"]) == (400, "state_variables")
    assert backend.post(START, {"state_variables": {}})[0] == 200


def test_what_is_remembered_is_read_or_an_operators_affair() -> None:
    """A row that somebody has damaged opens nothing, and is not told."""
    backend = Backend()
    backend.post(START, {"user": "alice"})
    _, until = backend.records.rows["ek_1"]
    for document in ("", "{}", "null", '{"session": {}, "openai_id": "x", "expires_at": 1}'):
        backend.records.rows["ek_1"] = (document, until)
        with pytest.raises(InternalError):
            backend.tokens.session("ek_1")
    with pytest.raises(Unauthenticated):
        backend.tokens.session("ek_2")

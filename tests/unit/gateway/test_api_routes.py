"""The api function's routes."""

import json
import logging
from typing import Any

import pytest

from functions.gateway.api_routes import ApiRoutes
from functions.gateway.cors import Cors
from functions.gateway.routes import JSON_BYTES
from functions.gateway.sessions import Sessions
from functions.identity.base import USER_CHARACTERS, ClientToken, IdentitySource
from functions.identity.keys import OneKey, SigningKey
from functions.identity.named_users import IamIdentities, LocalIdentities
from functions.identity.tokens import ClientTokens
from functions.settings import Identity
from tests.support.http_events import FORMATS, Build, function_url, rest_api
from tests.support.memory_store import MemoryStore

APP = "https://app.example.com"
START = "/api/chatkit/start"
ARN = "arn:aws:sts::123456789012:assumed-role/web/session"
NOW = 1_800_000_000

TOKENS = ClientTokens(keys=OneKey(SigningKey(kid="1", key="k" * 32)), seconds=600, clock=lambda: NOW)

both = pytest.mark.parametrize("build", FORMATS, ids=["function_url", "rest_api"])


class Broken:
    """An issuer that fails with words that nobody may read."""

    def issue(self, user: str, *_: Any, **__: Any) -> ClientToken:
        raise ZeroDivisionError(f"secret of {user}")


def routes(*, identity: Identity = "local", tokens: Any = TOKENS) -> ApiRoutes:
    source: IdentitySource = LocalIdentities() if identity == "local" else IamIdentities()
    return ApiRoutes(Sessions(tokens=tokens, identities=[source], ended=MemoryStore()), cors=Cors((APP,)))


def call(api: ApiRoutes, event: Any) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON, after a look at what both formats demand of a result."""
    result = api.handle(event)
    assert set(result) == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert json.loads(json.dumps(result)) == result
    assert all(name == name.lower() and isinstance(value, str) for name, value in result["headers"].items())
    assert result["headers"]["cache-control"] == "no-store"
    assert result["headers"]["x-content-type-options"] == "nosniff"
    assert result["isBase64Encoded"] is False
    return result["statusCode"], result["headers"], json.loads(result["body"]) if result["body"] else None


@both
def test_a_user_is_given_a_token(build: Build) -> None:
    """In local mode a name is exchanged for a token of that user, in the words of ChatKit's own guide."""
    status, headers, body = call(routes(), build("POST", START, headers={"Origin": APP}, body='{"user": "alice"}'))
    assert status == 200
    assert set(body) == {"client_secret", "expires_at"}
    assert body["expires_at"] == NOW + 600
    assert TOKENS.verify(body["client_secret"]).user == "alice"
    assert headers["content-type"] == "application/json"
    assert headers["access-control-allow-origin"] == APP


@both
def test_unknown_fields_are_passed_over(build: Build) -> None:
    """A caller may send more than is read."""
    status, _, _ = call(routes(), build("POST", START, body='{"user": "alice", "expires_after": {"seconds": 1}}'))
    assert status == 200


@both
def test_one_request_knows_nothing_of_the_other(build: Build) -> None:
    """A request after another is answered for its own sender."""
    api = routes()
    for user in ("alice", "bob"):
        _, _, body = call(api, build("POST", START, body=json.dumps({"user": user})))
        assert TOKENS.verify(body["client_secret"]).user == user


def test_formats_may_take_turns() -> None:
    """One process serves both front doors."""
    api = routes()
    for number, build in enumerate((function_url, rest_api, function_url, rest_api, rest_api)):
        _, _, body = call(api, build("POST", START, body=json.dumps({"user": f"user{number}"})))
        assert TOKENS.verify(body["client_secret"]).user == f"user{number}"


def test_iam_mode_demands_a_checked_signature() -> None:
    """Only a caller whom API Gateway has checked may name a user."""
    api = routes(identity="iam")
    status, _, body = call(api, rest_api("POST", START, body='{"user": "alice"}', signed_by=ARN))
    assert status == 200
    assert TOKENS.verify(body["client_secret"]).user == "alice"
    for event in (
        rest_api("POST", START, body='{"user": "alice"}'),
        rest_api(
            "POST", START, body='{"user": "alice"}', headers={"userArn": ARN, "Authorization": "AWS4-HMAC-SHA256 x"}
        ),
        function_url("POST", START, body='{"user": "alice"}'),
        function_url("POST", START, body=None),
    ):
        status, _, body = call(api, event)
        assert (status, body["code"]) == (403, "forbidden")


@both
@pytest.mark.parametrize(
    "user",
    [None, "", " ", "\t", 5, True, [], {}, "a" * (USER_CHARACTERS + 1), "a\nb", "a\x00", "\x7f", "\u2028", "\u202e"],
)
def test_a_wrong_user_is_refused(build: Build, user: Any) -> None:
    """A user is 1 to 256 printable characters, and the refusal names the field."""
    status, _, body = call(routes(), build("POST", START, body=json.dumps({"user": user})))
    assert (status, body["code"], body["field"]) == (400, "invalid_request", "user")


@both
@pytest.mark.parametrize(
    "user", ["a", "a" * USER_CHARACTERS, "ünï", "auth0|5f7c8ec7", "a b", "#", "😀" * USER_CHARACTERS]
)
def test_a_right_user_has_a_token_that_is_taken(build: Build, user: str) -> None:
    """Every user who is given a token can use it, whatever the length of their name in bytes."""
    status, _, body = call(routes(), build("POST", START, body=json.dumps({"user": user})))
    assert status == 200
    assert TOKENS.verify(body["client_secret"]).user == user


@both
@pytest.mark.parametrize(
    "body",
    [
        " ",
        "{",
        "[]",
        '"alice"',
        "null",
        "5",
        "NaN",
        '{"user": "\\ud800"}',
        '{"user": "\ud800"',
        "[" * 5_000,
        "9" * 5_000,
    ],
)
def test_a_malformed_body_is_refused(build: Build, body: str) -> None:
    """What is no JSON object is refused, whatever it is."""
    status, headers, answer = call(routes(), build("POST", START, headers={"Origin": APP}, body=body))
    assert (status, answer["code"], answer["field"]) == (400, "invalid_request", "")
    assert headers["access-control-allow-origin"] == APP


@both
@pytest.mark.parametrize("body", [None, "", "{}", '{"tenant": "acme"}'])
def test_a_missing_user_is_named(build: Build, body: str | None) -> None:
    """An empty object lacks its user, and so does no body at all."""
    status, _, answer = call(routes(), build("POST", START, body=body))
    assert (status, answer["field"]) == (400, "user")


@both
def test_a_large_body_is_refused(build: Build) -> None:
    """The limit is one of bytes, and stands before any reading."""
    filler = "x" * (JSON_BYTES - len('{"user": "a", "x": ""}'))
    assert call(routes(), build("POST", START, body=f'{{"user": "a", "x": "{filler}"}}'))[0] == 200
    status, headers, body = call(
        routes(), build("POST", START, headers={"Origin": APP}, body=f'{{"user": "a", "x": "{filler}x"}}')
    )
    assert (status, body["code"]) == (413, "body_too_large")
    assert headers["access-control-allow-origin"] == APP


@both
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", START),
        ("POST", "/api/health"),
        ("POST", "/api/chatkit"),
        ("POST", "/api/chatkit/start/x"),
        ("POST", "/API/CHATKIT/START"),
        ("DELETE", START),
        ("GET", "/x/api/health"),
        ("", "/api/health"),
    ],
)
def test_an_unknown_route_is_not_found(build: Build, method: str, path: str) -> None:
    """404 is JSON too, and the page may read it."""
    status, headers, body = call(routes(), build(method, path, headers={"Origin": APP}))
    assert (status, body["code"]) == (404, "not_found")
    assert headers["access-control-allow-origin"] == APP


@both
@pytest.mark.parametrize("path", [START, "/api/health", "/", "/anything/else"])
def test_a_preflight_is_answered(build: Build, path: str) -> None:
    """A listed page may call any route; another learns of nothing that it may do."""
    status, headers, body = call(routes(), build("OPTIONS", path, headers={"Origin": APP}))
    assert (status, body) == (200, None)
    assert headers["access-control-allow-origin"] == APP
    assert "content-type" in headers["access-control-allow-headers"]
    status, headers, _ = call(routes(), build("OPTIONS", path, headers={"Origin": "https://evil.test"}))
    assert status == 200
    assert not [name for name in headers if name.startswith("access-control")]


@both
def test_health_needs_no_identity(build: Build) -> None:
    """Whoever watches the function is told that it runs."""
    for identity in ("local", "iam"):
        status, _, body = call(routes(identity=identity), build("GET", "/api/health"))
        assert (status, body) == (200, {"status": "ok"})


@both
def test_a_fault_tells_the_caller_nothing(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    """A fault is a 500 that the page may read; its text is in no answer and in no log line."""
    event = build("POST", START, headers={"Origin": APP}, body='{"user": "alice"}')
    status, headers, body = call(routes(tokens=Broken()), event)
    assert (status, body) == (500, {"code": "internal", "message": "Something went wrong."})
    assert headers["access-control-allow-origin"] == APP
    record = next(each for each in caplog.records if each.levelno == logging.ERROR)
    assert "ZeroDivisionError" in str(vars(record))
    assert not [each for each in caplog.records if "alice" in str(vars(each))]


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        [],
        {"Records": []},
        {"httpMethod": None},
        {"httpMethod": "GET", "headers": {"accept-encoding": None}},
        {"httpMethod": "GET", "path": None, "multiValueHeaders": {"a": "b"}},
        {"requestContext": {"http": {}}},
        {"requestContext": {"http": {"method": "GET"}}, "rawPath": 5},
        {"requestContext": {"http": {"method": "GET"}}, "httpMethod": "POST"},
        {"requestContext": {"http": {"method": "GET"}, "stage": "prod"}, "rawPath": "/a", "headers": {"a": 5}},
        {"httpMethod": "POST", "path": START, "body": 5},
        {"httpMethod": "POST", "path": START, "body": "%", "isBase64Encoded": True},
    ],
)
def test_any_event_is_answered(event: Any) -> None:
    """An event that no front door sends is refused as a request, and the process lives on."""
    status, _, body = call(routes(), event)
    assert status in {400, 404}
    assert body["code"] in {"invalid_request", "not_found"}

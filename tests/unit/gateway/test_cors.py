"""Cross-origin rules."""

import pytest

from functions.gateway.cors import ALLOWED_HEADERS, Cors
from functions.gateway.request import Request

APP = "https://app.example.com"
EXPOSED = {"access-control-expose-headers": "chatkit-turn, retry-after"}
"""The page may read whether a turn is running."""


def request(origin: str | None) -> Request:
    headers = {} if origin is None else {"origin": origin}
    return Request(method="POST", path="/chatkit", headers=headers, body=b"", request_id="1")


def test_a_listed_origin_is_allowed_by_name() -> None:
    """The origin is told back, and caches are told that the answer depends on it."""
    cors = Cors((APP, "http://localhost:8787"))
    assert cors.headers(request(APP)) == {"access-control-allow-origin": APP, "vary": "Origin", **EXPOSED}
    assert cors.headers(request("http://localhost:8787"))["access-control-allow-origin"] == "http://localhost:8787"


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "*",
        APP + "/",
        APP + ":443",
        APP.upper(),
        "http://app.example.com",
        APP + ".evil.test",
        "https://",
    ],
)
def test_any_other_origin_is_not_allowed(origin: str | None) -> None:
    """Nothing that merely resembles a listed origin is allowed, in a preflight no more than in an answer."""
    cors = Cors((APP,))
    assert cors.headers(request(origin)) == {"vary": "Origin"}
    assert cors.preflight_headers(request(origin)) == {"vary": "Origin"}


@pytest.mark.parametrize("origin", [None, "null", APP, "https://any.test"])
def test_a_star_allows_every_page(origin: str | None) -> None:
    """Where every page may call, the answer is the same for all."""
    assert Cors(("*",)).headers(request(origin)) == {"access-control-allow-origin": "*", **EXPOSED}


def test_a_preflight_allows_what_the_client_sends() -> None:
    """Every header that ChatKit.js or its integrator adds, and the methods that the functions serve."""
    headers = Cors((APP,)).preflight_headers(request(APP))
    allowed = set(headers["access-control-allow-headers"].split(", "))
    assert {"content-type", "chatkit-frame-instance-id", "authorization", "accept-language"} <= allowed
    assert allowed == set(ALLOWED_HEADERS)
    assert {"POST", "GET"} <= set(headers["access-control-allow-methods"].split(", "))
    assert int(headers["access-control-max-age"]) > 0


def test_credentials_are_never_allowed() -> None:
    """No cookie takes part: a token is sent by the page itself."""
    for cors in (Cors((APP,)), Cors(("*",))):
        assert "access-control-allow-credentials" not in cors.preflight_headers(request(APP))

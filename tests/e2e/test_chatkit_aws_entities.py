"""`createEntities` of `web/chatkit-aws.js`: what ChatKit's `entities` option asks the backend for."""

from typing import Any, Final

import pytest

from tests.e2e.support.api_world import World

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

ENTITIES: Final = "const entities = world.createEntities(world.api, { url: 'https://api.example/prod/api/' });"


def replying(world: World, code: str) -> None:
    world.run(f"world.reply = ({{ url, authorization }}) => {{ {code} }};")


def test_a_search_is_sent_with_the_token(world: World) -> None:
    """To the api function, whose origin may be another than the chat's; the browser's own language goes along."""
    replying(world, "return Response.json({ entities: [{ id: 'ada', title: 'Ada' }] });")
    found = world.run(f"{ENTITIES} return entities.onTagSearch(' a&b ');")
    assert found == [{"id": "ada", "title": "Ada"}]
    (request,) = world.sent
    assert (request["method"], request["url"]) == ("GET", "https://api.example/prod/api/chatkit/entities?q=a%26b")
    assert request["authorization"] == "Bearer token-1"
    assert "accept-language" not in request["headers"]


def test_a_language_of_the_pages_is_sent(world: World) -> None:
    """Where the page lets its users choose."""
    world.run("await world.createEntities(world.api, { url: '/api', locale: 'fr' }).onTagSearch('');")
    (request,) = world.sent
    assert request["headers"]["accept-language"] == "fr"
    assert request["url"].endswith("/api/chatkit/entities?q=")


def test_a_preview_is_a_widget(world: World) -> None:
    """The id is encoded; what comes back is handed on."""
    replying(world, "return Response.json({ preview: { type: 'Basic', children: [] } });")
    given = world.run(f"{ENTITIES} return entities.onRequestPreview({{ id: 'a:1@x', title: 'A' }});")
    assert given == {"preview": {"type": "Basic", "children": []}}
    assert world.sent[0]["url"] == "https://api.example/prod/api/chatkit/entities/a%3A1%40x/preview"


def test_a_token_that_is_refused_is_renewed(world: World) -> None:
    """As with the chat's own requests: once, without the page noticing."""
    replying(
        world, "return authorization === 'Bearer token-1' ? new Response('', { status: 401 }) : Response.json({});"
    )
    assert world.run(f"{ENTITIES} return entities.onTagSearch('a');") == []
    assert [request["authorization"] for request in world.sent] == ["Bearer token-1", "Bearer token-2"]


def test_too_long_a_text_is_not_searched_for(world: World) -> None:
    """The backend would refuse it."""
    assert world.run(f"{ENTITIES} return entities.onTagSearch('a'.repeat(201));") == []
    assert world.sent == []
    world.run(f"{ENTITIES} return entities.onTagSearch('a'.repeat(200));")
    assert len(world.sent) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "return new Response('', { status: 500 });",
        "return Response.json({ message: 'gone' }, { status: 404 });",
        "throw new TypeError('network error');",
        "return new Response('<html>');",
        "return Response.json(null);",
    ],
)
def test_a_failure_is_nothing_found(world: World, reply: str) -> None:
    """ChatKit is never thrown at."""
    replying(world, reply)
    assert world.run(f"{ENTITIES} return entities.onTagSearch('a');") == []
    assert world.run(f"{ENTITIES} return entities.onRequestPreview({{ id: 'ada' }});") == {"preview": None}


def test_a_search_that_takes_too_long_is_given_up(world: World) -> None:
    """After ten seconds, also where it waits for a token."""
    replying(world, "return new Promise(() => {});")
    world.run(f"{ENTITIES} world.found = null; entities.onTagSearch('a').then((found) => (world.found = found));")
    deadlines = world.value("world.deadlines.map(({ ms }) => ms)")
    assert 10_000 in deadlines
    world.run("world.deadlines.find(({ ms }) => ms === 10_000).pass();")
    assert world.value("world.found") == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("world.createEntities({}, { url: '/api' })", "createChatKitApi"),
        ("world.createEntities(world.api, { url: 'javascript:x' })", "url must be"),
        ("world.createEntities(world.api, {})", "url must be"),
    ],
)
def test_a_wrong_option_is_named(world: World, call: str, message: str) -> None:
    """At once, and not with the first `@`."""
    said: Any = world.run(f"try {{ {call}; }} catch (error) {{ return `${{error.name}}: ${{error.message}}`; }}")
    assert said.startswith("TypeError: createEntities")
    assert message in said

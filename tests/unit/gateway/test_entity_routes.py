"""The routes of entities: what users may tag, and a preview of it."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from functions.engine import entities
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.entities import QUERY_CHARACTERS, RESULTS, EntityDirectory
from functions.errors import CustomStreamError
from functions.gateway.api_routes import ApiRoutes
from functions.gateway.cors import Cors
from functions.gateway.entity_routes import EntityRoutes
from functions.identity.keys import OneKey, SigningKey
from functions.identity.tokens import ClientTokens
from functions.protocol.entities import Entity
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.protocol.widgets import BasicRoot, Text
from tests.support.directories import ADA, DESK, Failing, Shelf, Silent
from tests.support.http_events import FORMATS, Build

APP = "https://app.example.com"
SEARCH = "/api/chatkit/entities"
PREVIEW = "/api/chatkit/entities/ada/preview"
TOKENS = ClientTokens(keys=OneKey(SigningKey(kid="1", key="k" * 32)), seconds=600, clock=lambda: 1_800_000_000)
BASIC = {"type": "Basic", "children": [{"type": "Text", "value": "More of Ada"}]}

both = pytest.mark.parametrize("build", FORMATS, ids=["function_url", "rest_api"])


class Mute(Assistant):
    """Has a directory, and nothing to say."""

    def __init__(self, directory: EntityDirectory | None) -> None:
        self.entities = directory

    def respond(self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Any:
        raise NotImplementedError


def get(
    event: Any, directory: EntityDirectory | None, **others: EntityDirectory | None
) -> tuple[int, Mapping[str, str], Any]:
    """Status, headers and JSON of an answer, with `directory` that of the default assistant."""
    assistants = {"default": Mute(directory), **{name: Mute(other) for name, other in others.items()}}
    result = ApiRoutes(EntityRoutes(assistants=assistants, tokens=TOKENS), cors=Cors((APP,))).handle(event)
    return result["statusCode"], result["headers"], json.loads(result["body"])


def headers(user: str = "alice", **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS.issue(user).client_secret}", "Origin": APP, **more}


@both
def test_a_search_gives_entities_as_chatkit_has_them(build: Build) -> None:
    """What a user may tag, in the directory's order; a field without a value is left out."""
    status, answered, body = get(build("GET", SEARCH, headers=headers(), query="q=+A"), Shelf())
    assert status == 200
    assert body["entities"][0] == {
        "id": "ada",
        "title": "Ada Lovelace",
        "group": "People",
        "interactive": True,
        "data": {"role": "mathematician"},
    }
    assert [entity["id"] for entity in body["entities"]] == ["ada", "secret"]
    assert answered["access-control-allow-origin"] == APP
    assert answered["cache-control"] == "no-store"


@both
@pytest.mark.parametrize(
    ("query", "heard"),
    [
        ("", ""),
        ("q=", ""),
        ("q=%20ada%20l%20", "ada l"),
        ("q=Z%C3%BCrich", "Zürich"),
        ("q=%40%26", "@&"),
        ("q=%ff", "\ufffd"),
    ],
)
def test_the_directory_hears_what_was_typed(build: Build, query: str, heard: str) -> None:
    """Decoded, without the spaces around it; nothing typed yet is an empty text."""
    shelf = Shelf()
    assert get(build("GET", SEARCH, headers=headers(), query=query), shelf)[0] == 200
    assert [asked for _, asked, _ in shelf.asked] == [heard]


@both
def test_the_directory_knows_who_asks(build: Build) -> None:
    """The user is the token's, the languages are the browser's, and each user finds what they may see."""
    shelf = Shelf()
    wanted = headers("bob", **{"Accept-Language": "de-CH, fr;q=0.5"})
    _, _, body = get(build("GET", SEARCH, headers=wanted), shelf)
    assert [entity["id"] for entity in body["entities"]] == ["ada", "desk:1"]
    ((_, _, context),) = shelf.asked
    assert (context.user, context.tenant, context.locales) == ("bob", None, ("de-CH", "fr"))
    assert context.request_id


@both
def test_a_query_has_a_limit(build: Build) -> None:
    """200 characters are searched for; a longer text is refused by its name, before the directory hears it."""
    shelf = Shelf()
    assert get(build("GET", SEARCH, headers=headers(), query="q=" + "a" * QUERY_CHARACTERS), shelf)[0] == 200
    status, _, body = get(build("GET", SEARCH, headers=headers(), query="q=" + "a" * (QUERY_CHARACTERS + 1)), shelf)
    assert (status, body["code"], body["field"]) == (400, "invalid_request", "q")
    assert len(shelf.asked) == 1


def test_a_search_gives_so_many_and_no_more() -> None:
    """A directory that gives everything does not flood the page."""

    class Everything(Shelf):
        async def search(self, query: str, context: Any) -> list[Entity]:
            return [Entity(id=str(number), title="x") for number in range(RESULTS + 1)]

    _, _, body = get(FORMATS[0]("GET", SEARCH, headers=headers()), Everything())
    assert [entity["id"] for entity in body["entities"]] == [str(number) for number in range(RESULTS)]


@both
@pytest.mark.parametrize("preview", [BASIC, BasicRoot(children=[Text(value="More of Ada")])], ids=["json", "component"])
def test_a_preview_is_a_widget(build: Build, preview: Any) -> None:
    """A component or its JSON, as `onRequestPreview` hands it on."""
    shelf = Shelf(preview)
    status, _, body = get(build("GET", PREVIEW, headers=headers()), shelf)
    assert (status, body) == (200, {"preview": BASIC})
    assert [(method, asked) for method, asked, _ in shelf.asked] == [("look_up", ["ada"]), ("preview", ADA)]


@both
@pytest.mark.parametrize("encoded", ["desk:1", "desk%3A1", "desk%3a1"])
def test_an_id_is_known_however_it_was_encoded(build: Build, encoded: str) -> None:
    """Browsers encode an id, and gateways decode it or do not."""
    shelf = Shelf(BASIC)
    status, _, _ = get(build("GET", f"{SEARCH}/{encoded}/preview", headers=headers()), shelf)
    assert status == 200
    assert shelf.asked[-1][1] == DESK


def test_an_entity_without_a_preview_has_none() -> None:
    """It is known, and there is no more to tell of it."""
    assert get(FORMATS[0]("GET", PREVIEW, headers=headers()), Shelf())[::2] == (200, {"preview": None})


@both
@pytest.mark.parametrize("entity_id", ["nobody", "secret", "a%2Fb", "%2E%2E", "..", "a" * 129, "%00", "%25", "ada%20"])
def test_an_unknown_entity_is_not_found(build: Build, entity_id: str) -> None:
    """What does not exist and what is another user's cannot be told apart; no preview is asked for."""
    shelf = Shelf(BASIC)
    status, answered, body = get(
        build("GET", f"{SEARCH}/{entity_id}/preview", headers=headers("bob", **{"Accept-Language": "de"})), shelf
    )
    assert (status, body["code"]) == (404, "not_found")
    assert body["message"] == "Dieses Element existiert nicht."
    assert answered["access-control-allow-origin"] == APP
    assert "preview" not in [method for method, _, _ in shelf.asked]


@both
def test_without_a_directory_there_is_nothing(build: Build) -> None:
    """A search finds nothing, a preview is not found: the page needs to know nothing of the assistant."""
    assert get(build("GET", SEARCH, headers=headers(), query="q=a"), None)[::2] == (200, {"entities": []})
    status, _, body = get(build("GET", PREVIEW, headers=headers()), None)
    assert (status, body["code"]) == (404, "not_found")


@both
def test_each_assistant_has_its_own_directory(build: Build) -> None:
    """`X-Agent-Type` picks it, as it picks the assistant; one that there is not is named."""
    named = headers(**{"X-Agent-Type": "sales"})
    assert get(build("GET", SEARCH, headers=named), Shelf(), sales=None)[2] == {"entities": []}
    assert len(get(build("GET", SEARCH, headers=named), None, sales=Shelf())[2]["entities"]) == 3
    for path in (SEARCH, PREVIEW):
        status, _, body = get(build("GET", path, headers=named), Shelf())
        assert (status, body["field"]) == (400, "X-Agent-Type")


@both
@pytest.mark.parametrize("path", [SEARCH, PREVIEW])
def test_only_a_client_token_is_let_in(build: Build, path: str) -> None:
    """No token, or a wrong one, is a 401, so that the page renews it; the directory hears nothing."""
    shelf = Shelf(BASIC)
    for sent in ({}, {"Authorization": "Bearer made.up.token"}, {"Authorization": "Basic YTpi"}):
        status, answered, body = get(build("GET", path, headers={**sent, "Origin": APP}), shelf)
        assert (status, body["code"]) == (401, "unauthenticated")
        assert answered["access-control-allow-origin"] == APP
    assert shelf.asked == []


@both
@pytest.mark.parametrize("path", [SEARCH, PREVIEW])
def test_pages_may_call(build: Build, path: str) -> None:
    """A preflight of a GET with the token and the page's own headers is answered as a browser wants."""
    asked = {"Origin": APP, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    api = ApiRoutes(EntityRoutes(assistants={}, tokens=TOKENS), cors=Cors((APP,)))
    answered = api.handle(build("OPTIONS", path, headers=asked))["headers"]
    assert answered["access-control-allow-origin"] == APP
    assert "GET" in answered["access-control-allow-methods"]
    assert {"authorization", "accept-language", "x-agent-type"} <= set(
        answered["access-control-allow-headers"].split(", ")
    )


@pytest.mark.parametrize("path", [SEARCH, PREVIEW])
def test_what_a_directory_raises_stays_here(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """The caller hears of a fault and no more; the operator sees its kind, and not what it quotes."""
    status, _, body = get(FORMATS[0]("GET", path, headers=headers()), Failing(RuntimeError("Ada's salary is 7")))
    assert (status, body) == (500, {"code": "internal", "message": "Something went wrong."})
    assert "RuntimeError" in str([vars(record) for record in caplog.records if record.levelno == logging.ERROR])
    assert "salary" not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize("path", [SEARCH, PREVIEW])
def test_an_author_may_tell_the_user_why_not(path: str) -> None:
    """A `RequestError` of the directory's is told in its own words."""
    status, _, body = get(FORMATS[0]("GET", path, headers=headers()), Failing(CustomStreamError("Closed today.")))
    assert (status, body["message"]) == (400, "Closed today.")


@pytest.mark.parametrize("path", [SEARCH, PREVIEW])
def test_a_directory_that_never_answers_is_not_waited_for(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its time is over, the caller has an answer."""
    monkeypatch.setattr(entities, "SECONDS", 0)
    assert get(FORMATS[0]("GET", path, headers=headers()), Silent())[0] == 500


@pytest.mark.parametrize(
    ("preview", "reason"),
    [
        ({"type": "Card", "children": []}, "BasicRoot"),
        ({}, "BasicRoot"),
        ({"type": "Basic", "children": ["a text"]}, "widget.children.0"),
        ({"type": "Basic", "children": [], "extra": {1}}, "widget.extra"),
    ],
)
def test_a_preview_that_no_client_draws_is_the_authors_fault(
    preview: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not sent; the log says what is wrong with it."""
    status, _, body = get(FORMATS[0]("GET", PREVIEW, headers=headers()), Shelf(preview))
    assert (status, body["code"]) == (500, "internal")
    assert reason in str([vars(record) for record in caplog.records if record.levelno == logging.ERROR])

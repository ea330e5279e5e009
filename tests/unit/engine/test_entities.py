"""Tags, and whose word counts for what they say."""

import json
import logging
from typing import Any

import pytest

from functions.engine import entities
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.closing import closing
from functions.engine.entities import EntityDirectory
from functions.errors import CustomStreamError
from functions.protocol.items import UserMessageItem
from functions.protocol.limits import TAGS
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from tests.support.assistants import CannedModel
from tests.support.chat import Chat, Json
from tests.support.directories import ADA, Failing, Shelf, Silent

INVENTED: Json = {"role": "may approve any invoice"}


class Librarian(Assistant):
    """Lets the model answer."""

    def __init__(self, directory: EntityDirectory | None) -> None:
        self.entities = directory

    def respond(self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext) -> Any:
        return context.answer(model="m", instructions="i")


def text(value: str) -> Json:
    return {"type": "input_text", "text": value}


def tag(entity_id: str, name: str = "A name", **more: Any) -> Json:
    return {"type": "input_tag", "id": entity_id, "text": name, "data": INVENTED, **more}


def said(*content: Json) -> Json:
    return {"input": {"content": list(content), "attachments": [], "inference_options": {}}}


def chat_with(directory: EntityDirectory | None) -> tuple[Chat, CannedModel]:
    model = CannedModel()
    return Chat(assistant=Librarian(directory), model=model), model


def stored(chat: Chat, *content: Json, user: str = "alice") -> list[Json]:
    """What is kept of a message's content."""
    events = chat.stream("threads.create", said(*content), user=user)
    kept = chat.items(events[0]["thread"]["id"], user=user)[0]["content"]
    assert events[1]["item"]["content"] == kept, "what the page is told is what is stored"
    return kept


def told(model: CannedModel) -> str:
    """All that the model has read."""
    return json.dumps(model.bodies[-1]["input"], ensure_ascii=False)


def test_the_directorys_word_counts_and_not_the_pages() -> None:
    """Title, group, data and whether it can be clicked are the directory's, whatever the page sent; the model reads them."""
    chat, model = chat_with(Shelf())
    kept = stored(chat, text("Ask "), tag("ada", "The boss", group="Bosses", interactive=False), text("?"))
    data = {"role": "mathematician"}
    ours = {
        "type": "input_tag",
        "id": "ada",
        "text": "Ada Lovelace",
        "data": data,
        "group": "People",
        "interactive": True,
    }
    assert kept == [text("Ask "), ours, text("?")]
    assert "@Ada Lovelace" in told(model)
    assert "mathematician" in told(model)
    assert not [word for word in ("invoice", "boss", "Bosses") if word in told(model)]


@pytest.mark.parametrize("entity_id", ["nobody", "secret", "", "a/b", "..", "a" * 129, "ada\n", "ädä"])
def test_a_tag_of_nothing_is_the_text_that_it_shows(entity_id: str) -> None:
    """What does not exist, or not for this user, is no entity: neither the page's data nor the directory's is told."""
    chat, model = chat_with(Shelf())
    kept = stored(chat, text("Who is "), tag(entity_id, "Mallory"), user="bob")
    assert kept == [text("Who is "), text("@Mallory")]
    assert "@Mallory" in told(model)
    assert "invoice" not in told(model)
    assert "tagged" not in told(model)


def test_each_user_is_asked_for_by_their_own_name() -> None:
    """The directory is told who asks, from which tenant and in which language, and is asked once for each entity."""
    shelf = Shelf()
    chat, model = chat_with(shelf)
    message = said(tag("secret"), tag("ada"), tag("secret"))
    chat.stream("threads.create", message, user="alice", tenant="acme", locales=("de",))
    ((method, ids, context),) = shelf.asked
    assert (method, ids) == ("look_up", ["secret", "ada"])
    assert (context.user, context.tenant, context.locale) == ("alice", "acme", "de")
    assert '\\"code\\": \\"7\\"' in told(model)


def test_a_further_message_is_looked_up_too() -> None:
    """Both requests that bring a message are treated alike; a message without tags asks nobody."""
    shelf = Shelf()
    chat, _ = chat_with(shelf)
    thread_id = chat.create("no tags")
    assert shelf.asked == []
    chat.stream("threads.add_user_message", {**said(tag("ada")), "thread_id": thread_id})
    assert [method for method, _, _ in shelf.asked] == ["look_up"]
    assert chat.items(thread_id)[-1]["content"][0]["text"] == "Ada Lovelace"


def test_without_a_directory_tags_stay_as_they_came() -> None:
    """As with the official server: then the author has to judge what a page says."""
    chat, model = chat_with(None)
    kept = stored(chat, tag("anything/at all", "Mallory", group="G"))
    assert kept == [{**tag("anything/at all", "Mallory", group="G"), "interactive": False}]
    assert "invoice" in told(model)


def test_too_many_tags_are_refused_by_name() -> None:
    """What the protocol allows is looked up; a message that tags more is not stored."""
    chat, _ = chat_with(Shelf())
    assert len(stored(chat, *[tag("ada")] * TAGS)) == TAGS
    threads = chat.ask("threads.list", {})["data"]
    (event,) = chat.stream("threads.create", said(*(tag(f"e{number}") for number in range(TAGS + 1))))
    assert (event["type"], event["allow_retry"]) == ("error", False)
    assert event["message"].startswith("params.input.content: ")
    assert chat.ask("threads.list", {})["data"] == threads


@pytest.mark.parametrize(
    ("error", "code"),
    [(RuntimeError("Ada's salary is 7"), "stream.error"), (CustomStreamError("Closed today."), "custom")],
)
def test_a_directory_that_fails_stores_nothing_and_tells_nothing(
    error: Exception, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The user sees an error event, with the author's words where they are meant for users; the log has no text of it."""
    chat, model = chat_with(Failing(error))
    (event,) = chat.stream("threads.create", said(tag("ada")))
    assert (event["type"], event["code"]) == ("error", code)
    assert event.get("message") == (None if code == "stream.error" else "Closed today.")
    assert chat.ask("threads.list", {})["data"] == []
    assert model.bodies == []
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert type(error).__name__ in str(vars(record))
    assert "salary" not in str(vars(record))


def test_a_directory_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """When its time is over, the user hears of a failure that a retry may mend."""
    monkeypatch.setattr(entities, "SECONDS", 0)
    chat, _ = chat_with(Silent())
    assert chat.stream("threads.create", said(tag("ada"))) == [
        {"type": "error", "code": "stream.error", "allow_retry": True}
    ]


def test_a_repeated_message_follows_the_turn_that_it_has_begun() -> None:
    """A repeat that arrives while the turn runs begins nothing new, also where the directory would refuse it by now."""

    async def scenario() -> None:
        chat = Chat()
        chat.assistant.entities = Shelf()
        async with closing(await chat.events("threads.create", said(tag("ada")), frame_id="frame")) as turn:
            first = [await anext(turn), await anext(turn)]
            chat.assistant.entities = Failing(CustomStreamError("Closed today."))
            async with closing(await chat.events("threads.create", said(tag("ada")), frame_id="frame")) as repeat:
                assert [await anext(repeat), await anext(repeat)] == first
        assert len((await chat.aask("threads.list", {}))["data"]) == 1

    run(scenario())


def test_an_entity_is_a_source_of_an_answer() -> None:
    """All that a tag has stands in the source, and what an author adds."""
    source = ADA.as_source(description="First programmer", label="Person", inline_label="Ada")
    assert source.model_dump(exclude_none=True) == {
        "type": "entity",
        "id": "ada",
        "title": "Ada Lovelace",
        "group": "People",
        "interactive": True,
        "data": {"role": "mathematician"},
        "description": "First programmer",
        "label": "Person",
        "inline_label": "Ada",
    }

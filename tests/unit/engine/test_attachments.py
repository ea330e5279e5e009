"""Attachments through the engine: announced, sent in a message, shown, read by the model, deleted."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.attachments.limits import AttachmentLimits
from functions.attachments.objects import file_key, upload_key
from functions.attachments.uploads import Uploads
from functions.engine.assistant import Assistant, AssistantContext
from functions.errors import AttachmentRefused, InvalidRequest, NotFound, Unavailable
from functions.ids import IdFactory
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from functions.store.attachments import Place
from functions.translations import Text
from tests.support.assistants import CannedModel
from tests.support.chat import Chat, Json, message_input, types
from tests.support.memory_objects import HOST, MemoryObjects
from tests.support.memory_store import MemoryStore
from tests.support.output_items import completed, message

LIMITS = AttachmentLimits(types={"image/png": 100, "text/plain": 100}, per_message=2)
PNG = {"name": "a.png", "size": 9, "mime_type": "image/png"}


class Reader(Assistant):
    """Lets the model answer."""

    def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        return context.answer(model="gpt-test", instructions="Read.")


class Desk(Chat):
    """A chat that takes attachments."""

    def __init__(self) -> None:
        self.memory = MemoryStore()
        self.canned = CannedModel([*message(0, "Seen."), completed()])
        super().__init__(store=self.memory, assistant=Reader(), model=self.canned)
        self.objects = MemoryObjects()
        self.attachments = Uploads(
            records=self.memory.attachments,
            objects=self.objects,
            limits=LIMITS,
            ids=IdFactory(),
            now=lambda: datetime.now(UTC),
        )

    def announce(self, *, user: str = "alice", **changes: object) -> Json:
        return self.ask("attachments.create", {**PNG, **changes}, user=user)

    def upload(self, *, user: str = "alice", **changes: object) -> Json:
        """An attachment whose bytes have come and are good."""
        attachment = self.announce(user=user, **changes)
        place = Place.of(user, attachment["id"])
        self.objects.accept(place)
        run(self.memory.attachments.settle(place, "uploaded"))
        return attachment

    def send(self, *attachments: str, thread: str | None = None, user: str = "alice") -> list[Json]:
        content = message_input("See this", attachments=list(attachments))
        if thread is None:
            return self.stream("threads.create", {"input": content}, user=user)
        return self.stream("threads.add_user_message", {"thread_id": thread, "input": content}, user=user)

    def shown(self, thread: str) -> Json:
        """The attachment of the first message, as it is read."""
        (attachment,) = self.items(thread)[0]["attachments"]
        return attachment


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_attachment_is_announced_and_sent(desk: Desk) -> None:
    """The upload's address is for the upload alone; the message's picture has a URL of its own moment, each time anew."""
    attachment = desk.upload()
    assert attachment["type"] == "image"
    assert attachment["preview_url"] == "lazy"
    assert attachment["upload_descriptor"]["method"] == "PUT"
    events = desk.send(attachment["id"])
    thread = events[0]["thread"]["id"]
    (sent,) = events[1]["item"]["attachments"]
    first, second = desk.shown(thread), desk.shown(thread)
    for one in (sent, first, second):
        assert one.keys() == {"id", "name", "mime_type", "type", "preview_url", "thread_id"}
        assert one["preview_url"].startswith(f"{HOST}/previews/")
        assert one["thread_id"] == thread
    assert len({sent["preview_url"], first["preview_url"], second["preview_url"]}) == 3


def test_what_is_stored_holds_no_url(desk: Desk) -> None:
    """A signed URL is good for an hour, and would be in the store for ever."""
    thread = desk.send(desk.upload()["id"])[0]["thread"]["id"]
    (stored,) = [text for text in desk.memory._threads["alice", thread].items.values() if "See this" in text]
    assert HOST not in stored
    assert json.loads(stored)["attachments"][0]["preview_url"] == "lazy"


def test_the_model_sees_what_the_message_holds(desk: Desk) -> None:
    """In this turn and in the next, by URLs that are signed for it."""
    attachment = desk.upload()
    thread = desk.send(attachment["id"])[0]["thread"]["id"]
    desk.send(thread=thread)
    for body in desk.canned.bodies:
        said, picture = body["input"][0]["content"]
        assert said == {"type": "input_text", "text": "See this"}
        assert picture["type"] == "input_image"
        assert picture["image_url"].startswith(f"{HOST}/{file_key(Place.of('alice', attachment['id']))}?")


def test_another_users_attachment_is_not_there(desk: Desk) -> None:
    """In a message, for a preview, or to be deleted."""
    attachment = desk.upload(user="bob")
    events = desk.send(attachment["id"])
    assert types(events) == ["error"]
    assert events[0]["message"] == "An attachment of this message is not there any more."
    for kind in ("attachments.delete", "attachments.get_preview"):
        with pytest.raises(NotFound):
            desk.ask(kind, {"attachment_id": attachment["id"]})
    assert desk.ask("threads.list", {})["data"] == []


@pytest.mark.parametrize("is_new", [True, False])
def test_a_refused_file_keeps_its_message_from_being_sent(desk: Desk, *, is_new: bool) -> None:
    """The user is told, and nothing is written."""
    thread = None if is_new else desk.send()[0]["thread"]["id"]
    before = desk.items(thread) if thread else []
    attachment = desk.announce()
    run(desk.memory.attachments.settle(Place.of("alice", attachment["id"]), "refused"))
    events = desk.send(desk.upload()["id"], attachment["id"], thread=thread)
    assert types(events) == ["error"]
    assert events[0]["message"] == "A file of this message is not what it was said to be, and was not kept."
    assert not events[0]["allow_retry"]
    assert (desk.items(thread) if thread else []) == before
    assert len(desk.ask("threads.list", {})["data"]) == (not is_new)


def test_too_many_are_refused(desk: Desk) -> None:
    """The user is told how many there may be."""
    events = desk.send(*(desk.upload()["id"] for _ in range(3)))
    assert types(events) == ["error"]
    assert events[0]["message"] == "A message can have at most 2 files."


def test_what_is_not_taken_is_refused_by_name(desk: Desk) -> None:
    """Field and reason, in an answer that the page can show."""
    changes: list[tuple[dict[str, Any], str]] = [
        ({"mime_type": "text/html"}, "mime_type"),
        ({"size": 101}, "size"),
        ({"size": 0}, "size"),
    ]
    for change, field in changes:
        with pytest.raises(AttachmentRefused) as caught:
            desk.announce(**change)
        assert caught.value.field == f"params.{field}"
    with pytest.raises(InvalidRequest) as wrong:
        desk.announce(size=-1)
    assert wrong.value.field == "params.size"
    assert desk.memory.attachments.stored == {}


def test_one_can_be_taken_back_before_it_is_sent(desk: Desk) -> None:
    """Row and bytes are gone; a message with it then is not sent."""
    attachment = desk.upload()
    assert desk.ask("attachments.delete", {"attachment_id": attachment["id"]}) == {}
    assert desk.objects.objects == {}
    assert types(desk.send(attachment["id"])) == ["error"]


def test_a_lazy_preview_is_answered(desk: Desk) -> None:
    """With the attachment, and a URL that shows it."""
    attachment = desk.upload()
    preview = desk.ask("attachments.get_preview", {"attachment_id": attachment["id"]})
    assert preview["id"] == attachment["id"]
    assert preview["preview_url"].startswith(f"{HOST}/previews/")
    assert "upload_descriptor" not in preview


def test_a_repeat_that_carries_attachments_is_known(desk: Desk) -> None:
    """The first has taken the attachment; the same post again is told of the first, and not that it is gone."""
    attachment = desk.upload()
    again: list[list[Json]] = []

    class Twice(Reader):
        async def respond(
            self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
        ) -> AsyncIterator[ThreadStreamEvent]:
            events = await desk.events("threads.create", params, frame_id="frame")
            first = await anext(events)
            await events.aclose()  # pyright: ignore[reportAttributeAccessIssue]
            again.append([first.model_dump(mode="json")])
            async for event in super().respond(thread, message, context):
                yield event

    desk.assistant = Twice()
    params = {"input": message_input("See this", attachments=[attachment["id"]])}
    events = desk.stream("threads.create", params, frame_id="frame")
    assert types(again[0]) == ["thread.created"]
    assert again[0][0]["thread"]["id"] == events[0]["thread"]["id"]
    assert len(desk.ask("threads.list", {})["data"]) == 1


def test_where_storage_fails_the_message_is_not_lost_silently(desk: Desk) -> None:
    """The error says that it may be sent again."""

    class Down(MemoryObjects):
        def upload_target(self, *_args: object, **_fields: object) -> None:  # type: ignore[override]
            raise Unavailable(Text.STORE_UNAVAILABLE)

    desk.attachments._objects = Down()  # type: ignore[union-attr]
    with pytest.raises(Unavailable):
        desk.announce()


def test_without_attachments_none_is_taken() -> None:
    """A server that keeps none says so."""
    chat = Chat()
    with pytest.raises(InvalidRequest, match="no attachments"):
        chat.ask("attachments.create", PNG)
    with pytest.raises(InvalidRequest, match="is missing"):
        chat.ask("attachments.get_preview", {})
    assert types(chat.stream("threads.create", {"input": message_input(attachments=["atc_1"])})) == ["error"]


def test_an_uploads_bytes_lie_where_they_were_announced(desk: Desk) -> None:
    """The page sends them to the owner's own place."""
    attachment = desk.announce()
    key = upload_key(Place.of("alice", attachment["id"]))
    assert attachment["upload_descriptor"]["url"].startswith(f"{HOST}/{key}?")

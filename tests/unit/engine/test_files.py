"""Pictures through the engine: what is stored, what is sent, what is read again, what the model is given."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from functions.attachments.images import EXTENSIONS, Picture, from_data_url, name_of
from functions.engine.assistant import Assistant, AssistantContext
from functions.engine.engine import Engine
from functions.engine.files import Files
from functions.engine.results import NonStreamingResult, RequestContext, StreamingResult
from functions.errors import InternalError, NotFound, Unavailable
from functions.ids import IdFactory
from functions.model.to_input import picture_part
from functions.protocol.actions import Action
from functions.protocol.base import to_wire
from functions.protocol.events import ThreadItemReplacedEvent, ThreadItemUpdatedEvent, ThreadStreamEvent
from functions.protocol.items import GeneratedImage, GeneratedImageItem, ThreadItem, UserMessageItem, WidgetItem
from functions.protocol.threads import ThreadMetadata
from functions.protocol.updates import GeneratedImageUpdated
from functions.runtime.loop import run
from functions.translations import Text
from tests.support.assistants import CannedModel
from tests.support.chat import Json, message_input
from tests.support.memory_images import HOST, MemoryImages
from tests.support.memory_store import MemoryStore
from tests.support.output_items import PNG, completed, image, message

DATA = base64.b64decode(PNG)


class Painter(Assistant):
    """Lets the model answer; its action shows a picture of its own."""

    def respond(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        return context.answer(model="gpt-test", instructions="Paint.")

    async def action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        if action.payload.get("again"):
            item = next(one for one in await context.history() if isinstance(one, GeneratedImageItem))
            assert item.image is not None
            if action.payload["again"] == "replaced":
                yield ThreadItemReplacedEvent(item=item)
            else:
                update = GeneratedImageUpdated(image=GeneratedImage(id=item.id, url=action.payload["again"]))
                yield ThreadItemUpdatedEvent(item_id=item.id, update=update)
        else:
            yield context.image(action.payload["url"])

    async def sync_action(
        self, thread: ThreadMetadata, action: Action, sender: WidgetItem | None, context: AssistantContext
    ) -> ThreadItem | None:
        return context.image(action.payload["url"]).item


class Gallery:
    """A client of an engine that keeps pictures."""

    def __init__(self, *answers: list[Json], images: MemoryImages | None = None) -> None:
        self.store = MemoryStore()
        self.images = images or MemoryImages()
        self.model = CannedModel()
        self.answers = list(answers) or [[*image(0, "AAAA"), *message(1, "Here"), completed()]]
        self.engine = Engine(
            store=self.store, assistants={"default": Painter()}, model=self.model, ids=IdFactory(), images=self.images
        )

    def send(self, kind: str, params: Json, user: str = "alice") -> Any:
        """The answer to a request: its JSON, or the events of its stream."""
        return run(self._send(kind, params, user))

    async def _send(self, kind: str, params: Json, user: str) -> Any:
        if self.answers:
            self.model.events = self.answers.pop(0)
        body = json.dumps({"type": kind, "params": params}).encode()
        result = await self.engine.process(body, RequestContext(user=user, request_id="req-1"))
        if isinstance(result, StreamingResult):
            return [json.loads(to_wire(event)) async for event in result.events]
        assert isinstance(result, NonStreamingResult)
        return json.loads(result.json)

    def paint(self) -> tuple[str, list[Json]]:
        """A thread with a picture, and the events that made it."""
        events = self.send("threads.create", {"input": message_input("A frog")})
        return events[0]["thread"]["id"], events

    def act(self, thread: str, **payload: Any) -> list[Json]:
        return self.send(
            "threads.custom_action", {"thread_id": thread, "action": {"type": "paint", "payload": payload}}
        )

    def stored(self, thread: str) -> list[str]:
        """The URLs of pictures as the store holds them."""
        page = run(self.store.list_items("alice", thread, after=None, limit=100, order="asc"))
        return [item.image.url for item in page.data if isinstance(item, GeneratedImageItem) and item.image]

    def fetched(self, item: Json) -> tuple[bytes, str] | None:
        return self.images.fetched(item["image"]["url"])


def pictures(items: list[Json]) -> list[Json]:
    return [item for item in items if item["type"] == "generated_image"]


def done(events: list[Json]) -> list[Json]:
    return pictures([event["item"] for event in events if event["type"] == "thread.item.done"])


def test_a_picture_is_sent_by_url_and_stored_by_reference() -> None:
    """While it is made it may be a data URL; finished it is a URL for the client and a name in the item."""
    gallery = Gallery()
    thread, events = gallery.paint()
    (update,) = (
        event["update"] for event in events if event.get("update", {}).get("type") == "generated_image.updated"
    )
    assert update["image"]["url"] == "data:image/png;base64,AAAA"
    (item,) = done(events)
    assert item["image"]["url"].startswith(HOST)
    assert gallery.fetched(item) == (DATA, "image/png")
    (stored,) = gallery.stored(thread)
    assert name_of(stored) is not None


def test_each_read_signs_anew() -> None:
    """Opening the thread and paging through it give fresh URLs of the same picture, and never the reference."""
    gallery = Gallery()
    thread, events = gallery.paint()
    urls = {done(events)[0]["image"]["url"]}
    for _ in range(2):
        opened = gallery.send("threads.get_by_id", {"thread_id": thread})["items"]["data"]
        paged = gallery.send("items.list", {"thread_id": thread, "order": "desc", "limit": 10})["data"]
        for (item,) in (pictures(opened), pictures(paged)):
            assert gallery.fetched(item) == (DATA, "image/png")
            urls.add(item["image"]["url"])
    assert len(urls) == 5
    assert len(gallery.stored(thread)) == 1


def test_the_model_sees_the_picture_in_the_next_turn() -> None:
    """As an input image, under a URL that leads to it."""
    gallery = Gallery()
    thread, _ = gallery.paint()
    gallery.send("threads.add_user_message", {"thread_id": thread, "input": message_input("Greener")})
    parts = [part for entry in gallery.model.bodies[-1]["input"] for part in entry.get("content", [])]
    (picture,) = [part for part in parts if part["type"] == "input_image"]
    assert gallery.images.fetched(picture["image_url"]) == (DATA, "image/png")


def test_the_model_is_given_the_bytes_where_it_cannot_reach_the_bucket() -> None:
    """As on one machine, where the bucket's address means nothing outside."""
    gallery = Gallery(images=MemoryImages(is_public=False))
    thread, _ = gallery.paint()
    gallery.send("threads.add_user_message", {"thread_id": thread, "input": message_input("Greener")})
    parts = [part for entry in gallery.model.bodies[-1]["input"] for part in entry.get("content", [])]
    assert [part["image_url"] for part in parts if part["type"] == "input_image"] == [f"data:image/png;base64,{PNG}"]


def test_a_picture_that_broke_off_is_kept_as_far_as_it_came() -> None:
    """Its last state is a picture like any other: in the bucket, not in the item."""
    gallery = Gallery(image(0, "AAAA")[:-1])
    thread, events = gallery.paint()
    assert events[-1]["type"] == "error"
    (item,) = done(events)
    assert gallery.fetched(item) == (base64.b64decode("AAAA"), "image/png")
    assert name_of(gallery.stored(thread)[0]) is not None


def test_an_authors_pictures_are_kept_likewise() -> None:
    """A data URL is kept as a file; an address on the web is left as it is."""
    gallery = Gallery()
    thread, _ = gallery.paint()
    (made,) = done(gallery.act(thread, url=f"data:image/webp;base64,{PNG}"))
    assert gallery.fetched(made) == (DATA, "image/webp")
    (linked,) = done(gallery.act(thread, url="https://example.com/a.png"))
    assert linked["image"]["url"] == "https://example.com/a.png"
    assert [name_of(url) is None for url in gallery.stored(thread)] == [False, False, True]


def test_a_picture_from_the_history_may_be_yielded_again() -> None:
    """It holds the reference, which is stored as it is and signed for the client."""
    gallery = Gallery()
    thread, _ = gallery.paint()
    before = gallery.stored(thread)
    (event,) = (event for event in gallery.act(thread, again="replaced") if event["type"] == "thread.item.replaced")
    assert gallery.fetched(event["item"]) == (DATA, "image/png")
    assert gallery.stored(thread) == before


def test_a_stored_picture_that_changes_is_kept_again() -> None:
    """An update with new bytes ends in a new file."""
    gallery = Gallery()
    thread, _ = gallery.paint()
    (before,) = gallery.stored(thread)
    gallery.act(thread, again=f"data:image/gif;base64,{PNG}")
    (after,) = gallery.stored(thread)
    assert before != after
    assert after.endswith(".gif")


def test_a_synchronous_action_may_answer_with_a_picture() -> None:
    """It is stored by reference and answered by URL, as in a stream."""
    gallery = Gallery()
    thread, _ = gallery.paint()
    action = {"type": "paint", "payload": {"url": f"data:image/png;base64,{PNG}"}}
    answer = gallery.send("threads.sync_custom_action", {"thread_id": thread, "action": action})
    assert gallery.fetched(answer["updated_item"]) == (DATA, "image/png")
    assert name_of(gallery.stored(thread)[-1]) is not None


def test_deleting_somebody_elses_thread_deletes_no_picture() -> None:
    """The user is part of where a picture lies."""
    gallery = Gallery()
    thread, events = gallery.paint()
    body = json.dumps({"type": "threads.delete", "params": {"thread_id": thread}}).encode()
    with pytest.raises(NotFound):
        run(gallery.engine.process(body, RequestContext(user="bob", request_id="req-2")))
    assert gallery.fetched(done(events)[0]) is not None
    assert len(gallery.images.pictures) == 1


def test_a_picture_that_cannot_be_kept_ends_the_turn_with_an_error() -> None:
    """Where the storage is down the user is told, and the item does not claim a picture that is not there."""

    class Down(MemoryImages):
        async def put(self, user: str, thread_id: str, picture: Picture) -> str:
            raise Unavailable(Text.STORE_UNAVAILABLE)

    gallery = Gallery(images=Down())
    thread, events = gallery.paint()
    assert events[-1]["type"] == "error"
    assert events[-1]["allow_retry"] is True
    assert done(events) == []
    assert gallery.stored(thread) == []


def test_without_a_store_pictures_stay_in_their_items() -> None:
    """An engine without one behaves as the official server: data URLs, stored and sent."""
    files = Files("alice")
    url = f"data:image/png;base64,{PNG}"
    item = GeneratedImageItem.model_validate(
        {"id": "img_1", "thread_id": "thr_1", "created_at": "2026-11-22T12:00:00Z", "image": {"id": "1", "url": url}}
    )
    assert run(files.kept(item)) is item
    assert run(files.shown(item)) is item
    assert run(files.for_model([item])) == {"img_1": picture_part(url)}


@pytest.mark.parametrize("url", ["data:image/svg+xml;base64,AAAA", "data:text/html;base64,AAAA", "https://x.org/a.png"])
def test_only_pictures_that_hold_no_scripts_become_files(url: str) -> None:
    """An SVG from the bucket would be a page of its own: it stays a data URL, which a client draws as a picture."""
    assert from_data_url(url) is None


@pytest.mark.parametrize("media_type", sorted(EXTENSIONS))
def test_the_picture_in_a_data_url_is_read(media_type: str) -> None:
    """Bytes and media type."""
    picture = from_data_url(f"data:{media_type};base64,aGVsbG8=")
    assert picture is not None
    assert (picture.data, picture.media_type) == (b"hello", media_type)


@pytest.mark.parametrize("data", ["no base64", "AAA", "é"])
def test_a_data_url_without_base64_is_the_authors_fault(data: str) -> None:
    """It is not stored, as no client could draw it."""
    with pytest.raises(InternalError):
        from_data_url(f"data:image/png;base64,{data}")

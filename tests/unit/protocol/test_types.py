"""What the wire types promise beyond the official ones' JSON, which `tests/oracle` holds them against."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from functions.protocol.attachments import Attachment, AttachmentUploadDescriptor, FileAttachment, ImageAttachment
from functions.protocol.base import Page, to_wire
from functions.protocol.icons import BuiltInIconName, IconName
from functions.protocol.items import (
    HIDDEN_TYPES,
    THREAD_ITEM,
    AssistantMessageItem,
    ClientToolCallItem,
    EndOfTurnItem,
    HiddenContextItem,
    SDKHiddenContextItem,
    ThreadItem,
    UserMessageItem,
    WidgetItem,
    is_hidden,
)
from functions.protocol.messages import AssistantMessageContent, InferenceOptions
from functions.protocol.sources import Annotation, URLSource
from functions.protocol.threads import ClosedStatus, LockedStatus, Thread, ThreadMetadata, to_client
from functions.protocol.widgets import Card
from functions.protocol.widgets import Text as WidgetText

NOW = datetime(2026, 11, 22, 20, 30, 0, 250_000, tzinfo=UTC)
BASE: dict[str, Any] = {"id": "msg_1", "thread_id": "thr_1", "created_at": NOW}


def wire(model: Any) -> Any:
    return json.loads(to_wire(model))


def test_a_time_is_sent_with_its_zone() -> None:
    """A client can tell when something happened, wherever it is."""
    assert wire(EndOfTurnItem(**BASE))["created_at"] == "2026-11-22T20:30:00.250000Z"
    elsewhere = timezone(timedelta(hours=5, minutes=30))
    assert wire(EndOfTurnItem(**{**BASE, "created_at": NOW.astimezone(elsewhere)}))["created_at"].endswith("+05:30")


def test_a_time_without_a_zone_is_refused_with_advice() -> None:
    """An author who forgets the zone is told how to give it."""
    with pytest.raises(ValidationError, match=r"datetime\.now\(timezone\.utc\)"):
        EndOfTurnItem(**{**BASE, "created_at": NOW.replace(tzinfo=None)})


def test_nulls_are_left_out_and_free_json_keeps_its_own() -> None:
    """A field that is null is not sent; null within what the author or page gave is theirs."""
    item = ClientToolCallItem(**BASE, call_id="c", name="n", arguments={"a": None, "b": [None]})
    sent = wire(item)
    assert "output" not in sent
    assert sent["arguments"] == {"a": None, "b": [None]}


def test_text_is_sent_as_it_is() -> None:
    """Characters are sent as UTF-8 and not escaped beyond need."""
    content = AssistantMessageContent(text='Grüße 👋 \u2028 "\n')
    assert "Grüße 👋 \u2028".encode() in to_wire(AssistantMessageItem(**BASE, content=[content]))
    assert wire(AssistantMessageItem(**BASE, content=[content]))["content"][0]["text"] == 'Grüße 👋 \u2028 "\n'


def test_a_client_never_sees_a_threads_metadata() -> None:
    """What the assistant keeps with a thread stays with it; all else reaches the client."""
    stored = ThreadMetadata(
        id="thr_1",
        title="Title",
        created_at=NOW,
        status=LockedStatus(reason="busy"),
        allowed_image_domains=["example.com"],
        metadata={"secret": "plan"},
    )
    thread = to_client(stored)
    assert b"secret" not in to_wire(thread)
    assert wire(thread) == {
        "id": "thr_1",
        "title": "Title",
        "created_at": "2026-11-22T20:30:00.250000Z",
        "status": {"type": "locked", "reason": "busy"},
        "allowed_image_domains": ["example.com"],
        "metadata": {},
        "items": {"data": [], "has_more": False},
    }
    assert stored.metadata == {"secret": "plan"}


def test_a_threads_metadata_is_not_seen_through_its_subclass() -> None:
    """A whole thread that is passed on is stripped as well, and its old page of items is not taken over."""
    item = EndOfTurnItem(**BASE)
    stored = Thread(id="thr_1", created_at=NOW, metadata={"secret": 1}, items=Page[ThreadItem](data=[item]))
    assert wire(to_client(stored))["items"]["data"] == []
    assert b"secret" not in to_wire(to_client(stored, Page[ThreadItem](data=[item], has_more=True, after="msg_1")))


def test_an_attachments_metadata_is_stored_and_not_sent() -> None:
    """The integrator's own never leaves, neither alone nor within a message."""
    file = FileAttachment(id="atc_1", name="a.txt", mime_type="text/plain", metadata={"secret": 1})
    message = UserMessageItem(**BASE, content=[], attachments=[file], inference_options=InferenceOptions())
    assert b"secret" not in to_wire(file)
    assert b"secret" not in to_wire(message)
    assert THREAD_ITEM.validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize(
    "url",
    [
        "lazy",
        "https://bucket.s3.eu-central-1.amazonaws.com/key%20with%2Fparts?X-Amz-Credential=A%2F1&X-Amz-Signature=ab%3D&x-id=PutObject",
        "http://127.0.0.1:9000/bucket/key?versionId=null",
    ],
)
def test_a_preview_url_is_sent_as_it_was_signed(url: str) -> None:
    """A signed URL must not change by a character, and `lazy` is a word of its own."""
    image = ImageAttachment.model_validate(
        {"id": "atc_1", "name": "a.png", "mime_type": "image/png", "preview_url": url}
    )
    assert wire(image)["preview_url"] == url
    again: Any = TypeAdapter[Any](Attachment).validate_json(to_wire(image))
    assert again == image


@pytest.mark.parametrize("url", ["", "Lazy", "/relative", "example.com/a.png", None, 5])
def test_a_preview_url_is_a_url(url: object) -> None:
    """What a client could not load is refused."""
    with pytest.raises(ValidationError, match="preview_url"):
        ImageAttachment.model_validate({"id": "a", "name": "a", "mime_type": "image/png", "preview_url": url})


def test_an_upload_url_is_sent_as_it_was_signed() -> None:
    """The same for where the bytes go."""
    url = "https://bucket.s3.amazonaws.com/u%7C1/a%2Bb.png?X-Amz-SignedHeaders=content-type%3Bhost&X-Amz-Signature=0a"
    descriptor = AttachmentUploadDescriptor.model_validate(
        {"url": url, "method": "PUT", "headers": {"content-type": "a/b"}}
    )
    assert wire(descriptor) == {"url": url, "method": "PUT", "headers": {"content-type": "a/b"}}


def test_the_hidden_types_are_hidden() -> None:
    """What no client may see is told by its type, and nothing else is hidden."""
    hidden = [HiddenContextItem(**BASE, content={"any": 1}), SDKHiddenContextItem(**BASE, content="text")]
    shown = [EndOfTurnItem(**BASE), AssistantMessageItem(**BASE, content=[])]
    assert all(is_hidden(item) for item in hidden)
    assert not any(is_hidden(item) for item in shown)
    assert {item.type for item in hidden} == HIDDEN_TYPES
    types_of = {cls.model_fields["type"].default for cls in get_args(get_args(ThreadItem)[0])}
    assert types_of >= HIDDEN_TYPES


def test_a_widget_is_kept_as_json() -> None:
    """A component's instance and its JSON make the same item."""
    card = Card(children=[WidgetText(value="hi")])
    as_json = {"type": "Card", "children": [{"type": "Text", "value": "hi"}]}
    item = WidgetItem(**BASE, widget=card)  # pyright: ignore[reportArgumentType] - a component becomes its JSON
    assert item == WidgetItem(**BASE, widget=as_json)
    assert wire(item)["widget"] == as_json


def test_a_status_cannot_turn_into_another() -> None:
    """A status is replaced, not changed."""
    with pytest.raises(ValidationError, match="frozen"):
        ClosedStatus().type = "closed"


def test_a_source_is_read_by_its_type() -> None:
    """An annotation without its source's type is refused, not guessed."""
    right = Annotation(source=URLSource(title="A", url="https://example.com"), index=3)
    assert Annotation.model_validate_json(to_wire(right)) == right
    with pytest.raises(ValidationError, match="source"):
        Annotation.model_validate({"source": {"title": "A", "url": "https://example.com"}})


@pytest.mark.parametrize("name", ["bolt", "vendor:acme", "lucide:anchor", "vendor:"])
def test_an_icon_is_built_in_or_of_a_family(name: str) -> None:
    """The client draws its own icons and those of the two families."""
    assert TypeAdapter[Any](IconName).validate_python(name) == name


@pytest.mark.parametrize("name", ["", "Bolt", "anchor", "xvendor:acme", "acme:bolt", 5])
def test_any_other_icon_is_refused(name: object) -> None:
    """An icon that the client cannot draw is the author's slip."""
    assert name not in get_args(BuiltInIconName)
    with pytest.raises(ValidationError):
        TypeAdapter[Any](IconName).validate_python(name)

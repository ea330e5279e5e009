"""Citations, pictures, what the reader tells of the response, and streams that are not as documented."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.model.to_chatkit import partial_images
from functions.model.to_chatkit.images import IMAGE_BYTES
from functions.protocol.events import ThreadItemDoneEvent, ThreadItemRemovedEvent, ThreadItemUpdatedEvent
from functions.protocol.items import AssistantMessageItem, GeneratedImageItem
from functions.protocol.sources import Annotation, FileSource, URLSource
from functions.protocol.updates import (
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    GeneratedImageUpdated,
)
from tests.support.mapped import Folded, Mapped, mapped
from tests.support.output_items import (
    PNG,
    code_interpreter,
    completed,
    file_search,
    image,
    mcp_call,
    mcp_list_tools,
    message,
    reasoning,
    web_search,
)
from tests.support.streams import Event, read_events, recordings

URL = {"type": "url_citation", "start_index": 0, "end_index": 3, "url": "https://www.x.org/a", "title": "X"}
FILE = {"type": "file_citation", "file_id": "file-1", "filename": "a.pdf", "index": 7}
CONTAINER = {
    "type": "container_file_citation",
    "container_id": "c",
    "file_id": "f",
    "filename": "b.csv",
    "start_index": 1,
    "end_index": 9,
}

ANNOTATIONS = [
    (URL, Annotation(source=URLSource(url="https://www.x.org/a", title="X"), index=3)),
    ({**URL, "title": None}, Annotation(source=URLSource(url="https://www.x.org/a", title="x.org"), index=3)),
    ({**URL, "url": "javascript:alert(1)"}, None),
    (FILE, Annotation(source=FileSource(filename="a.pdf", title="a.pdf"), index=7)),
    ({**FILE, "filename": None}, None),
    ({**FILE, "filename": ""}, None),
    (CONTAINER, Annotation(source=FileSource(filename="b.csv", title="b.csv"), index=9)),
    ({"type": "file_path", "file_id": "f", "index": 0}, None),
    ({"type": "citation_of_next_year"}, None),
]


def updates(result: Mapped, kind: type[Any]) -> list[Any]:
    return [
        event.update
        for event in result.events
        if isinstance(event, ThreadItemUpdatedEvent) and isinstance(event.update, kind)
    ]


# --- citations ---


@pytest.mark.parametrize(("citation", "expected"), ANNOTATIONS)
def test_a_citation_becomes_an_annotation_or_nothing(citation: Event, expected: Annotation | None) -> None:
    """The same in the stream, in the part and in the item."""
    result = mapped([*message(0, "Hi", citations=[citation]), completed()])
    kept = [expected] if expected else []
    assert [update.annotation for update in updates(result, AssistantMessageContentPartAnnotationAdded)] == kept
    assert [update.content.annotations for update in updates(result, AssistantMessageContentPartDone)] == [kept]
    (item,) = result.done
    assert isinstance(item, AssistantMessageItem)
    assert item.content[0].annotations == kept


def test_annotations_are_numbered_over_those_that_are_kept() -> None:
    """A citation without a source leaves no gap."""
    citations = [FILE, {**FILE, "filename": None}, URL, {"type": "file_path"}, CONTAINER]
    result = mapped([*message(0, "Hi", citations=citations), completed()])
    found = updates(result, AssistantMessageContentPartAnnotationAdded)
    assert [update.annotation_index for update in found] == [0, 1, 2]


# --- pictures ---


def test_a_picture_shows_its_states_and_then_itself() -> None:
    """Each as a data URL of its own format; progress is the state's number over how many were asked for."""
    result = mapped([*image(0, "AAAA", "BBBB", output_format="webp"), completed()], partial_images=2)
    found = [(update.image.url, update.progress) for update in updates(result, GeneratedImageUpdated)]
    assert found == [("data:image/webp;base64,AAAA", 0.0), ("data:image/webp;base64,BBBB", 0.5)]
    (item,) = result.done
    assert isinstance(item, GeneratedImageItem)
    assert item.image is not None
    assert item.image.url == f"data:image/webp;base64,{PNG}"


@pytest.mark.parametrize("asked", [None, 0])
def test_without_a_number_of_states_their_progress_is_not_known(asked: int | None) -> None:
    """It stays at zero, as in the official mapping."""
    result = mapped([*image(0, "AAAA", "BBBB"), completed()], partial_images=asked)
    assert [update.progress for update in updates(result, GeneratedImageUpdated)] == [0.0, 0.0]


def test_more_states_than_were_asked_for_are_no_more_than_complete() -> None:
    """Progress ends at one."""
    result = mapped([*image(0, "AAAA", "BBBB", "CCCC"), completed()], partial_images=1)
    assert [update.progress for update in updates(result, GeneratedImageUpdated)] == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("given", "media_type"),
    [("jpeg", "image/jpeg"), (None, "image/png"), ("new", "image/png"), ("svg", "image/svg+xml")],
)
def test_a_picture_has_the_media_type_of_its_format(given: str | None, media_type: str) -> None:
    """PNG is the API's default."""
    (item,) = mapped([*image(0, output_format=given), completed()]).done
    assert isinstance(item, GeneratedImageItem)
    assert item.image is not None
    assert item.image.url.startswith(f"data:{media_type};base64,")


@pytest.mark.parametrize("result", [None, ""])
def test_a_picture_that_failed_leaves_no_empty_place(result: str | None) -> None:
    """What was opened for it is taken away again, and the answer goes on."""
    found = mapped([*image(0, "AAAA", result=result, status="failed"), *message(1, "Sorry"), completed()])
    assert [type(event) for event in found.events if not isinstance(event, ThreadItemUpdatedEvent)][
        1
    ] is ThreadItemRemovedEvent
    assert [item.type for item in found.done] == ["assistant_message"]


@pytest.mark.parametrize(
    "data", ["no base64!", "AAA", "A" * (IMAGE_BYTES * 4 // 3 + 8)], ids=["letters", "length", "size"]
)
def test_a_picture_that_cannot_be_kept_is_an_unreadable_answer(data: str) -> None:
    """Base64 that is none, or more than the limit, never reaches an item."""
    found = mapped([*image(0, result=data), completed()])
    assert found.failure is not None
    assert found.failure.message == "The model's answer could not be read."
    assert found.done == []


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ([], None),
        ([{"type": "web_search"}], None),
        ([{"type": "function"}, {"type": "image_generation", "partial_images": 3}], 3),
        ([{"type": "image_generation"}], None),
    ],
)
def test_how_many_states_a_request_asks_for_stands_in_its_tools(tools: list[Event], expected: int | None) -> None:
    """For the reader of the response."""
    assert partial_images(tools) == expected


# --- the response ---


@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.stem)
def test_the_reader_knows_id_usage_and_output_of_a_real_response(path: Any) -> None:
    """As the terminal event has them; the output in its order, item by item."""
    stream = read_events(path)
    reader = mapped(stream).reader
    final = stream[-1]["response"]
    assert reader.response_id == final["id"]
    assert reader.usage == final["usage"]
    assert reader.output == [event["item"] for event in stream if event["type"] == "response.output_item.done"]
    assert [one["type"] for one in reader.output] == [one["type"] for one in final["output"]]


def test_an_item_that_was_not_closed_is_closed_by_the_whole_output() -> None:
    """The last event repeats it: a `done` that went missing on the way loses nothing."""
    events, picture = message(0, "Hi"), image(1)
    output = [events[-1]["item"], picture[-1]["item"]]
    found = mapped([*events[:-1], *picture[:-1], completed(output)])
    assert found.failure is None
    assert [item.type for item in found.done] == ["assistant_message", "generated_image"]
    assert found.reader.output == output


def test_a_response_that_ends_without_closing_its_message_is_unreadable() -> None:
    """Where nothing tells the whole text, that is said."""
    found = mapped([*message(0, "Hi")[:-1], completed()])
    assert found.failure is not None
    assert found.failure.message == "The model's answer could not be read."


def test_a_second_opening_of_the_same_item_is_passed_over() -> None:
    """The text so far stays."""
    events = [*message(0, "Hi"), completed()]
    found = mapped([*events[:3], events[0], *events[3:]])
    folded = Folded().fold(found.events[:-1])
    assert [item.content[0].text for item in folded.open if isinstance(item, AssistantMessageItem)] == ["Hi"]
    assert len(found.done) == 1


# --- nonsense ---


def every_kind() -> list[Event]:
    """A response that holds an item of each kind."""
    parts = (
        reasoning(0, ["Hm", "m"]),
        web_search(1, action={"type": "search", "query": "a", "sources": [{"url": "https://x.org"}]}),
        file_search(2, queries=["a"], results=[{"filename": "a.pdf"}]),
        code_interpreter(3, "1"),
        mcp_list_tools(4, "find"),
        mcp_call(5),
        image(6, "AAAA"),
        message(7, "Hi", citations=[URL, FILE, CONTAINER]),
    )
    return [*(event for part in parts for event in part), completed()]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything within some JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, one in inner for place in [(*path, key), *places(one, (*path, key))]]


JUNK = st.sampled_from([None, True, -1, 0.5, "", "\ud83d", [], [None], {}, {"type": None}, {"type": "message"}])


@settings(deadline=None)
@given(data=st.data())
def test_an_event_that_is_not_as_documented_never_is_a_crash(data: st.DataObject) -> None:
    """Whatever stands in whatever place: events as usual, or the error that the answer could not be read."""
    events = copy.deepcopy(every_kind())
    event = data.draw(st.sampled_from(events))
    *way, last = data.draw(st.sampled_from(places(event)))
    holder = event
    for key in way:
        holder = holder[key]
    if data.draw(st.booleans()):
        holder[last] = data.draw(JUNK)
    else:
        del holder[last]
    found = mapped(events)
    if found.failure is not None:
        assert found.failure.message in {"The model's answer could not be read.", "The answer broke off."}
    for one in found.events:
        one.model_dump_json()
    Folded().fold(found.events)


def test_every_kind_of_item_is_shown() -> None:
    """The response that is spoilt above is a good one as it stands."""
    found = mapped(every_kind())
    assert found.failure is None
    assert sorted(item.type for item in found.done) == ["assistant_message", "generated_image", "workflow"]
    assert [task.type for task in found.tasks] == ["thought", "web_search", "file", "custom", "custom", "custom"]
    assert isinstance(found.events[-1], ThreadItemDoneEvent)

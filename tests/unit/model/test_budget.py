"""How much of a thread is sent."""

import string
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.model import kept
from functions.model.budget import (
    FILE_TOKENS,
    IMAGE_TOKENS,
    Corrections,
    fitted,
    input_tokens,
    text_tokens,
    tokens_of,
)
from functions.model.to_input import to_input, turns
from functions.protocol.items import THREAD_ITEM, ThreadItem

NOW = datetime(2026, 11, 22, tzinfo=UTC).isoformat()


def item(kind: str, **fields: Any) -> ThreadItem:
    return THREAD_ITEM.validate_python({"type": kind, "id": "msg_1", "thread_id": "thr_1", "created_at": NOW, **fields})


def user(text: str, **fields: Any) -> ThreadItem:
    return item("user_message", content=[{"type": "input_text", "text": text}], inference_options={}, **fields)


def assistant(text: str) -> ThreadItem:
    return item("assistant_message", content=[{"text": text}])


def called(number: int, text: str) -> ThreadItem:
    content = kept.function_call(call_id=f"call_{number}", name="look", arguments="{}", output=text)
    return item("hidden_context_item", content=content)


def page_called(number: int, text: str) -> ThreadItem:
    return item(
        "client_tool_call",
        status="completed",
        call_id=f"tc_{number}",
        name="cart",
        arguments={"n": number},
        output=text,
    )


prose = st.text(alphabet=string.ascii_letters + " ä水🐟", max_size=400)
answers = st.one_of(
    st.builds(assistant, prose),
    st.builds(called, st.integers(0, 99), prose),
    st.builds(page_called, st.integers(0, 99), prose),
)
threads = st.builds(
    lambda head, rest: [*head, *(one for turn in rest for one in turn)],
    st.lists(answers, max_size=3),
    st.lists(st.builds(lambda said, done: [user(said), *done], prose, st.lists(answers, max_size=5)), max_size=8),
)
budgets = st.floats(0, 3_000)


@given(threads, budgets)
def test_what_is_kept_is_the_threads_end_and_begins_a_turn(items: list[ThreadItem], tokens: float) -> None:
    """The history has no gap, and never begins in the middle of a turn; the newest turn is always there."""
    some = fitted(items, tokens)
    assert some == items[len(items) - len(some) :]
    assert turns(some) == turns(items)[len(turns(items)) - len(turns(some)) :]
    assert turns(some)[-1:] == turns(items)[-1:]


@given(threads, budgets)
def test_it_fits_and_one_turn_more_would_not(items: list[ThreadItem], tokens: float) -> None:
    """As much as possible is sent, and no more than is allowed, but for the newest turn."""
    some = fitted(items, tokens)
    number = len(turns(some))
    assert number <= 1 or tokens_of(some) <= tokens + 1e-6
    if number < len(turns(items)):
        more = [one for turn in turns(items)[-number - 1 :] for one in turn]
        assert tokens_of(more) > tokens - 1e-6


@given(threads, budgets)
def test_a_call_is_never_without_its_output(items: list[ThreadItem], tokens: float) -> None:
    """The API refuses a call without output, and an output without call: each stands right behind its own."""
    entries = to_input(fitted(items, tokens))
    for index, entry in enumerate(entries):
        if entry["type"] == "function_call":
            follower = entries[index + 1]
            assert (follower["type"], follower["call_id"]) == ("function_call_output", entry["call_id"])
    kinds = [entry["type"] for entry in entries]
    assert kinds.count("function_call") == kinds.count("function_call_output")


@given(threads, budgets, budgets)
def test_more_tokens_never_keep_less(items: list[ThreadItem], one: float, other: float) -> None:
    """A larger budget is at least as good."""
    assert len(fitted(items, min(one, other))) <= len(fitted(items, max(one, other)))


@given(threads)
def test_the_estimate_of_the_items_is_that_of_their_input(items: list[ThreadItem]) -> None:
    """What is decided by items holds for what is sent."""
    assert tokens_of(items) == pytest.approx(input_tokens(to_input(items)))


def test_an_empty_thread_is_nothing() -> None:
    """There may be a turn without any item."""
    assert fitted([], 100) == []
    assert tokens_of([]) == 0


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("The ferryman counts his coins twice before he pushes off.", 12, 16),
        ("Der Fährmann zählt seine Münzen zweimal, bevor er ablegt.", 13, 20),
        ("Паромщик дважды пересчитывает монеты, прежде чем отчалить.", 14, 26),
        ("船夫在撑船离岸之前把他的硬币数了两遍。", 14, 24),
        ("渡し守は岸を離れる前に硬貨を二度数える。", 15, 24),
        ("🐟🐟🐟", 3, 9),
    ],
)
def test_scripts_are_estimated_by_what_they_cost(text: str, least: int, most: int) -> None:
    """A Latin word costs one or two tokens, a Cyrillic one more, and a Chinese character about one."""
    assert least <= text_tokens(text) <= most


@given(st.text(), st.text())
def test_an_estimate_adds_up(one: str, other: str) -> None:
    """No text costs less than nothing, and two texts cost what both do."""
    assert text_tokens(one) >= 0
    assert text_tokens(one + other) == pytest.approx(text_tokens(one) + text_tokens(other))


def test_files_and_pictures_cost_what_they_are_and_not_their_bytes() -> None:
    """A picture's base64 is no text, and neither is its URL."""
    image = {
        "type": "image",
        "id": "atc_1",
        "name": "a.png",
        "mime_type": "image/png",
        "preview_url": "https://a.example/",
    }
    file = {"type": "file", "id": "atc_2", "name": "a.pdf", "mime_type": "application/pdf"}
    bare = tokens_of([user("Look")])
    assert tokens_of([user("Look", attachments=[image, file])]) == pytest.approx(
        bare + IMAGE_TOKENS + FILE_TOKENS, abs=10
    )
    drawn = item("generated_image", image={"id": "img_1", "url": "data:image/png;base64," + "A" * 100_000})
    assert IMAGE_TOKENS < tokens_of([drawn]) < IMAGE_TOKENS + 50
    part = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 100_000}
    assert input_tokens([{"type": "message", "role": "user", "content": [part]}]) < 10


def test_a_correction_begins_at_one_and_takes_the_first_report_as_it_is() -> None:
    """A new process knows nothing, and believes the API."""
    corrections = Corrections()
    assert corrections.factor("gpt-5.2") == 1
    corrections.learn("gpt-5.2", estimated=1_000, reported=1_500)
    assert corrections.factor("gpt-5.2") == 1.5
    assert corrections.factor("o4-mini") == 1


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(-10, 1e9))))
def test_a_correction_stays_within_reason(reports: list[tuple[float, float]]) -> None:
    """Whatever is reported, an estimate is never wrong by more than four on that account."""
    corrections = Corrections()
    for estimated, reported in reports:
        corrections.learn("gpt-5.2", estimated=estimated, reported=reported)
    assert 0.25 <= corrections.factor("gpt-5.2") <= 4


def test_a_correction_follows_what_is_reported_and_one_odd_report_moves_it_little() -> None:
    """An average that forgets: a change of language is noticed, an outlier smoothed."""
    corrections = Corrections()
    for _ in range(20):
        corrections.learn("gpt-5.2", estimated=1_000, reported=800)
    corrections.learn("gpt-5.2", estimated=1_000, reported=2_000)
    assert 0.8 < corrections.factor("gpt-5.2") < 1.2
    for _ in range(20):
        corrections.learn("gpt-5.2", estimated=1_000, reported=2_000)
    assert corrections.factor("gpt-5.2") == pytest.approx(2, rel=0.01)


def test_a_short_request_teaches_nothing() -> None:
    """Its tokens are mostly the request's frame."""
    corrections = Corrections()
    corrections.learn("gpt-5.2", estimated=199, reported=600)
    assert corrections.factor("gpt-5.2") == 1

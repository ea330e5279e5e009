"""Ids, for all clocks and all texts."""

from hypothesis import given
from hypothesis import strategies as st

from functions.ids import IdFactory, milliseconds, position

TIMES = st.floats(min_value=0, max_value=2**47 / 1000)


@given(st.lists(TIMES, min_size=1, max_size=30))
def test_ids_rise_whatever_the_clock_does(times: list[float]) -> None:
    """Each id of a factory sorts behind those before it: as a text, and by its milliseconds."""
    clock = iter(times)
    factory = IdFactory(clock=lambda: next(clock))
    made = [factory.new("thread") for _ in times]
    assert made == sorted(set(made))
    stamps = [milliseconds(each) or 0 for each in made]
    assert stamps == sorted(stamps)
    assert stamps[0] == int(times[0] * 1000)


@given(st.lists(TIMES, min_size=2, max_size=2, unique_by=lambda time: int(time * 1000)))
def test_ids_of_two_processes_sort_by_their_time(times: list[float]) -> None:
    """Two factories that know nothing of each other make ids in the order of their clocks."""
    earlier, later = (IdFactory(clock=lambda now=now: now).new("message") for now in sorted(times))
    assert earlier < later


@given(st.text() | st.from_regex(r"[a-zA-Z_]{0,9}_[0-9A-Z]{24,27}", fullmatch=True))
def test_a_position_is_the_end_of_its_id(text: str) -> None:
    """Whatever has a position ends in it, and its time fits 48 bits; whatever has none has no time either."""
    sortable, stamp = position(text), milliseconds(text)
    if sortable is None:
        assert stamp is None
    else:
        assert text.endswith("_" + sortable)
        assert stamp is not None
        assert stamp < 2**48

"""Keys as positions: every list is read from the right place, and no two users share a place."""

from hypothesis import example, given
from hypothesis import strategies as st

from functions import ids
from functions.store import keys
from functions.store.base import Order

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

prefixes = st.text("abcmstwz", min_size=2, max_size=8) | st.sampled_from(sorted(ids.PREFIXES.values()))
positions = st.builds(
    lambda first, rest: first + rest, st.sampled_from("01234567"), st.text(CROCKFORD, min_size=25, max_size=25)
)
# Few positions, so that ids meet at the same one under different prefixes.
near = st.sampled_from(["0" * 26, "0" * 25 + "1", "7" + "Z" * 25])
object_ids = st.builds(lambda prefix, position: f"{prefix}_{position}", prefixes, positions | near)
kinds = st.sampled_from([keys.THREADS, keys.ITEMS, keys.FEEDBACK])
orders = st.sampled_from(["asc", "desc"])
users = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


def _place(object_id: str) -> tuple[str, str]:
    prefix, _, position = object_id.partition("_")
    return position, prefix


def _sort_key(kind: keys.ListKind, object_id: str) -> str:
    sort = keys.sort_key(kind, object_id)
    assert sort is not None
    return sort


@given(kind=kinds, stored=st.lists(object_ids, max_size=30), after=object_ids, order=orders)
@example(kind="I", stored=["aa_" + "0" * 26, "ab_" + "0" * 26, "aaa_" + "0" * 26], after="aa_" + "0" * 26, order="desc")
@example(kind="I", stored=["aa_" + "0" * 26, "ab_" + "0" * 26, "aaa_" + "0" * 26], after="aaa_" + "0" * 26, order="asc")
def test_a_span_holds_exactly_what_lies_behind(
    kind: keys.ListKind, stored: list[str], after: str, order: Order
) -> None:
    """The span behind an id, stored or not, holds every later object, none earlier, and not itself."""
    span = keys.span(kind, after=after, order=order)
    inside = {one for one in stored if span.low <= _sort_key(kind, one) <= span.high}
    if order == "asc":
        assert inside == {one for one in stored if _place(one) > _place(after)}
    else:
        assert inside == {one for one in stored if _place(one) < _place(after)}


@given(kind=kinds, stored=st.lists(object_ids, max_size=30), order=orders)
def test_a_list_holds_all_of_its_kind_and_no_other(kind: keys.ListKind, stored: list[str], order: Order) -> None:
    """Without a position the span holds every object of its kind, and no row of another kind."""
    span = keys.span(kind, after=None, order=order)
    for one in stored:
        assert span.low <= _sort_key(kind, one) <= span.high
        assert keys.EVERYTHING.low <= _sort_key(kind, one) <= keys.EVERYTHING.high
    for other in {"T", "I", "F"} - {kind}:
        for one in stored:
            assert not span.low <= f"{other}#{_place(one)[0]}" <= span.high
    assert not span.low <= "TURN" <= span.high


@given(kind=kinds, stored=st.lists(object_ids, unique=True, max_size=30))
def test_sort_keys_sort_as_positions_and_tell_ids_apart(kind: keys.ListKind, stored: list[str]) -> None:
    """Sorted by their keys, objects lie in the order of their positions; two ids never have one key."""
    by_key = sorted(stored, key=lambda one: _sort_key(kind, one))
    assert by_key == sorted(stored, key=_place)
    assert len({_sort_key(kind, one) for one in stored}) == len(stored)


@given(pairs=st.lists(st.tuples(users, object_ids), min_size=2, max_size=2, unique=True))
@example(pairs=[("a", "thr_" + "0" * 26), ("a#b", "thr_" + "0" * 26)])
@example(pairs=[("T#thr_" + "0" * 26 + "#a", "thr_" + "0" * 26), ("a", "thr_" + "0" * 26)])
def test_no_two_users_share_a_partition(pairs: list[tuple[str, str]]) -> None:
    """Whatever the users are called: partitions are the same only for the same user, and for items the same thread."""
    (alice, her_thread), (bob, his_thread) = pairs
    theirs = {keys.items_partition(alice, her_thread), keys.items_partition(bob, his_thread)}
    assert len(theirs) == 2
    assert (keys.threads_partition(alice) == keys.threads_partition(bob)) == (alice == bob)
    assert not theirs & {keys.threads_partition(alice), keys.threads_partition(bob)}


@given(user=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256), thread_id=object_ids)
@example(user="\U0010ffff" * 256, thread_id="abcdefgh_" + "7" * 26)
def test_keys_stay_below_dynamodbs_limits(user: str, thread_id: str) -> None:
    """A partition key has at most 2,048 bytes and a sort key at most 1,024, for the longest ids too."""
    partition = keys.items_partition(user, thread_id)
    assert partition is not None
    assert len(partition.encode()) <= 2048
    assert len(_sort_key("I", thread_id).encode()) <= 1024

"""What a difference looks at: the two outcomes of one request, and tools to recognise and settle what differs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from functions.errors import RequestError
from tests.oracle.script import Json
from tests.oracle.side import Outcome, Step

HIDDEN = ("hidden_context_item", "sdk_hidden_context")
LISTS = ("threads.get_by_id", "threads.list", "items.list")


@dataclass(frozen=True)
class Pair:
    """One request's two outcomes, and what each server had stored before it. Ids are labels."""

    step: Step
    params: Json
    official: Outcome
    ours: Outcome
    before: Json
    """What ours had stored before."""
    official_before: Json
    place: Callable[[str], str]
    """A label's place in the order of ids."""

    def agree(self, **fields: Any) -> "Pair":
        """The pair with these fields of both outcomes settled."""
        return replace(self, official=self.official.with_(**fields), ours=self.ours.with_(**fields))

    def with_ours(self, **fields: Any) -> "Pair":
        """The pair with these fields of ours changed."""
        return replace(self, ours=self.ours.with_(**fields))

    def with_official(self, **fields: Any) -> "Pair":
        """The pair with these fields of the official outcome changed."""
        return replace(self, official=self.official.with_(**fields))


def raised(outcome: Outcome, *names: str) -> bool:
    """Whether an exception of one of these classes came out."""
    return type(outcome.failure).__name__ in names


def refused(pair: Pair) -> bool:
    """Whether ours refused a request of any kind, told the user why, and did nothing."""
    failure = pair.ours.failure
    if pair.ours.events is None:
        told = isinstance(failure, RequestError) and bool(failure.message)
    else:
        told = failure is None and _is_refusal(pair.ours.events)
    return told and pair.ours.stored == pair.before and not pair.ours.seen


def _is_refusal(events: list[Json]) -> bool:
    if len(events) != 1:
        return False
    error = {**events[0]}
    return bool(error.pop("message", "")) and error == {"type": "error", "code": "custom", "allow_retry": False}


def settled_refusal(pair: Pair) -> Pair:
    """Ours refused, theirs failed, or did something that ours does not: neither is compared further."""
    return pair.agree(events=None, answer=None, failure=None, seen=[])


def parts(outcome: Outcome) -> dict[str, Any]:
    """The JSON that a client, an assistant or a store can see, by where it is seen."""
    return {name: getattr(outcome, name) for name in ("events", "answer", "seen", "stored")}


def items_in(value: Any) -> Iterator[Json]:
    """Every item within JSON."""
    if is_item(value):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from items_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from items_in(one)


def changed_items(value: Any, change: Callable[[Json], Json | None]) -> Any:
    """JSON with each item changed; in lists, an item that becomes None goes."""
    if is_item(value):
        return change(value)
    if isinstance(value, dict):
        return {name: changed_items(one, change) for name, one in value.items()}
    if isinstance(value, list):
        new = [changed_items(one, change) for one in value]
        return [one for old, one in zip(value, new, strict=True) if not (is_item(old) and one is None)]
    return value


def changed_in(before: Json, after: Json | None) -> dict[str, Json]:
    """The items that are new or other than before, by id."""
    known = {item["id"]: item for item in items_in(before)}
    return {item["id"]: item for item in items_in(after) if item != known.get(item["id"])}


def is_item(value: Any) -> TypeGuard[Json]:
    """Whether JSON is a thread's item."""
    return isinstance(value, dict) and {"id", "thread_id", "type", "created_at"} <= value.keys()


@dataclass(frozen=True)
class Listing:
    """The objects that a request lists, as both stores hold them: what a page of them is to be."""

    objects: list[Json]
    after: str | None
    limit: int
    place: Callable[[str], str]
    descending: bool

    @classmethod
    def of(cls, pair: Pair) -> "Listing | None":
        """What the request lists; None where it lists nothing, or what is not there."""
        if pair.step.kind not in LISTS:
            return None
        threads = [one for one in pair.before["threads"] if one["user"] == pair.step.user]
        if pair.step.kind == "threads.list":
            objects = threads
        else:
            objects = next((one["items"] for one in threads if one["id"] == pair.params["thread_id"]), None)
        limit = pair.params.get("limit") or 20
        if objects is None or limit < 0:
            return None
        descending = pair.step.kind != "threads.get_by_id" and pair.params.get("order", "desc") == "desc"
        after = pair.params.get("after")
        return cls(objects, after, limit, pair.place, descending)

    @property
    def behind(self) -> list[Json]:
        """What lies behind `after`, in the order that was asked for, hidden or not."""
        ordered = sorted(self.objects, key=lambda one: self.place(one["id"]), reverse=self.descending)
        if self.after is None:
            return ordered
        start = self.place(self.after)
        return [
            one for one in ordered if (self.place(one["id"]) < start) == self.descending and one["id"] != self.after
        ]

    def page(self, *, limit: int, filled: bool) -> tuple[list[str], bool, str | None]:
        """Ids, whether there is more, and `after`: filled with visible objects, or with hidden ones taken out."""
        behind = [one for one in self.behind if not filled or one.get("type") not in HIDDEN]
        data, more = behind[:limit], len(behind) > limit
        visible = [one["id"] for one in data if one.get("type") not in HIDDEN]
        return visible, more, data[-1]["id"] if more else None


def page_of(pair: Pair, outcome: Outcome) -> tuple[list[str], bool, str | None] | None:
    """The page that an outcome shows, as `Listing.page` gives it."""
    if outcome.answer is None:
        return None
    page = outcome.answer["items"] if pair.step.kind == "threads.get_by_id" else outcome.answer
    return [one["id"] for one in page["data"]], page["has_more"], page.get("after")

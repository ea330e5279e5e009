"""How an improvement of ours is told from a fault: each function knows one, and gives the pair with it settled, or None."""

from typing import Any, Final

from pydantic import TypeAdapter

from functions.engine.starts import UNANSWERED
from functions.engine.widget_deltas import apply_widget_update
from functions.protocol.updates import ThreadItemUpdate
from functions.store.base import MAX_PAGE
from tests.oracle.normalise import with_zones
from tests.oracle.script import Json
from tests.oracle.settling import HIDDEN, Listing, Pair, changed_in, changed_items, items_in, page_of, parts, raised

# --- pages ---


def page_cap(pair: Pair) -> Pair | None:
    """The official page is longer than any of ours."""
    listing = Listing.of(pair)
    if listing is None or listing.limit <= MAX_PAGE:
        return None
    theirs = listing.page(limit=listing.limit, filled=False)
    capped = listing.page(limit=MAX_PAGE, filled=True)
    if page_of(pair, pair.official) != theirs or page_of(pair, pair.ours) != capped or theirs == capped:
        return None
    if len(theirs[0]) <= MAX_PAGE:
        return None
    return pair.agree(answer=pair.ours.answer)


def filled_pages(pair: Pair) -> Pair | None:
    """The official page is short of the hidden items that it holds."""
    listing = Listing.of(pair)
    if listing is None:
        return None
    theirs, ours = (listing.page(limit=listing.limit, filled=filled) for filled in (False, True))
    if page_of(pair, pair.official) != theirs or page_of(pair, pair.ours) != ours or theirs == ours:
        return None
    return pair.agree(answer=pair.ours.answer)


def positions(pair: Pair) -> Pair | None:
    """The official store knows no position of what is gone."""
    listing = Listing.of(pair)
    if listing is None or listing.after is None or not raised(pair.official, "NotFoundError"):
        return None
    gone = all(one["id"] != listing.after for one in listing.objects)
    if not gone or page_of(pair, pair.ours) != listing.page(limit=min(listing.limit, MAX_PAGE), filled=True):
        return None
    return pair.agree(answer=pair.ours.answer, failure=None)


# --- client tools ---


def _is_given_up(item: Json) -> bool:
    return item["type"] == "client_tool_call" and item["status"] == "completed" and item.get("output") == UNANSWERED


def given_up_calls(pair: Pair) -> Pair | None:
    """A call that still waits with the official server has been closed by ours."""
    found = False
    settled: dict[str, Any] = {}
    for name, ours in parts(pair.ours).items():
        waiting = {item["id"]: item for item in items_in(parts(pair.official)[name]) if item.get("status") == "pending"}

        def reopened(item: Json, waiting: dict[str, Json] = waiting) -> Json:
            return waiting[item["id"]] if _is_given_up(item) and item["id"] in waiting else item

        settled[name] = changed_items(ours, reopened)
        found |= settled[name] != ours
    return pair.with_ours(**settled) if found else None


def older_calls(pair: Pair) -> Pair | None:
    """A call that the official server has deleted has been closed by ours."""
    found = False
    settled: dict[str, Any] = {}
    for name, ours in parts(pair.ours).items():
        known = {item["id"] for item in items_in(parts(pair.official)[name])}

        def left_out(item: Json, known: set[str] = known) -> Json | None:
            return None if _is_given_up(item) and item["id"] not in known else item

        settled[name] = changed_items(ours, left_out)
        found |= settled[name] != ours
    return pair.with_ours(**settled) if found else None


def call_behind(pair: Pair) -> Pair | None:
    """The official server looks for the call in the last item only."""
    if pair.step.kind != "threads.add_client_tool_output" or not raised(pair.official, "ValueError"):
        return None
    items = next(one["items"] for one in pair.before["threads"] if one["id"] == pair.params["thread_id"])
    waiting = [item["id"] for item in items if item.get("status") == "pending" and item["type"] == "client_tool_call"]
    history = pair.ours.seen[0]["history"] if pair.ours.seen else []
    taken = {item["id"] for item in history if item.get("output") == pair.params["result"]}
    if not waiting or items[-1]["id"] == waiting[-1] or taken != {waiting[-1]}:
        return None
    return pair.agree(events=None, failure=None, seen=[])


# --- what is stored ---


def sync_item(pair: Pair) -> Pair | None:
    """The same answer, whose item only ours has stored."""
    updated = (pair.ours.answer or {}).get("updated_item")
    if updated is None or not _answered_alike(pair):
        return None
    if changed_in(pair.before, pair.ours.stored) != {updated["id"]: updated}:
        return None
    return pair.agree(stored=None)


def sync_thread(pair: Pair) -> Pair | None:
    """The same answer; only ours has stored what the assistant has changed in the thread."""
    if not _answered_alike(pair) or pair.ours.stored is None or changed_in(pair.before, pair.ours.stored):
        return None
    changed = [one["id"] for one in pair.ours.stored["threads"] if one not in pair.before["threads"]]
    return pair.agree(stored=None) if changed == [pair.params["thread_id"]] else None


def _answered_alike(pair: Pair) -> bool:
    alike = pair.official.answer is not None and pair.official.answer == pair.ours.answer
    unchanged = pair.official.stored == pair.official_before
    return pair.step.kind == "threads.sync_custom_action" and alike and unchanged


def feedback_stored(pair: Pair) -> Pair | None:
    """Ours keeps feedback."""
    stored = dict(pair.ours.stored or {})
    return pair.with_ours(stored=stored) if stored.pop("feedback", None) else None


def closed_items(pair: Pair) -> Pair | None:
    """Between what was said and the error, ours closes each open item once, and has stored it."""
    theirs, ours = pair.official.events or [], pair.ours.events or []
    closings = next(filter(None, (_closings(theirs, ours, end=end) for end in (1, 2))), None)
    if closings is None:
        return None
    stored = list(items_in(pair.ours.stored))
    if any(event["item"] not in stored for event in closings if event["type"] == "thread.item.done"):
        return None
    return pair.agree(events=theirs)


def _closings(theirs: list[Json], ours: list[Json], *, end: int) -> list[Json] | None:
    """What ours sends before the last events (the error; and before it, a thread that has changed), if that is it."""
    begun, closings = ours[: len(theirs) - end], ours[len(theirs) - end : -end]
    if not theirs or begun + ours[-end:] != theirs or theirs[-1]["type"] != "error":
        return None
    opened = {event["item"]["id"] for event in begun if event["type"] == "thread.item.added"}
    closed = {event["item"]["id"] for event in begun if event["type"] == "thread.item.done"}
    if {event["type"] for event in closings} - {"thread.item.done", "thread.item.removed"}:
        return None
    ended = [event.get("item_id") or event["item"]["id"] for event in closings]
    return closings if set(ended) == opened - closed and len(ended) == len(set(ended)) else None


def cancelled(pair: Pair) -> Pair | None:
    """Both were cancelled; ours has kept more of what was open, the official server a note."""
    if not raised(pair.official, "CancelledError") or not raised(pair.ours, "CancelledError"):
        return None
    theirs, ours = ({item["id"]: item for item in items_in(one.stored)} for one in (pair.official, pair.ours))
    notes = {name for name, item in theirs.items() if item["type"] == "sdk_hidden_context"}
    more = {item["type"] for name, item in ours.items() if name not in theirs}
    without_notes = {name: item for name, item in theirs.items() if name not in notes}
    if not notes or any(ours.get(name) != item for name, item in without_notes.items()):
        return None
    if not more <= {"widget", "workflow", "generated_image"}:
        return None
    return pair.agree(failure=None, stored=None)


def stored_update(pair: Pair) -> Pair | None:
    """The same events; ours has stored what they say of the items that they change."""
    updated = {
        event["item_id"]
        for event in pair.ours.events or []
        if event["type"] == "thread.item.updated" and event["item_id"] in {item["id"] for item in items_in(pair.before)}
    }
    if not updated or pair.official.stored != pair.official_before or pair.ours.events != pair.official.events:
        return None
    if changed_in(pair.before, pair.ours.stored).keys() != updated:
        return None
    return pair.agree(stored=None)


def unplaceable(pair: Pair) -> Pair | None:
    """Ours ends with an error where the official server passes an item's event on, and has not stored the item."""
    error = {"type": "error", "code": "stream.error", "allow_retry": True}
    theirs, ours = pair.official.events or [], pair.ours.events or []
    if not ours or ours[-1] != error or error in theirs or theirs[: len(ours) - 1] != ours[:-1]:
        return None
    at_fault = theirs[len(ours) - 1]
    kept = {item["id"] for item in items_in(pair.ours.stored)}
    named = at_fault.get("item", at_fault).get("id") or at_fault.get("item_id")
    if at_fault["type"].startswith("thread.item.") and named not in kept:
        return pair.agree(events=None)
    return None


# --- what is sent ---


def zones(pair: Pair) -> Pair | None:
    """The official times have no zone."""
    settled = {name: with_zones(value) for name, value in parts(pair.official).items()}
    return pair.with_official(**settled) if settled != parts(pair.official) else None


def error_last(pair: Pair) -> Pair | None:
    """The official server sends the thread after the error."""
    theirs, ours = pair.official.events or [], pair.ours.events or []
    if len(theirs) < 2 or [event["type"] for event in theirs[-2:]] != ["error", "thread.updated"]:
        return None
    reordered = [*theirs[:-2], theirs[-1], theirs[-2]]
    return pair.with_official(events=reordered) if ours[-2:] == reordered[-2:] else None


def hidden_events(pair: Pair) -> Pair | None:
    """The official server sends hidden items."""
    theirs = pair.official.events or []
    shown = [event for event in theirs if event.get("item", {}).get("type") not in HIDDEN]
    return pair.with_official(events=shown) if shown != theirs else None


UPDATE: Final[TypeAdapter[Any]] = TypeAdapter(ThreadItemUpdate)


def small_updates(pair: Pair) -> Pair | None:
    """The same widget after each run of updates."""
    theirs, ours = _folded(pair.official.events or []), _folded(pair.ours.events or [])
    return pair.agree(events=ours) if pair.official.events != pair.ours.events and theirs == ours else None


def _folded(events: list[Json]) -> list[Json]:
    """The events with each run of updates of one widget replaced by the widget as it is afterwards."""
    widgets: dict[str, Json] = {}
    folded: list[Json] = []
    for event in events:
        item = event.get("item", {})
        if event["type"] == "thread.item.added" and item["type"] == "widget":
            widgets[item["id"]] = item["widget"]
        if event["type"] == "thread.item.updated" and event["item_id"] in widgets:
            update = UPDATE.validate_python(event["update"])
            name = event["item_id"]
            widgets[name] = apply_widget_update(widgets[name], update)
            if folded[-1].get("item_id") == name:
                folded.pop()
            folded.append({"type": "updated", "item_id": name, "widget": widgets[name]})
        else:
            folded.append(event)
    return folded

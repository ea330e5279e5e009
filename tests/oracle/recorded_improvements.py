"""Where our mapping of a response differs from the official one, on purpose. Each takes itself out of both outcomes.

What is left must be equal. An improvement returns None for a replay in which it does not occur.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from tests.oracle.recorded import Json, Replay
from tests.support.streams import joined

ADDED, UPDATED, DONE = "thread.item.added", "thread.item.updated", "thread.item.done"
PART = "assistant_message.content_part"


@dataclass(frozen=True)
class Improvement:
    """A named difference and its reason."""

    name: str
    reason: str
    settle: Callable[[Replay], Replay | None]


def settled(replay: Replay) -> tuple[Replay, list[Improvement]]:
    """The replay without the known differences, and those that occurred."""
    used: list[Improvement] = []
    for improvement in IMPROVEMENTS:
        after = improvement.settle(replay)
        if after is not None:
            replay = after
            used.append(improvement)
    return replay, used


def _update(event: Json, kind: str) -> Json | None:
    update = event.get("update", {})
    return update if update.get("type") == kind else None


def _is_workflow(item: Json) -> bool:
    return item["type"] == "workflow"


# --- messages ---


def _sources_in_parts(replay: Replay) -> Replay | None:
    seen: dict[tuple[str, int], list[Json]] = {}
    events: list[Json] = []
    for event in replay.official.events:
        if (update := _update(event, f"{PART}.annotation_added")) is not None:
            seen.setdefault((event["item_id"], update["content_index"]), []).append(update["annotation"])
        if (update := _update(event, f"{PART}.done")) is not None:
            sources = seen.get((event["item_id"], update["content_index"]), [])
            assert update["content"]["annotations"] == []
            event = {**event, "update": {**update, "content": {**update["content"], "annotations": sources}}}
        events.append(event)
    return replay.with_(official=replay.official.with_(events=events)) if seen else None


def _refusals_streamed(replay: Replay) -> Replay | None:
    refusals = [event for event in replay.stream if event["type"] == "response.refusal.delta"]
    if not refusals:
        return None
    kinds = {f"{PART}.text_delta", f"{PART}.done"}
    assert not any(event.get("update", {}).get("type") in kinds for event in replay.official.events)
    said = [event["update"]["delta"] for event in replay.ours.events if _update(event, f"{PART}.text_delta")]
    assert said == [event["delta"] for event in refusals]
    events = [event for event in replay.ours.events if event.get("update", {}).get("type") not in kinds]
    return replay.with_(ours=replay.ours.with_(events=events))


def _characters_whole(replay: Replay) -> Replay | None:
    deltas = [event for event in replay.official.events if _update(event, f"{PART}.text_delta")]
    if all(_is_encodable(event["update"]["delta"]) for event in deltas):
        return None
    ours = [event for event in replay.ours.events if _update(event, f"{PART}.text_delta")]
    said = [event["update"]["delta"] for event in ours]
    assert all(map(_is_encodable, said))
    assert "".join(said) == joined(event["update"]["delta"] for event in deltas)
    start = replay.official.events.index(deltas[0])
    events = [*replay.official.events[:start], *ours, *replay.official.events[start + len(deltas) :]]
    return replay.with_(official=replay.official.with_(events=events))


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# --- workflows ---


def _no_empty_workflows(replay: Replay) -> Replay | None:
    official = replay.official
    filled = {event["item_id"] for event in official.events if _update(event, "workflow.task.added")}
    events = [
        event
        for event in official.events
        if not ("item" in event and _is_workflow(event["item"]) and event["item"]["id"] not in filled)
    ]
    left = [item for item in official.left if item["id"] in filled]
    if (events, left) == (official.events, official.left):
        return None
    return replay.with_(official=official.with_(events=events, left=left))


def _tool_calls_shown(replay: Replay) -> Replay | None:
    events = [event for event in map(_without_tools, replay.ours.events) if event is not None]
    if events == replay.ours.events:
        return None
    for event in replay.ours.events:
        if event["type"] == DONE and _is_workflow(event["item"]):
            calls = [task for task in event["item"]["workflow"]["tasks"] if task["type"] != "thought"]
            assert {task["status_indicator"] for task in calls} == {"complete"}
    filled = {event["item_id"] for event in events if _update(event, "workflow.task.added")}
    events = [e for e in events if not ("item" in e and _is_workflow(e["item"]) and e["item"]["id"] not in filled)]
    return replay.with_(ours=replay.ours.with_(events=events))


def _without_tools(event: Json) -> Json | None:
    task = event.get("update", {}).get("task")
    if task is not None and task["type"] != "thought":
        return None
    if "item" in event and _is_workflow(event["item"]):
        workflow = event["item"]["workflow"]
        tasks = [one for one in workflow["tasks"] if one["type"] == "thought"]
        return {**event, "item": {**event["item"], "workflow": {**workflow, "tasks": tasks}}}
    return event


def _all_thoughts_streamed(replay: Replay) -> Replay | None:
    theirs, ours = (_states(outcome.events) for outcome in (replay.official, replay.ours))
    later = [place for place in ours if place[1] > 0]
    if not later:
        return None
    assert {len(theirs[place]) for place in later} == {1}
    assert all(len(ours[place]) > 1 for place in later)
    return replay.with_(
        official=replay.official.with_(events=list(_last_states(replay.official.events, later))),
        ours=replay.ours.with_(events=list(_last_states(replay.ours.events, later))),
    )


def _thoughts_in_steps(replay: Replay) -> Replay | None:
    theirs, ours = (_states(outcome.events) for outcome in (replay.official, replay.ours))
    first = [place for place in ours if place[1] == 0]
    if not any(len(ours[place]) < len(theirs[place]) for place in first):
        return None
    for place in first:
        remaining = iter(theirs[place])
        assert all(state in remaining for state in ours[place]), "a state that the official mapping never showed"
    return replay.with_(
        official=replay.official.with_(events=list(_last_states(replay.official.events, first))),
        ours=replay.ours.with_(events=list(_last_states(replay.ours.events, first))),
    )


def _states(events: Iterable[Json]) -> dict[tuple[str, int], list[Json]]:
    found: dict[tuple[str, int], list[Json]] = {}
    for event in events:
        if "task" in event.get("update", {}):
            found.setdefault((event["item_id"], event["update"]["task_index"]), []).append(event["update"]["task"])
    return found


def _last_states(events: list[Json], places: list[tuple[str, int]]) -> Iterable[Json]:
    """The events with each of these tasks added as it ended, and never changed."""
    last = {place: states[-1] for place, states in _states(events).items()}
    for event in events:
        update = event.get("update", {})
        place = (event.get("item_id", ""), update.get("task_index", -1))
        if "task" not in update or place not in places:
            yield event
        elif update["type"] == "workflow.task.added":
            yield {**event, "update": {**update, "task": last[place]}}


# --- pictures ---


def _pictures_of_their_type(replay: Replay) -> Replay | None:
    return _mended_pictures(replay, type="its own")


def _pictures_in_the_bucket(replay: Replay) -> Replay | None:
    kept = [e["item"]["image"]["kept"] for e in replay.ours.events if e["type"] == DONE and "image" in e["item"]]
    return _mended_pictures(replay, DONE, kept="bucket") if kept and set(kept) == {"bucket"} else None


def _mended_pictures(replay: Replay, *kinds: str, **changes: Any) -> Replay | None:
    events: list[Json] = []
    for event in replay.official.events:
        name = "item" if "item" in event else "update"
        if "image" in event.get(name, {}) and event["type"] in (kinds or (ADDED, UPDATED, DONE)):
            event = {**event, name: {**event[name], "image": {**event[name]["image"], **changes}}}
        events.append(event)
    return None if events == replay.official.events else replay.with_(official=replay.official.with_(events=events))


# --- failures ---


def _failures_told(replay: Replay) -> Replay | None:
    silent = replay.stream[-1]["type"] in {"response.failed", "response.incomplete"}
    if not silent or replay.official.failure is not None or replay.ours.failure is None:
        return None
    return replay.with_(official=replay.official.with_(failure=replay.ours.failure))


def _failures_in_words(replay: Replay) -> Replay | None:
    if replay.official.failure != "APIError" or replay.ours.failure is None:
        return None
    return replay.with_(official=replay.official.with_(failure=replay.ours.failure))


IMPROVEMENTS: Final = (
    Improvement(
        "characters whole",
        "half a character cannot be sent, as UTF-8 has none: the official server breaks off there",
        _characters_whole,
    ),
    Improvement(
        "sources in parts",
        "the official mapping empties a part's annotations when it is done, until the whole message is: they vanish",
        _sources_in_parts,
    ),
    Improvement(
        "refusals streamed", "the official mapping says nothing of a refusal before its end", _refusals_streamed
    ),
    Improvement(
        "no empty workflows",
        "a model that thinks in silence leaves an empty workflow in the thread, which opens on nothing",
        _no_empty_workflows,
    ),
    Improvement(
        "tool calls shown", "searches, code and MCP calls take a while, in which nothing was seen", _tool_calls_shown
    ),
    Improvement(
        "all thoughts streamed", "only the first of a response's thoughts was streamed", _all_thoughts_streamed
    ),
    Improvement(
        "thoughts in steps",
        "each update repeats the whole thought: sent for each delta, they grow with its length squared",
        _thoughts_in_steps,
    ),
    Improvement(
        "pictures of their own type", "the official data URL says PNG, whatever was made", _pictures_of_their_type
    ),
    Improvement(
        "pictures in the bucket", "megabytes of base64 in an item are read with every page", _pictures_in_the_bucket
    ),
    Improvement("failures told", "a response that failed or was cut short ended in silence", _failures_told),
    Improvement("failures in words", "a failure reached the user without a word of its own", _failures_in_words),
)

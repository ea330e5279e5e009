"""Outcomes made comparable: ids by the step in which they came up, times and nulls out of the way."""

import json
import re
from typing import Any, Final

from functions.ids import position
from tests.oracle.side import UNKNOWN_ID, Outcome

ID: Final = re.compile(r"\b([a-z]{2,8})_[0-7][0-9A-HJKMNP-TV-Z]{25}\b")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)?")

TIME: Final = "a time"
TIME_WITHOUT_ZONE: Final = "a time without its zone"


class Normaliser:
    """Makes the outcomes of one server comparable with another's, step by step.

    An id becomes `kind:step.number`, numbered by age among those that first come up in that step.
    """

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._step = 0

    def outcome(self, outcome: Outcome) -> Outcome:
        """The next step's outcome."""
        self._step += 1
        parts = {name: getattr(outcome, name) for name in ("events", "answer", "seen", "stored")}
        found = {match[0]: match for match in ID.finditer(json.dumps(parts, default=str))}
        new = sorted(found.keys() - self._labels.keys() - {UNKNOWN_ID}, key=lambda one: position(one) or "")
        for number, object_id in enumerate(new):
            label = f"{found[object_id][1]}:{self._step}.{number}"
            self._labels[object_id] = label
            self._places[label] = position(object_id) or ""
        return outcome.with_(
            **{name: self.json(without_nulls(value) if name == "stored" else value) for name, value in parts.items()}
        )

    def json(self, value: Any, key: str = "") -> Any:
        """JSON with its ids and times replaced."""
        if isinstance(value, dict):
            return {name: self.json(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [self.json(one) for one in value]
        if not isinstance(value, str):
            return value
        if key == "created_at":
            return _time(value)
        return ID.sub(lambda match: self._labels.get(match[0], match[0]), value)

    def place(self, label: str) -> str:
        """Where the object with this label stands among others: sorts as the ids do. An unknown one stands first."""
        return self._places.get(label, "")


def _time(value: str) -> str:
    match = _TIME.fullmatch(value)
    assert match, f"{value!r} is no time"
    return TIME if match["zone"] else TIME_WITHOUT_ZONE


def without_nulls(value: Any) -> Any:
    """What is stored may hold nulls; they mean the same as nothing."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def with_zones(value: Any) -> Any:
    """JSON with every time as one that carries its zone."""
    if isinstance(value, dict):
        return {name: with_zones(one) for name, one in value.items()}
    if isinstance(value, list):
        return [with_zones(one) for one in value]
    return TIME if value == TIME_WITHOUT_ZONE else value

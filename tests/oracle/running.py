"""Runs a conversation on both servers and compares them, request by request."""

from dataclasses import fields

from tests.oracle.differences import Difference, settle
from tests.oracle.normalise import Normaliser, with_zones
from tests.oracle.official import OfficialSide
from tests.oracle.ours import OurSide
from tests.oracle.script import Json
from tests.oracle.settling import Pair
from tests.oracle.side import Conversation, Outcome, Step

NOTHING: Json = {"threads": [], "attachments": []}


async def hold(conversation: Conversation, *, helped: bool) -> tuple[list[Difference], int]:
    """The known differences that a conversation shows, and how many of its requests were made.

    It ends where the servers have stored different things. `helped` says whether our assistant uses our helpers. Raises
    `AssertionError` for any difference that is not known, with the request.
    """
    official = OfficialSide(attachments=conversation.attachments)
    ours = OurSide(attachments=conversation.attachments, helped=helped)
    comparison = _Comparison(official, ours)
    used: list[Difference] = []
    for number, step in enumerate(conversation.steps, start=1):
        found = await comparison.step(step, f"{conversation.name}, request {number} ({step.kind})")
        used += found
        if any(difference.diverges for difference in found):
            return used, number
    return used, len(conversation.steps)


class _Comparison:
    def __init__(self, official: OfficialSide, ours: OurSide) -> None:
        self._official, self._ours = official, ours
        self._labels, self._our_labels = Normaliser(), Normaliser()
        self._before, self._our_before = NOTHING, NOTHING

    async def step(self, step: Step, where: str) -> list[Difference]:
        official = self._labels.outcome(await self._official.run(step))
        ours = self._our_labels.outcome(await self._ours.run(step))
        pair = Pair(
            step=step,
            params=self._labels.json(self._official.names.filled(step.params)),
            official=official,
            ours=ours,
            before=self._our_before,
            official_before=with_zones(self._before),
            place=self._labels.place,
        )
        self._before, self._our_before = official.stored or NOTHING, ours.stored or NOTHING
        settled, used = settle(pair)
        _compare(settled.official, settled.ours, where)
        return used


def _compare(official: Outcome, ours: Outcome, where: str) -> None:
    for field in fields(Outcome):
        theirs, mine = getattr(official, field.name), getattr(ours, field.name)
        assert mine == theirs, f"{where}: {field.name} differs from the official server's"

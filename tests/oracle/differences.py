"""Every way in which our server answers otherwise than the official one, on purpose.

`python -m tests.oracle.differences` prints them as a table, which docs/protocol.md quotes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Final

from tests.oracle import improvements, refusals
from tests.oracle.settling import Pair


@dataclass(frozen=True)
class Difference:
    """A difference: how it is named, why it is there, and how it is told from a fault."""

    name: str
    reason: str
    settle: Callable[[Pair], Pair | None]
    """The pair with this difference gone; None where it does not occur."""
    diverges: bool = False
    """Whether the two servers have stored different things afterwards, so that a conversation ends here."""


DIFFERENCES: Final = (
    Difference(
        "Times carry their zone",
        "A time without one is taken by each client for its own.",
        improvements.zones,
    ),
    Difference(
        "A stream that cannot begin says why",
        "The official server breaks the connection where a thread or item is unknown, nothing waits for the result, or the"
        " questions are answered already; here an `error` event tells the user.",
        refusals.broken_stream,
    ),
    Difference(
        "An invalid streaming request says which field is wrong",
        "ChatKit.js shows nothing for an HTTP error and drops the message, so that the refusal is an `error` event too.",
        refusals.invalid_stream,
    ),
    Difference(
        "A refused request has a status and a message",
        "The official server leaves each exception to the framework, where it becomes a 500; here it is a 400, 404 or 409"
        " with JSON that names the field.",
        refusals.status,
    ),
    Difference(
        "A message whose attachment is gone writes nothing",
        "The official server has created an empty thread by then, and breaks the connection.",
        refusals.missing_attachment,
        diverges=True,
    ),
    Difference(
        "A retry of an unknown item says so",
        "The official server ends the stream without a word, which looks like an empty answer.",
        refusals.silent_retry,
    ),
    Difference(
        "An action on something that is no widget says so",
        "The official error has no text of its own.",
        refusals.no_widget,
    ),
    Difference(
        "Locked and closed threads refuse every turn",
        "The client only disables its composer; whoever sends requests by hand must not get around it.",
        refusals.locked,
        diverges=True,
    ),
    Difference(
        "A model or tool that is not offered is refused",
        "The composer's picks come from the page: only what the assistant declares is taken, and nothing is written"
        " otherwise.",
        refusals.not_offered,
        diverges=True,
    ),
    Difference(
        "Everything has a size",
        "Ids, titles, lists and numbers of a request are bounded, so that no request costs more than it may.",
        refusals.limits,
        diverges=True,
    ),
    Difference(
        "NaN and infinite numbers are refused",
        "They are not JSON, and would be stored as null.",
        refusals.no_number,
        diverges=True,
    ),
    Difference(
        "An action needs a type",
        "The official type has an object of Python's as its default, which no handler expects.",
        refusals.untyped_action,
        diverges=True,
    ),
    Difference(
        "Feedback is for items of one's own threads",
        "The official server hands any ids to the assistant, those of other users too.",
        refusals.feedback_checked,
    ),
    Difference(
        "Feedback is stored",
        "The official server only calls the assistant's method; here the last word on each item is kept as well.",
        improvements.feedback_stored,
    ),
    Difference(
        "Audio is checked before the assistant hears it",
        "Damaged base64 is decoded to noise, or raises; and only the types that clients record are taken.",
        refusals.audio_checked,
    ),
    Difference(
        "A page has at most 100 objects",
        "The client asks for 9999 and goes on while there is more; a thread of any length costs the same per request.",
        improvements.page_cap,
    ),
    Difference(
        "Hidden items do not count in a page",
        "A page that they had emptied would make the client ask for it for ever.",
        improvements.filled_pages,
    ),
    Difference(
        "The id of a deleted object is still a position",
        "The client goes on behind the last object that it holds, even when that has been removed meanwhile; the official"
        " server leaves it to the store, whose published examples raise.",
        improvements.positions,
    ),
    Difference(
        "A tool call that waits behind other items gets its output",
        "The official server takes it from the last item only, so that hidden context after a call breaks the thread.",
        improvements.call_behind,
        diverges=True,
    ),
    Difference(
        "A tool call that nobody answers is closed by the next message",
        "After a reload the page neither shows nor runs it; the model is told that it has no result.",
        improvements.given_up_calls,
    ),
    Difference(
        "Older tool calls are closed, not deleted",
        "What the assistant did stays in the thread, and a call always has an output.",
        improvements.older_calls,
        diverges=True,
    ),
    Difference(
        "The item that a synchronous action gives back is stored",
        "With the official server the author stores it, or it is gone after a reload.",
        improvements.sync_item,
        diverges=True,
    ),
    Difference(
        "What a synchronous action changes in the thread is stored",
        "As with every other request that the assistant answers.",
        improvements.sync_thread,
        diverges=True,
    ),
    Difference(
        "An update of a stored item is stored",
        "With the official server, what an action changes in its widget this way is gone after a reload.",
        improvements.stored_update,
        diverges=True,
    ),
    Difference(
        "What cannot be kept ends the turn",
        "An item of another thread or with a foreign id, an oversize widget, or an update of nothing is the author's"
        " fault: it is neither sent nor stored.",
        improvements.unplaceable,
        diverges=True,
    ),
    Difference(
        "Hidden items are never sent",
        "The official server holds back their `done`, but sends `added` and `replaced`.",
        improvements.hidden_events,
    ),
    Difference(
        "A widget changes by its smallest part",
        "The official server replaces the root where here a component with an id is replaced.",
        improvements.small_updates,
    ),
    Difference(
        "An error is the last event of its stream",
        "A thread that was changed before the failure is stored and sent before the error, not after it.",
        improvements.error_last,
    ),
    Difference(
        "What is open when a turn fails is closed and kept",
        "The official server leaves it on the page until the next reload, and loses it.",
        improvements.closed_items,
        diverges=True,
    ),
    Difference(
        "What a cancelled turn had begun is kept",
        "Widgets, workflows and images too; and there is no note that the user stopped it, as a stream is also cancelled"
        " for other reasons.",
        improvements.cancelled,
        diverges=True,
    ),
)
"""In the order in which they are settled."""


def settle(pair: Pair) -> tuple[Pair, list[Difference]]:
    """The pair with all known differences gone, and which occurred."""

    def one(state: tuple[Pair, list[Difference]], difference: Difference) -> tuple[Pair, list[Difference]]:
        pair, used = state
        settled = difference.settle(pair)
        return state if settled is None else (settled, [*used, difference])

    pair, used = reduce(one, DIFFERENCES, (pair, list[Difference]()))
    if any(difference.diverges for difference in used):
        pair = pair.agree(stored=None)
    return pair, used


def table() -> str:
    """The differences as a table in Markdown."""
    rows = [f"| {difference.name} | {difference.reason} |" for difference in DIFFERENCES]
    return "\n".join(["| here | why |", "| --- | --- |", *rows])


if __name__ == "__main__":
    print(table())

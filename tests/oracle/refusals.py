"""How a refusal of ours is told from a fault: each function knows one kind, and gives the pair with it settled, or None.

In each of them ours says why to the user, has called no assistant and has written nothing.
"""

from typing import Final

from functions.protocol import messages, requests, structured_input
from functions.protocol.limits import ID_CHARACTERS, TITLE_CHARACTERS
from tests.oracle.script import Json
from tests.oracle.settling import Pair, raised, refused, settled_refusal
from tests.oracle.steps import UNKNOWN_PICK

BROKEN: Final = ("NotFoundError", "ValueError")


def broken_stream(pair: Pair) -> Pair | None:
    """The official stream raises before its first event."""
    if pair.official.events == [] and raised(pair.official, *BROKEN) and refused(pair):
        return settled_refusal(pair)
    return None


def invalid_stream(pair: Pair) -> Pair | None:
    """A streaming request breaks the types."""
    if raised(pair.official, "ValidationError") and pair.ours.events is not None and refused(pair):
        return settled_refusal(pair)
    return None


def status(pair: Pair) -> Pair | None:
    """A request that is answered with JSON raises."""
    refusals = {
        "NotFoundError": ("NotFound", "InvalidRequest", "ThreadUnavailable"),
        "ValueError": ("InvalidRequest", "ThreadUnavailable"),
        "RuntimeError": ("InvalidRequest",),
        "ValidationError": ("InvalidRequest",),
    }
    ours = refusals.get(type(pair.official.failure).__name__, ())
    if pair.official.events is None and raised(pair.ours, *ours) and refused(pair):
        return settled_refusal(pair)
    return None


def missing_attachment(pair: Pair) -> Pair | None:
    """The official server has created a thread when the attachment turns out to be gone."""
    created = [event["type"] for event in pair.official.events or []] == ["thread.created"]
    if created and raised(pair.official, "NotFoundError") and refused(pair):
        return settled_refusal(pair)
    return None


def silent_retry(pair: Pair) -> Pair | None:
    """The official stream is empty."""
    silent = pair.official.events == [] and pair.official.failure is None
    if pair.step.kind == "threads.retry_after_item" and silent and refused(pair):
        return settled_refusal(pair)
    return None


def no_widget(pair: Pair) -> Pair | None:
    """The official stream is an error without a text."""
    unexplained = [{"type": "error", "code": "stream.error", "allow_retry": False}]
    if pair.step.kind == "threads.custom_action" and pair.official.events == unexplained and refused(pair):
        return settled_refusal(pair)
    return None


def locked(pair: Pair) -> Pair | None:
    """The official assistant is called with a thread that is locked or closed."""
    calls = [call for call in pair.official.seen if call["call"] in {"respond", "action", "sync_action"}]
    if calls and calls[0]["thread"]["status"]["type"] != "active" and refused(pair):
        return settled_refusal(pair)
    return None


def not_offered(pair: Pair) -> Pair | None:
    """The composer's pick is a model or a tool that the assistant does not declare."""
    picked = pair.params.get("input", {}).get("inference_options") or {}
    unknown = UNKNOWN_PICK in {picked.get("model"), (picked.get("tool_choice") or {}).get("id")}
    if pair.official.failure is None and unknown and refused(pair):
        return settled_refusal(pair)
    return None


def limits(pair: Pair) -> Pair | None:
    """Something in the request is larger or smaller than ours takes."""
    if pair.official.failure is None and _beyond_limits(pair.params) and refused(pair):
        return settled_refusal(pair)
    return None


def _beyond_limits(params: Json) -> bool:
    message = params.get("input", {})
    answers = message.get("answers", {})
    return any(
        (
            any(not 1 <= len(one) <= ID_CHARACTERS for name, one in params.items() if name.endswith("_id") and one),
            params.get("item_id") == "",
            (params.get("limit") or 0) < 0,
            params.get("size", 0) < 0,
            len(params.get("title", "")) > TITLE_CHARACTERS,
            len(params.get("item_ids", ())) > requests.ITEM_IDS,
            len(message.get("content", ())) > messages.CONTENT_PARTS,
            len(message.get("attachments", ())) > messages.ATTACHMENTS,
            len(answers) > structured_input.ANSWERS,
            any(len(answer.get("values", ())) > structured_input.ANSWER_VALUES for answer in answers.values()),
        )
    )


def no_number(pair: Pair) -> Pair | None:
    """The body holds a number that JSON does not have."""
    body = pair.step.body or b""
    if pair.official.failure is None and (b"NaN" in body or b"e999" in body) and refused(pair):
        return settled_refusal(pair)
    return None


def untyped_action(pair: Pair) -> Pair | None:
    """The action has no type."""
    if pair.official.failure is None and "type" not in pair.params.get("action", {"type": ""}) and refused(pair):
        return settled_refusal(pair)
    return None


def feedback_checked(pair: Pair) -> Pair | None:
    """The official assistant hears of items that are not the user's."""
    answered = pair.step.kind == "items.feedback" and pair.official.answer == {}
    if answered and raised(pair.ours, "NotFound", "InvalidRequest") and refused(pair):
        return settled_refusal(pair)
    return None


def audio_checked(pair: Pair) -> Pair | None:
    """The official assistant hears what is no audio."""
    heard = pair.official.answer is not None or raised(pair.official, "Error")
    if pair.step.kind == "input.transcribe" and heard and raised(pair.ours, "InvalidRequest") and refused(pair):
        return settled_refusal(pair)
    return None

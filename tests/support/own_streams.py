"""Writes the project's own streams: `python -m tests.support.own_streams` fills `tests/streams/`.

They are of our own invention and hold what recordings of ordinary answers do not: refusals, failures, odd characters.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.support.streams import OWN_STREAMS, Event, Refusal, StreamWriter, Text, json_line

SEPARATORS: Final = "\u2028\u2029\u0085"
"""Line ends to `str.splitlines`, ordinary characters to JSON and to server-sent events."""


def text() -> list[Event]:
    """One message, Markdown."""
    writer = StreamWriter("text")
    writer.message(
        Text(["Tea", " needs", " **", "water", "**", " at", " about", " 90", " °C", ".\n\n", "- pour", "\n"])
    )
    return writer.complete()


def text_parts() -> list[Event]:
    """One message of three content parts."""
    writer = StreamWriter("text-parts")
    writer.message(Text(["First", " part", "."]), Text(["Second", " part", "."]), Text(["Third."]))
    return writer.complete()


def text_messages() -> list[Event]:
    """Two messages in one response."""
    writer = StreamWriter("text-messages")
    writer.message(Text(["Let", " me", " look", " that", " up", "."]))
    writer.message(Text(["Here", " it", " is", "."]))
    return writer.complete()


def text_empty() -> list[Event]:
    """A message whose only part stays empty."""
    writer = StreamWriter("text-empty")
    writer.message(Text([]))
    return writer.complete()


def text_characters() -> list[Event]:
    """Characters that careless code breaks: line separators, emoji of several code points cut between them, NUL."""
    writer = StreamWriter("text-characters")
    flag, coder = "\U0001f1eb\U0001f1f7", "\U0001f469\U0001f3fd\u200d\U0001f4bb"
    separated = [f"line{mark}line" for mark in SEPARATORS]
    writer.message(
        Text([*separated, "\u2028", "\r\n", "\n\ndata: not a frame\n\n", flag[0], flag[1], *coder, "e", "\u0301", "\0"])
    )
    return writer.complete()


def text_split_surrogates() -> list[Event]:
    """Emoji cut through the middle of their surrogate pairs, as proxies that count in UTF-16 do."""
    writer = StreamWriter("text-split-surrogates")
    writer.message(Text(["Well done ", "\ud83c", "\udf89", " and ", "\ud83d", "\ude00\ud83d", "\ude80", "!"]))
    return writer.complete()


def refusal() -> list[Event]:
    """A refusal, streamed."""
    writer = StreamWriter("refusal")
    writer.message(Refusal(["I", "'m", " sorry", ", but", " I", " can't", " help", " with", " that", "."]))
    return writer.complete()


def reasoning_summary() -> list[Event]:
    """Two summary texts of the model's reasoning, then the answer."""
    writer = StreamWriter("reasoning-summary")
    writer.reasoning(["**Weigh", "ing", " the", " kettle**"], ["**Choosing", " a", " cup**", "\n\nThe blue one."])
    writer.message(Text(["Take", " the", " blue", " cup", "."]))
    return writer.complete()


def incomplete_max_tokens() -> list[Event]:
    """An answer that ran into `max_output_tokens`: its item is done, incomplete."""
    writer = StreamWriter("incomplete-max-tokens", max_output_tokens=16)
    writer.message(Text(["Once", " upon", " a", " time", " there", " was", " a"]), status="incomplete")
    return writer.incomplete("max_output_tokens")


def failed() -> list[Event]:
    """`response.failed` while a message is open."""
    writer = StreamWriter("failed")
    writer.message(Text(["The", " answer", " is"]), open_end=True)
    return writer.fail("server_error", "The stand-in model failed while it generated the response.")


def error_nested() -> list[Event]:
    """An `error` event, nested as on the wire, while a message is open; nothing follows."""
    writer = StreamWriter("error-nested")
    writer.message(Text(["So", " far", ","]), open_end=True)
    return writer.error("server_error", "server_error", "The stand-in model had an error while it answered.")


def function_call() -> list[Event]:
    """A call of `get_weather`, after a reasoning item without a summary."""
    writer = StreamWriter("function-call")
    writer.reasoning()
    writer.function_call("get_weather", '{"', "city", '":"', "Lyon", '"}')
    return writer.complete()


def unknown_events() -> list[Event]:
    """Event types and fields that no type knows, between those of an ordinary message."""
    writer = StreamWriter("unknown-events")
    writer.write("response.murmur.started", murmur={"mood": "calm"})
    writer.message(Text(["Known", " words"]), Text([" only", "."]))
    writer.write("keepalive")
    writer.events[5]["hue"] = {"h": 210}
    return writer.complete()


STREAMS: Final[dict[str, Callable[[], list[Event]]]] = {
    maker.__name__.replace("_", "-"): maker
    for maker in (
        text,
        text_parts,
        text_messages,
        text_empty,
        text_characters,
        text_split_surrogates,
        refusal,
        reasoning_summary,
        incomplete_max_tokens,
        failed,
        error_nested,
        function_call,
        unknown_events,
    )
}
"""File name without `.jsonl` → what writes it."""


def encoded(events: list[Event]) -> bytes:
    """The file: one event a line."""
    return b"".join(json_line(event) + b"\n" for event in events)


def write_all(folder: Path = OWN_STREAMS) -> None:
    """Writes every stream into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, maker in STREAMS.items():
        (folder / f"{name}.jsonl").write_bytes(encoded(maker()))


if __name__ == "__main__":
    write_all()

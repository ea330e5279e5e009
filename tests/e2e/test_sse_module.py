"""`web/sse.js` in the browser."""

from typing import Any, Final

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

DECODE: Final = """async ([bytes, size]) => {
  const { createSseDecoder } = await import("/web/sse.js");
  const decode = createSseDecoder();
  const events = [];
  for (let at = 0; at < bytes.length; at += size) events.push(...decode(new Uint8Array(bytes.slice(at, at + size))));
  return events;
}"""

EVERY_CUT: Final = """async (bytes) => {
  const { createSseDecoder } = await import("/web/sse.js");
  const results = [];
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const decode = createSseDecoder();
    const whole = new Uint8Array(bytes);
    results.push([...decode(whole.subarray(0, cut)), ...decode(whole.subarray(cut))]);
  }
  return results;
}"""

STREAM: Final = (
    'data: {"a":"é🙂"}\n\n: keep-alive\n\ndata: one\r\ndata: two\r\n\r\ndata:three\rdata: lines\r\r'
    "event: named\nid: 7\nretry: 1\ndata: \u2028 \u2029 \x85 stay\n\ndata\n\ndata: unfinished\n"
).encode()
EVENTS: Final = ['{"a":"é🙂"}', "one\ntwo", "three\nlines", "\u2028 \u2029 \x85 stay", ""]


def decode(page: Page, stream: bytes, size: int) -> Any:
    return page.evaluate(DECODE, [list(stream), size])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_events_do_not_depend_on_how_the_bytes_are_cut(modules: Page, size: int) -> None:
    """Every line end, multi-byte character and field may be cut anywhere; an unfinished event is dropped."""
    assert decode(modules, STREAM, size) == EVENTS


def test_every_single_cut_gives_the_same_events(modules: Page) -> None:
    """There is no place in a stream where one cut changes what is read."""
    assert modules.evaluate(EVERY_CUT, list(STREAM)) == [EVENTS] * (len(STREAM) + 1)


def test_a_byte_order_mark_is_no_part_of_the_first_field(modules: Page) -> None:
    """A leading byte order mark is passed over, as the specification asks."""
    assert decode(modules, b"\xef\xbb\xbfdata: x\n\n", 1) == ["x"]


def test_only_one_space_after_the_colon_belongs_to_the_field(modules: Page) -> None:
    """Leading spaces of a value are kept but for the first."""
    assert decode(modules, b"data:   indented\n\ndataset: no\n\n", 100) == ["  indented"]

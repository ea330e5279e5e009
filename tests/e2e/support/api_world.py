"""The world around `web/chatkit-aws.js` in its tests, seen from Python."""

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from tests.e2e.support.wire import Json

_SCRIPT: Final = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_RUN: Final = "code => new Function(`return (async () => { ${code} })()`)()"


class World:
    """One `createChatKitApi` with a network, an element and a clock that a test holds in its hands.

    `api_world.js` says what JavaScript finds in `world`.
    """

    def __init__(self, page: Page) -> None:
        self._page = page

    def create(self, options: str = "{}") -> None:
        """Makes the API anew, with these options (JavaScript) beside the usual ones."""
        self._page.evaluate(f"({_SCRIPT})({options})")

    def run(self, code: str) -> Any:
        """Runs the body of an async function, lets everything settle that needs no time, and gives what it returned."""
        return self._page.evaluate(
            _RUN, f"const result = await (async () => {{ {code} }})(); await world.settle(); return result;"
        )

    def value(self, expression: str) -> Any:
        """What an expression is, once everything has settled."""
        return self.run(f"await world.settle(); return {expression};")

    def wait(self, milliseconds: int) -> None:
        """Lets time pass."""
        self._page.clock.run_for(milliseconds)
        self.run("")

    @property
    def sent(self) -> list[Json]:
        """Every request that has left, in order."""
        return self.value("world.sent")

    @property
    def stops(self) -> list[Json]:
        """The requests that stop a turn."""
        return self.value("world.stops()")

    @property
    def calls(self) -> int:
        """How often the element was asked to fetch updates."""
        return self.value("world.calls")

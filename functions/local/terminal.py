"""What the commands say: progress on standard output, the functions' logs on standard error."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, TextIO

_NAME_WIDTH: Final = 9


class Terminal:
    """Plain lines, flushed at once: whoever waits for one, human or test, sees it when it is said."""

    def __init__(
        self,
        *,
        out: TextIO | None = None,
        err: TextIO | None = None,
        clock: Callable[[], float] = time.perf_counter,
        quiet: bool = False,
    ) -> None:
        """`out` and `err` are this process's own unless given; `clock` gives seconds; `quiet` keeps progress to itself."""
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._clock = clock
        self._quiet = quiet

    def say(self, line: str) -> None:
        """A line of progress."""
        if not self._quiet:
            _print(line, self._out)

    def log(self, name: str, line: str) -> None:
        """A line that a part of the stack has logged, under its name."""
        _print(f"{name:<{_NAME_WIDTH}} | {line}", self._err)

    def fail(self, sentence: str) -> None:
        """Why a command ends without having done its work."""
        _print(f"chatkit-lambda: {sentence}", self._err)

    @contextmanager
    def step(self, what: str) -> Generator[None]:
        """Says `what` begins, and how long it took."""
        began = self._clock()
        self.say(f"  starting {what}")
        yield
        self.say(f"  ready    {what} ({self._clock() - began:.1f} s)")


def _print(line: str, stream: TextIO) -> None:
    try:
        print(line, file=stream, flush=True)
    except (BrokenPipeError, ValueError):
        return  # nobody reads any more; what is being said must not stop what is being done

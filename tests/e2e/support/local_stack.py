"""The local stack as its users start it: the command, in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

COMMAND: Final = Path(sys.executable).with_name("chatkit-lambda")
ADDRESS: Final = re.compile(r"http://127\.0\.0\.1:\d+")
START_SECONDS: Final = 120
STOP_SECONDS: Final = 60


@dataclass(frozen=True)
class LocalStack:
    """A stack that serves."""

    url: str


@contextmanager
def running_stack(*, state_dir: Path, model_url: str | None = None) -> Iterator[LocalStack]:
    """Starts `chatkit-lambda serve` on a free port, without an OpenAI key unless there is a model, and interrupts it when
    the block ends.

    Raises `AssertionError`, with what the command said, where it does not name its address.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    environment |= {"PORT": "0", "STATE_DIR": str(state_dir)}
    if model_url is not None:
        environment |= {"OPENAI_API_KEY": "sk-stand-in", "OPENAI_BASE_URL": model_url}
    process = subprocess.Popen(
        [COMMAND, "serve"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        assert process.stdout is not None
        output = _Output(process.stdout)
        try:
            yield LocalStack(output.address())
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            finally:
                output.join()


class _Output(threading.Thread):
    """Reads what the stack says for as long as it speaks, so that it never waits for a reader."""

    def __init__(self, lines: IO[str]) -> None:
        super().__init__()
        self._lines = lines
        self._said: list[str] = []
        self._address: str | None = None
        self._settled = threading.Event()
        self.start()

    def run(self) -> None:
        for line in self._lines:
            self._said.append(line)
            if found := ADDRESS.search(line):
                self._address = self._address or found.group()
                self._settled.set()
        self._settled.set()

    def address(self) -> str:
        """The first address that was named."""
        self._settled.wait(START_SECONDS)
        assert self._address is not None, f"the stack named no address:\n{''.join(self._said)}"
        return self._address

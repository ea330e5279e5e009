"""A function's process that has imported all that it needs, and forks: each copy serves events as any process of it does.

`python -m tests.support.snapshot HANDLER` has the function's environment, and is told what to do by lines on its standard
input: `fork HOST:PORT` starts a copy that serves the Runtime API at that address, `kill PID` kills one, the end of the
input kills all. It answers `ready` once, `started PID` to each fork, and says `ended PID` of each copy that has.

A start costs some milliseconds of CPU in place of more than a second, so that hundreds can be killed in a minute. On
Lambda, SnapStart does the same with an image of the memory.
"""

import gc
import importlib
import os
import select
import signal
import sys
from typing import Final, NoReturn

_IMPORTED: Final = (
    "anyio._backends._asyncio",
    "awslambdaric.lambda_runtime_marshaller",
    "functions.runtime.gathering",
    "h11",
    "httpcore2",
    "openai.resources.responses",
    "truststore",
)
"""What a function needs beside its handler's module."""
_INPUT: Final = 0
_OUTPUT: Final = 1
_ERRORS: Final = 2
_READ_SIZE: Final = 65_536


class _Parent:
    """Forks, kills and buries."""

    def __init__(self, handler: str) -> None:
        self._handler = handler
        self._alive: set[int] = set()
        self._buried, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def run(self) -> None:
        """Returns when the input has ended, and all copies have."""
        _say("ready")
        rest = b""
        while True:
            ready, _, _ = select.select([_INPUT, self._buried], [], [])
            if self._buried in ready:
                os.read(self._buried, _READ_SIZE)
                self._bury()
            if _INPUT in ready:
                read = os.read(_INPUT, _READ_SIZE)
                if not read:
                    break
                *lines, rest = (rest + read).split(b"\n")
                for line in lines:
                    self._obey(*line.decode().split(" "))
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)

    def _obey(self, what: str, whom: str) -> None:
        if what == "fork":
            pid = os.fork()
            if pid == 0:
                self._become_copy(whom)
            self._alive.add(pid)
            _say(f"started {pid}")
        elif int(whom) in self._alive:
            os.kill(int(whom), signal.SIGKILL)

    def _bury(self) -> None:
        for pid in list(self._alive):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._alive.remove(pid)
                _say(f"ended {pid}")

    def _become_copy(self, address: str) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.environ["AWS_LAMBDA_RUNTIME_API"] = address
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, _INPUT)
            os.dup2(_ERRORS, _OUTPUT)
            from functions.runtime.__main__ import main  # awslambdaric takes the address when it is imported

            main(["functions.runtime", self._handler])
        finally:
            os._exit(1)


def _say(line: str) -> None:
    os.write(_OUTPUT, line.encode() + b"\n")


def main() -> None:
    """See above."""
    handler = sys.argv[1]
    for module in (handler.rpartition(".")[0], *_IMPORTED):
        importlib.import_module(module)
    gc.freeze()  # what is never collected is never written to, and stays shared
    _Parent(handler).run()


if __name__ == "__main__":
    main()

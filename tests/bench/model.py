"""The model of the benchmark: one answer, at the speed that the question asks for.

`python -m tests.bench.model DELTAS PAUSE` prints its base URL and serves until it is terminated. It works in a process
of its own, so that its CPU time is on nobody's bill.
"""

import json
import signal
import sys
import threading
from enum import StrEnum

from functions.assistant.assistant import TITLE_MODEL
from tests.support.model_answers import RecordedRequest, Stream
from tests.support.model_server import ModelServer


class Pace(StrEnum):
    """A question, by the speed at which it is answered."""

    FULL_SPEED = "Tell me about the river."
    """As fast as the reader reads: what is measured is its work alone."""
    AS_A_MODEL = "Tell me about the river, slowly."
    """Delta by delta, each in a packet of its own, for which the reader has to wake up."""


def main() -> None:
    """The command."""
    deltas, pause = int(sys.argv[1]), float(sys.argv[2])
    fast = Stream.deltas(deltas)
    slow = fast.paced(pause)

    title = Stream.text("By the river")

    def answer(request: RecordedRequest) -> Stream:
        # Our example assistant asks for a title beside its first answer; a real one has a few words.
        if request.body["model"] == TITLE_MODEL:
            return title
        return slow if Pace.AS_A_MODEL in json.dumps(request.body["input"]) else fast

    terminated = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: terminated.set())
    with ModelServer() as server:
        server.script(answer)
        print(server.url, flush=True)
        terminated.wait()


if __name__ == "__main__":
    main()

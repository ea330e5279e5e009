"""What a process still does for an invocation whose answer has left, before it asks for the next.

An invocation ends when the runtime asks for the next one
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib); until then Lambda does
not freeze the process, and hands it nothing else. The caller has the whole answer by then, so nobody waits for what is
done here; it is billed, and counts as time of the function's.
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias

from functions.runtime.failures import describe
from functions.runtime.loop import run

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

_log: Final = logging.getLogger(__name__)
_works: Final[list[Work]] = []


def after_each_invocation(work: Work) -> None:
    """Has `work` done behind every answer of this process from now on, on its event loop. It must end by itself."""
    _works.append(work)


def do_afterwards() -> None:
    """Does it. What fails is logged without its text, and not raised: the answer was given."""
    for work in _works:
        try:
            run(work())
        except Exception as error:  # noqa: BLE001 - the next invocation is not to blame
            trace = {"error": type(error).__name__, "trace": describe(error)}
            _log.error("what comes behind an answer failed", extra=trace)

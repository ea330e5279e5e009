"""What the clock does on AWS: it calls a function again and again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from functions.local.background import Background
from functions.local.invocation import FunctionError

EVENT: Final[dict[str, Any]] = {
    "version": "0",
    "id": "local",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "detail": {},
}
"""What a rule of EventBridge sends
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html), as far as anybody reads it."""


class Schedule(Background):
    """Calls at once, and then every so often, for as long as it is entered; leaving it does not wait for a call."""

    def __init__(
        self,
        name: str,
        invoke: Callable[[], Awaitable[object]],
        *,
        seconds: float,
        log: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`invoke` may raise `FunctionError`, of which `log` gets a line; `name` is the function's."""
        super().__init__()
        self._name = name
        self._invoke = invoke
        self._seconds = seconds
        self._log = log
        self._sleep = sleep

    async def run(self) -> None:
        while True:
            try:
                await self._invoke()
            except FunctionError as error:
                self._log(f"the {self._name} function failed ({error.type}); its log says why")
            await self._sleep(self._seconds)

"""Shows what is told on the event bus: a line for each event, as a subscriber of yours would get it.

The functions put their events on a bus of ministack's, by the code that they run on AWS; a rule leads to a queue, which is
read here.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from functions.aws_calls import call
from functions.errors import InternalError, Unavailable
from functions.local import resources
from functions.local.background import Background

_AT_ONCE: Final = 10
"""The most messages that SQS gives at once."""


class Announced(Background):
    """Reads for as long as it is entered; on leaving, it reads what has been told until then."""

    last_seconds = 5.0

    def __init__(
        self,
        *,
        clients: resources.Clients,
        log: Callable[[str], None],
        wait_seconds: int = 1,
        pause_seconds: float = 1.0,
    ) -> None:
        """`log` gets the lines. The queue is asked for `wait_seconds` at a time."""
        super().__init__()
        self._clients = clients
        self._log = log
        self._wait_seconds = wait_seconds
        self._pause_seconds = pause_seconds

    async def run(self) -> None:
        """See `Background`."""
        queue: str | None = None
        while True:
            is_last = self.is_ending
            try:
                if queue is None:
                    queue = await call(resources.events_queue, self._clients)
                there = await self._read(queue, wait=0 if is_last else self._wait_seconds)
            except (Unavailable, InternalError) as error:
                if is_last:
                    return
                self._log(f"events cannot be read ({error}); it is tried again")
                await self.pause(self._pause_seconds)
                continue
            if is_last and not there:
                return

    async def _read(self, queue: str, *, wait: int) -> bool:
        """Shows what is in the queue, some at a time. Returns whether there was anything."""
        answer = await call(
            self._clients.sqs.receive_message, QueueUrl=queue, MaxNumberOfMessages=_AT_ONCE, WaitTimeSeconds=wait
        )
        messages = answer.get("Messages", [])
        for message in messages:
            self._log(line(json.loads(message["Body"])))
            await call(self._clients.sqs.delete_message, QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return bool(messages)


def line(event: Mapping[str, Any]) -> str:
    """An event as it is shown: its name, and all that it says, as JSON."""
    return f"{event['detail-type']} {json.dumps(event['detail'], ensure_ascii=False)}"

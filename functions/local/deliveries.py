"""What AWS does for uploads by itself: S3's events reach the attachment function, through EventBridge.

ministack has no functions of ours to call; so its rule leads to a queue, which is read here. An event is there again until
the function has served it, a few times at most, as Lambda repeats it. Events that ministack has forgotten, or that were
given up, are made up for at the next start: by a look at what lies where pages upload to.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from functions.attachments.objects import UPLOADS_PREFIX
from functions.aws_calls import call
from functions.errors import InternalError, Unavailable
from functions.local import resources
from functions.local.background import Background
from functions.local.invocation import FunctionError
from functions.local.lambda_endpoint import Invokable
from functions.local.samples import object_created

_ATTEMPTS: Final = 3
"""How often Lambda tries an event
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)."""
_AT_ONCE: Final = 5


class Deliveries(Background):
    """Works for as long as it is entered; on leaving, it finishes what has been uploaded until then."""

    last_seconds = 10.0
    """How long the last deliveries may take when the stack ends."""

    def __init__(
        self,
        *,
        clients: resources.Clients,
        function: Invokable,
        log: Callable[[str], None],
        wait_seconds: int = 1,
        pause_seconds: float = 1.0,
    ) -> None:
        """`function` is the attachment function; `log` gets a line for what did not work.

        The queue is asked for `wait_seconds` at a time, and answers within a tenth of one. What failed comes again
        after `pause_seconds`, rounded down, then after twice as long.
        """
        super().__init__()
        self._clients = clients
        self._function = function
        self._log = log
        self._wait_seconds = wait_seconds
        self._pause_seconds = pause_seconds
        self._queue = ""
        self._seen: set[str] = set()
        """The names of the objects for which the function was called."""

    async def leftovers(self) -> list[dict[str, Any]]:
        """An event for each object that lies where pages upload to. Raises as `call`."""
        found: list[dict[str, Any]] = []
        only: Any = {}
        while True:
            listed = await call(
                self._clients.s3.list_objects_v2, Bucket=resources.BUCKET, Prefix=UPLOADS_PREFIX, **only
            )
            found += [object_created(entry["Key"]) for entry in listed.get("Contents", []) if "Key" in entry]
            if not (more := listed.get("NextContinuationToken")):
                return found
            only = {"ContinuationToken": more}

    async def run(self) -> None:
        is_new = True
        while True:
            is_ending = self.is_ending
            try:
                if is_new:
                    self._queue = await call(resources.uploads_queue, self._clients)
                    for event in await self.leftovers():
                        await self._is_served(event)
                    is_new = False
                is_empty = not await self._deliver(wait=0 if is_ending else self._wait_seconds)
            except (Unavailable, InternalError) as error:
                if is_ending:
                    return
                is_new = is_empty = True
                self._log(f"uploads cannot be looked after ({error}); it is tried again")
                await self.pause(self._pause_seconds)
            if is_ending and is_empty:
                await self._serve_the_last()
                return

    async def _serve_the_last(self) -> None:
        """Looks once more around: an object is there a moment before its event is."""
        with contextlib.suppress(Unavailable, InternalError):
            for event in await self.leftovers():
                if event["detail"]["object"]["key"] not in self._seen:
                    await self._is_served(event)

    async def _deliver(self, *, wait: int) -> bool:
        """Hands on what is in the queue, some at a time. Returns whether there was anything."""
        answer = await call(
            self._clients.sqs.receive_message,
            QueueUrl=self._queue,
            MaxNumberOfMessages=_AT_ONCE,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        messages = answer.get("Messages", [])
        await asyncio.gather(*(self._serve(message) for message in messages))
        return bool(messages)

    async def _serve(self, message: Mapping[str, Any]) -> None:
        handle = {"QueueUrl": self._queue, "ReceiptHandle": message["ReceiptHandle"]}
        attempt = int(message["Attributes"]["ApproximateReceiveCount"])
        if not await self._is_served(json.loads(message["Body"])):
            if attempt < _ATTEMPTS:
                pause = int(self._pause_seconds * 2 ** (attempt - 1))
                await call(self._clients.sqs.change_message_visibility, **handle, VisibilityTimeout=pause)
                return
            self._log("an upload was not looked at; it is tried again at the next start")
        await call(self._clients.sqs.delete_message, **handle)

    async def _is_served(self, event: Mapping[str, Any]) -> bool:
        self._seen.add(event["detail"]["object"]["key"])
        try:
            await self._function.invoke(event)
        except FunctionError as error:
            self._log(f"the attachment function failed ({error.type}); its log says why")
            return False
        return True

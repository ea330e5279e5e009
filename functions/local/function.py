"""One Lambda function on this machine: its processes, started as Lambda starts them.

As on Lambda, a process serves one event at a time, a further event meanwhile starts a further process, the process that
was used last is used first, and a caller who goes away stops nothing. Otherwise than on Lambda, what a process still does
behind its answer (`functions.runtime.afterwards`) is waited for by its next event, and starts no further process.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import functions
from functions.local.function_process import FunctionProcess, Launch
from functions.local.invocation import Body, FunctionError, Invocation, NotTaken
from functions.local.runtime_api import PAYLOAD_LIMIT

__all__ = ["Body", "Function", "FunctionError", "Invocation"]

CONCURRENCY: Final = 20
"""Processes of one function at most: a page in a loop must not bring the machine down."""

THROTTLED: Final = "TooManyRequestsException"
EVENT_TOO_LARGE: Final = "RequestTooLargeException"

_REGION: Final = "us-east-1"
_ROOT: Final = Path(functions.__file__).parents[1]


class Function:
    """Answers events by processes that it starts when they are needed, and ends in `close`."""

    def __init__(
        self,
        name: str,
        handler: str,
        environment: Mapping[str, str],
        *,
        timeout: float = 900.0,
        base_environment: Mapping[str, str],
        memory: int = 512,
        concurrency: int = CONCURRENCY,
        task_root: Path = _ROOT,
        python: str = sys.executable,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """`handler` is `package.module.function`, found from `task_root`.

        `environment` is the function's own; `base_environment` what any process on this machine needs (`PATH`, `HOME`,
        `LANG`). `timeout` in seconds counts from when a process takes an event.
        `memory` in MB is only announced. `python` is the interpreter. `log` gets each line that the processes print;
        without it they print to this process's stderr.
        """
        self._concurrency = concurrency
        region = environment.get("AWS_REGION", _REGION)
        self._launch = Launch(
            arn=f"arn:aws:lambda:{region}:000000000000:function:{name}",
            command=(str(_ROOT / "functions/runtime/exec-wrapper"), python),
            environment={
                **base_environment,
                **_lambda_environment(name=name, handler=handler, memory=memory, task_root=task_root, region=region),
                **environment,
            },
            timeout=timeout,
            log=log,
        )
        self._processes: set[FunctionProcess] = set()
        self._idle: list[FunctionProcess] = []
        self._is_closed = False

    @property
    def pids(self) -> set[int]:
        """The ids of the processes that run now."""
        return {process.pid for process in self._processes if process.pid is not None}

    async def invoke(self, event: Mapping[str, Any]) -> Invocation:
        """Runs the handler on `event`; returns with the head of a streamed answer, or the whole of a buffered one.

        Raises `FunctionError` when the function fails before that. A stream's body raises it when it fails later.
        """
        payload = json.dumps(event, separators=(",", ":")).encode()
        if len(payload) > PAYLOAD_LIMIT:
            raise FunctionError(EVENT_TOO_LARGE)
        while True:
            process = self._idle.pop() if self._idle else await self._start()
            try:
                return await process.invoke(payload)
            except NotTaken:
                continue

    async def close(self) -> None:
        """Ends every process: asks first, then kills. What is still being answered fails."""
        self._is_closed = True
        self._idle.clear()
        await asyncio.gather(*(process.stop() for process in self._processes))

    async def _start(self) -> FunctionProcess:
        if self._is_closed:
            raise FunctionError("Function.Closed")
        if len(self._processes) >= self._concurrency:
            raise FunctionError(THROTTLED)
        process = FunctionProcess(self._launch, on_idle=self._idle.append, on_exit=self._forget)
        self._processes.add(process)
        try:
            await process.start()
        except BaseException:
            self._processes.discard(process)
            raise
        return process

    def _forget(self, process: FunctionProcess) -> None:
        self._processes.discard(process)
        if process in self._idle:
            self._idle.remove(process)


def _lambda_environment(*, name: str, handler: str, memory: int, task_root: Path, region: str) -> dict[str, str]:
    """What Lambda sets (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html), but for credentials."""
    return {
        "_HANDLER": handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "LAMBDA_TASK_ROOT": str(task_root),
        "TZ": ":UTC",
    }

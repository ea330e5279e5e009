"""`make bench`: the official server and ours, side by side on this machine. See docs/benchmark.md.

The exit status is 0 whenever both were measured, whatever came out: timings are no tests.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from functions.local.backend import backend
from functions.local.ministack import MinistackFailed
from functions.local.settings import LocalSettings
from functions.local.terminal import Terminal
from infra.package import ROOT, PackageError
from tests.bench import report
from tests.bench.environments import prepare
from tests.bench.measuring import BrokenSide, Sample, cpu_seconds, listen, peak_memory
from tests.bench.model import Pace
from tests.bench.sides import Official, Ours, Side, environment
from tests.support.streams import words

_SIDE_SECONDS: Final = 120.0
"""How long one round of one side may take."""


async def sample(side: Side, *, deltas: int) -> Sample:
    """One round: a new process answers three times; the first answer is timed, the other two are weighed."""
    expected = words(deltas)
    began = time.perf_counter()
    async with asyncio.timeout(_SIDE_SECONDS), side.start() as server:

        async def cpu_per_delta(pace: Pace) -> float:
            before = cpu_seconds(server.pid)
            await listen(server.ask(pace), expected=expected)
            return (cpu_seconds(server.pid) - before) / deltas

        cold = await listen(server.ask(Pace.AS_A_MODEL), expected=expected)
        return Sample(
            first_event=cold.first_event - began,
            first_text=cold.first_text - began,
            cpu_per_delta=await cpu_per_delta(Pace.FULL_SPEED),
            cpu_per_paced_delta=await cpu_per_delta(Pace.AS_A_MODEL),
            peak_memory=peak_memory(server.pid),
        )


async def measure(setup: report.Setup, *, tell: Callable[[str], None]) -> list[report.Row]:
    """All rounds. One more goes before them and is not counted: it fills the machine's file cache."""
    environments = prepare(tell)
    async with AsyncExitStack() as ending:
        model_url = await ending.enter_async_context(_model(setup))
        settings = LocalSettings(openai_api_key="sk-bench", openai_base_url=model_url, inherited=environment())
        ground = await ending.enter_async_context(
            backend(settings, state=None, origins=("*",), terminal=Terminal(quiet=True))
        )
        await ground.prepare()
        sides: dict[str, Side] = {
            "official": Official(environments, model_url=model_url),
            "ours": Ours(environments, ground),
        }
        samples: dict[str, list[Sample]] = {name: [] for name in sides}
        for number in range(setup.rounds + 1):
            for name, side in sides.items():
                tell(f"round {number} of {setup.rounds}: {name}" if number else f"warming up: {name}")
                taken = await sample(side, deltas=setup.deltas)
                if number:
                    samples[name].append(taken)
    return report.rows(samples["official"], samples["ours"])


@asynccontextmanager
async def _model(setup: report.Setup) -> AsyncGenerator[str]:
    command = (sys.executable, "-m", "tests.bench.model", str(setup.deltas), str(setup.pause))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        line = await process.stdout.readline() if process.stdout else b""
        yield line.decode().strip()
    finally:
        process.terminate()
        await process.wait()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--deltas", type=int, default=2000)
    parser.add_argument("--pause", type=float, default=0.002, help="seconds between two deltas of a model")
    options = parser.parse_args()
    setup = report.Setup.here(
        deltas=options.deltas, pause=options.pause, rounds=options.rounds, cpus=len(os.sched_getaffinity(0))
    )
    tell = _progress if sys.stderr.isatty() or not options.json else _silence
    try:
        rows = asyncio.run(measure(setup, tell=tell))
    except (BrokenSide, MinistackFailed, PackageError, subprocess.CalledProcessError) as error:
        sys.exit(f"bench: {error}")
    except TimeoutError:
        sys.exit(f"bench: a side took more than {_SIDE_SECONDS:.0f} seconds for its two answers")
    print(json.dumps(report.document(setup, rows), indent=2) if options.json else report.table(setup, rows))


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _silence(_line: str) -> None:
    return


if __name__ == "__main__":
    main()

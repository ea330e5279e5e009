"""What becomes of a process of which copies are started (SnapStart): nothing that should be one of its kind is twice.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
"""

import copy
import random
import subprocess
import sys
from typing import Final

import pytest
from awslambdaric import lambda_runtime_hooks_runner

from functions.ids import IdFactory
from functions.settings import Settings
from functions.wiring import Wiring
from tests.unit.handlers.test_imports import ENVIRONMENT

CALLED: Final = """
import sys
from awslambdaric import lambda_runtime_hooks_runner
import functions.handlers.chat
client = {"openai", "httpx2", "httpcore2", "anyio", "h11"}
print(sorted(client & set(sys.modules)))
lambda_runtime_hooks_runner.run_before_snapshot()
print(sorted(client - set(sys.modules)))
"""


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hooks but those of this test's."""
    for when in ("before_snapshot", "after_restore"):
        monkeypatch.setattr(f"snapshot_restore_py._{when}_registry", [])


@pytest.mark.usefixtures("hooks")
def test_copies_do_not_draw_the_same_numbers() -> None:
    """Python's own generator, which spreads repetitions in time, goes on differently in each copy."""
    Wiring(Settings.from_environ(ENVIRONMENT))
    kept = random.getstate()
    drawn: list[float] = []
    for _ in range(2):
        random.setstate(kept)
        lambda_runtime_hooks_runner.run_after_restore()
        drawn.append(random.random())
    assert len(set(drawn)) == 2


@pytest.mark.parametrize("later", [0.0, 3600.0], ids=["at-once", "an-hour-later"])
def test_copies_do_not_make_the_same_ids(later: float) -> None:
    """Ids come from the operating system's generator, also those that continue what was made before the snapshot."""
    now = [1_800_000_000.0]
    factory = IdFactory(clock=lambda: now[0])
    factory.new("thread")
    now[0] += later
    made = [[one.new("message") for _ in range(50)] for one in (copy.copy(factory), copy.copy(factory))]
    assert not set(made[0]) & set(made[1])


def test_the_models_client_is_in_the_snapshot() -> None:
    """A start without a snapshot does not wait for its import; a copy of one has it already."""
    done = subprocess.run(
        [sys.executable, "-c", CALLED],
        env={**ENVIRONMENT, "OPENAI_SECRET_ID": "secret"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.splitlines() == ["[]", "[]"], done.stderr

"""What the functions load when they start: each only what it serves with."""

import subprocess
import sys

import pytest

ENVIRONMENT = {
    "STAGE": "local",
    "TABLE_NAME": "table",
    "BUCKET_NAME": "bucket",
    "TOKEN_SECRET_ID": "secret",
    "ALLOWED_ORIGINS": "*",
    "IDENTITY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
}
IN_ONE_PACKAGE_ALONE = ("PIL", "puremagic")


@pytest.mark.parametrize("name", ["chat", "api", "threads", "sweep", "rotation"])
def test_nobody_but_the_attachment_function_loads_what_looks_into_files(name: str) -> None:
    """Their packages have no Pillow and no puremagic; a start that looked for one would fail there."""
    assert _loaded(name) == []


def test_the_attachment_function_has_loaded_it_when_it_has_started() -> None:
    """Before its first event: on Lambda, a start has more power than an invocation."""
    assert _loaded("attachments") == ["PIL", "puremagic"]


def _loaded(name: str) -> list[str]:
    code = (
        f"import sys, functions.handlers.{name}; print(*[one for one in {IN_ONE_PACKAGE_ALONE} if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_who_tells_nobody_loads_nothing_for_it() -> None:
    """Without a bus, no part of it is there."""
    assert _announcing("chat") == []


@pytest.mark.parametrize("name", ["chat", "api", "attachments"])
def test_what_talks_to_the_bus_is_loaded_behind_the_first_answer(name: str) -> None:
    """Not when the function starts, where each millisecond is one of a cold start."""
    loaded = _announcing(name, EVENT_BUS_NAME="bus")
    assert "functions.announcements.outbox" in loaded
    assert "functions.announcements.eventbridge" not in loaded


def _announcing(name: str, **variables: str) -> list[str]:
    """The modules of events that a function has loaded when it has started."""
    code = (
        f"import sys, functions.handlers.{name}; "
        "print(*[one for one in sys.modules if one.startswith(('functions.announcements', 'functions.engine.telling'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=ENVIRONMENT | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()

"""What holds for every test."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from functions.runtime.logs import Redaction

# How long an example takes says how busy the machine is. Whoever runs the tests by hand looks for what nobody has found
# yet; what decides whether a change lands (`.ci/run`) must decide the same way twice.
settings.register_profile(
    "unhurried",
    settings(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("DERANDOMIZE") == "true" or settings().derandomize,
)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _logs_as_they_come() -> Iterator[None]:
    """Where a test wires a function, pytest's own handlers, which all tests share, are put back as they were."""
    yield
    for handler in logging.getLogger().handlers:
        handler.filters = [each for each in handler.filters if not isinstance(each, Redaction)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests come last: its driver keeps an event loop running on the main thread until the session ends."""
    items.sort(key=lambda item: "/e2e/" in item.path.as_posix())

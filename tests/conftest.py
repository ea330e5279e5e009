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
    """The browser's tests come last: its driver keeps an event loop running on the main thread until the session ends.

    Those with processes of their own have a second attempt where one lapse of a busy machine would keep a change from
    landing: the report lists each that needed it (RERUN), as something to mend. By hand there is none.
    """
    items.sort(key=lambda item: "/e2e/" in item.path.as_posix())
    if os.environ.get("SECOND_ATTEMPT") == "true":
        for item in items:
            if any(item.iter_markers("e2e")) or any(item.iter_markers("integration")):
                item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows why a test needed its second attempt, though it passed."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"failed at the first attempt: {report.nodeid}", sep="_", red=True)
        terminalreporter.line(report.longreprtext)

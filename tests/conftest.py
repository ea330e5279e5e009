"""What holds for every test."""

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is. What CI has set apart from the default, Hypothesis keeps.
settings.register_profile("unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests come last: its driver keeps an event loop running on the main thread until the session ends."""
    items.sort(key=lambda item: "/e2e/" in item.path.as_posix())

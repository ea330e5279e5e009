"""What holds for every test."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests come last: its driver keeps an event loop running on the main thread until the session ends."""
    items.sort(key=lambda item: "/e2e/" in item.path.as_posix())

"""The stand-in model as a pytest fixture."""

from collections.abc import Iterator

import pytest

from tests.support.model_server import ModelServer


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    """A running stand-in for the Responses API; it says hello until the test scripts it."""
    with ModelServer() as server:
        yield server

"""What the engine's tests share."""

import pytest

from tests.support.chat import Chat


@pytest.fixture
def chat() -> Chat:
    """An engine on a store in memory, and a client of it."""
    return Chat()

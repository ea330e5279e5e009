"""Unit tests open no socket."""

import pytest
from pytest_socket import disable_socket


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    """A unit test that reaches for the network fails. Unix sockets stay: asyncio wakes its own loop through one."""
    disable_socket(allow_unix_socket=True)

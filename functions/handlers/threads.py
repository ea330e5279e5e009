"""The thread function: deletes what deleted threads have left. `functions.handlers.threads.handler`.

It is called for records of the table's stream, in batches; one of them may come twice.
"""

from collections.abc import Mapping
from typing import Any, Final

from functions.settings import Settings
from functions.wiring import Wiring

_stream: Final = Wiring(Settings.from_environ()).thread_stream


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Serves one batch."""
    return _stream.handle(event)

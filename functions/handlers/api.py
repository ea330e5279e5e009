"""The api function: sessions, entities and health, buffered. `functions.handlers.api.handler`."""

from collections.abc import Mapping
from typing import Any, Final

from functions.settings import Settings
from functions.wiring import Wiring

_routes: Final = Wiring(Settings.from_environ()).api_routes


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers an API Gateway proxy event or a Function URL event."""
    return _routes.handle(event)

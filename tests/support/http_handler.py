"""A function with an HTTP address: it does what the JSON in its request's body says."""

import json
from typing import Any

from tests.support import runtime_handlers


def handler(event: dict[str, Any], context: Any) -> Any:
    """The body is an event for `runtime_handlers`."""
    return runtime_handlers.handler(json.loads(event["body"]), context)

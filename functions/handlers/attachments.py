"""The attachment function: looks at what pages have uploaded. `functions.handlers.attachments.handler`.

It is called for each object that S3 has taken under the uploads' prefix; an event may come twice, and late.
"""

from collections.abc import Mapping
from typing import Any, Final

from functions.settings import Settings
from functions.wiring import Wiring

_events: Final = Wiring(Settings.from_environ()).attachment_events


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Serves one event of S3's."""
    return _events.handle(event)

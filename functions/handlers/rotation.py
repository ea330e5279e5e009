"""The rotation function: makes a new key for client tokens. `functions.handlers.rotation.handler`.

Secrets Manager calls it four times for each rotation, one step after the other.
"""

from collections.abc import Mapping
from typing import Any, Final

from functions.settings import RotationSettings
from functions.wiring import key_rotation

_rotation: Final = key_rotation(RotationSettings.from_environ())


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Performs one step. What it raises makes Secrets Manager take the rotation for failed."""
    _rotation.run(event)

"""The sweep function: deletes attachments that no message holds. `functions.handlers.sweep.handler`, called by the clock."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from functions.runtime.loop import run
from functions.settings import Settings
from functions.wiring import Wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_sweep: Final = Wiring(Settings.from_environ()).sweep


def handler(_event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Sweeps once; says what was done. Whatever the event says, it is time."""
    return asdict(run(_sweep.run(seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)))

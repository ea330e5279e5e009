"""The chat function: the ChatKit protocol, streamed. `functions.handlers.chat.handler`, started by `functions/runtime`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from functions.runtime.loop import run
from functions.runtime.response import StreamingResponse
from functions.settings import Settings
from functions.wiring import Wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_endpoint: Final = Wiring(Settings.from_environ()).chat_endpoint


def handler(event: Mapping[str, Any], context: "LambdaContext") -> StreamingResponse:
    """Answers a Function URL event or an API Gateway proxy event."""
    return run(_endpoint.handle_event(event, seconds_left=context.get_remaining_time_in_millis() / 1000))

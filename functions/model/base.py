"""The port to a model that speaks the Responses API (https://platform.openai.com/docs/api-reference/responses)."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol, TypeAlias

ResponseEvent: TypeAlias = Mapping[str, Any]
"""A stream event as it is on the wire. Plain: typed events cost more CPU than everything else that a delta goes through."""


class Model(Protocol):
    """Streams responses."""

    def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
        """The events of one response, for the body of `POST /responses` (without `stream`).

        Raises `ModelError` where the model cannot be reached, refuses, or breaks off; retries before the first event only.
        An iterator that ends without a terminal event has been cut: who reads it must notice.
        """
        ...

"""What all wire types share."""

from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

T = TypeVar("T")


class WireModel(BaseModel):
    """A wire type: unknown fields are ignored, so that a newer client is understood."""

    model_config = ConfigDict(extra="ignore")


WIRE_CONTEXT: Final[dict[str, Any]] = {"exclude_metadata": True}
"""The serialisation context of everything that leaves for the client: without it an attachment keeps its `metadata`."""


def to_wire(model: BaseModel) -> bytes:
    """The JSON that a client is sent: nulls left out, no attachment metadata, UTF-8."""
    return model.model_dump_json(by_alias=True, exclude_none=True, context=WIRE_CONTEXT).encode()


def _aware(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a time needs a zone: use datetime.now(timezone.utc)")
    return value


Timestamp = Annotated[AwareDatetime, BeforeValidator(_aware)]
"""A time with its zone. The official server's times have none, and each client takes them for its own."""


class Page(WireModel, Generic[T]):
    """A stretch of a list. `after` is the id of its last object where there is more."""

    data: list[T] = Field(default_factory=list)  # pyright: ignore[reportUnknownVariableType] - T is open here
    has_more: bool = False
    after: str | None = None

"""Entities: things of the author's own world that users tag in a message, and that answers rest on."""

import re
from typing import Annotated, Final

from pydantic import Field

from functions.protocol.base import WireModel
from functions.protocol.icons import IconName
from functions.protocol.sources import EntitySource

ENTITY_ID_CHARACTERS: Final = 128
"""The longest id of an entity."""
ENTITY_ID: Final = r"^[A-Za-z0-9_][A-Za-z0-9_\-.~:@!$&'()*+,;=]*$"
"""What an id looks like. It is a part of its preview's address, so it holds what may stand there as it is (`pchar` of
https://www.rfc-editor.org/rfc/rfc3986#section-3.3): gateways decode the rest, or leave it; and it is neither `.` nor `..`,
which browsers resolve."""

EntityId = Annotated[str, Field(max_length=ENTITY_ID_CHARACTERS, pattern=ENTITY_ID)]

_ID: Final = re.compile(ENTITY_ID)


def is_entity_id(text: str) -> bool:
    """Whether an entity may have this id."""
    return len(text) <= ENTITY_ID_CHARACTERS and _ID.fullmatch(text) is not None


class Entity(WireModel):
    """A person, a document, an order: `Entity` of `@openai/chatkit` 1.9.0."""

    id: EntityId
    title: Annotated[str, Field(min_length=1)]
    """Its name, as tags and sources show it."""
    icon: IconName | None = None
    group: str | None = None
    """The heading that it stands under in the tag menu, in the user's language."""
    interactive: bool = False
    """True lets the user click on it and see its preview."""
    data: dict[str, str] = Field(default_factory=dict[str, str])
    """What the model is told of it where it is tagged. The page sees it, too."""

    def as_source(
        self, *, description: str | None = None, label: str | None = None, inline_label: str | None = None
    ) -> EntitySource:
        """The same as a source, for an annotation of an answer."""
        return EntitySource(
            id=self.id,
            title=self.title,
            icon=self.icon,
            group=self.group,
            interactive=self.interactive,
            data={**self.data},
            description=description,
            label=label,
            inline_label=inline_label,
        )

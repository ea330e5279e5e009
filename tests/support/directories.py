"""Directories of entities for tests."""

import asyncio
from collections.abc import Sequence
from typing import Any

from functions.engine.authoring import Widget
from functions.engine.entities import EntityDirectory
from functions.engine.results import RequestContext
from functions.protocol.entities import Entity

ADA = Entity(id="ada", title="Ada Lovelace", group="People", interactive=True, data={"role": "mathematician"})
DESK = Entity(id="desk:1", title="The desk")
SECRET = Entity(id="secret", title="For alice alone", data={"code": "7"})


class Shelf(EntityDirectory):
    """Three entities, one of them for alice alone; remembers what it was asked, and by whom."""

    def __init__(self, previews: Any = None) -> None:
        self.previews = previews
        self.asked: list[tuple[str, Any, RequestContext]] = []

    async def search(self, query: str, context: RequestContext) -> Sequence[Entity]:
        self.asked.append(("search", query, context))
        return [entity for entity in self._seen_by(context) if query.lower() in entity.title.lower()]

    async def look_up(self, entity_ids: Sequence[str], context: RequestContext) -> Sequence[Entity]:
        self.asked.append(("look_up", list(entity_ids), context))
        return [entity for entity in self._seen_by(context) if entity.id in entity_ids]

    async def preview(self, entity: Entity, context: RequestContext) -> Widget | None:
        self.asked.append(("preview", entity, context))
        return self.previews

    def _seen_by(self, context: RequestContext) -> Sequence[Entity]:
        return [ADA, DESK, SECRET] if context.user == "alice" else [ADA, DESK]


class Failing(EntityDirectory):
    """Raises in every call."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def search(self, query: str, context: RequestContext) -> Sequence[Entity]:
        raise self.error

    async def look_up(self, entity_ids: Sequence[str], context: RequestContext) -> Sequence[Entity]:
        raise self.error


class Silent(EntityDirectory):
    """Never answers."""

    async def search(self, query: str, context: RequestContext) -> Sequence[Entity]:
        await asyncio.Event().wait()
        raise AssertionError

    async def look_up(self, entity_ids: Sequence[str], context: RequestContext) -> Sequence[Entity]:
        await asyncio.Event().wait()
        raise AssertionError

"""What users may tag: the author's directory, and what is made sure of before anybody believes a tag.

A tag comes from the page with its `data`, and the page may write anything into it. So where there is a directory, its word
alone counts: before a message is stored, each tag is looked up, and has the title, group and data that the directory gives.
A tag that names nothing the user may see becomes the text that it shows, `@name`. Without a directory, tags stay as they
came, as with ChatKit's own server.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from functions.engine.authoring import Widget
from functions.engine.results import RequestContext
from functions.errors import InternalError, InvalidRequest, NotFound
from functions.protocol.entities import Entity, is_entity_id
from functions.protocol.messages import UserMessageContent, UserMessageTagContent, UserMessageTextContent
from functions.protocol.requests import StreamingReq, ThreadsAddUserMessageReq, ThreadsCreateReq
from functions.protocol.widget_limits import check_widget
from functions.translations import Text

QUERY_CHARACTERS: Final = 200
"""The longest text that is searched for."""
RESULTS: Final = 50
"""The most entities that one search gives: nobody scrolls through more."""
SECONDS: Final = 5.0
"""How long the directory may take for one call: a user waits."""


class EntityDirectory(ABC):
    """For authors: the people, documents, orders that users may tag. One instance serves all requests of a process.

    `context` says who asks (`user`, `tenant`) and in which languages (`locale`, `locales`): a directory gives each user only
    what they may see. What it raises is told to nobody but the operator, except for a `RequestError`, whose message the user
    sees. Each call has 5 s.
    """

    @abstractmethod
    async def search(self, query: str, context: RequestContext) -> Sequence[Entity]:
        """What the user may mean by `query`, the best first; 50 are shown.

        `query` is what stands behind the `@` so far, at most 200 characters; empty right behind it.
        """

    @abstractmethod
    async def look_up(self, entity_ids: Sequence[str], context: RequestContext) -> Sequence[Entity]:
        """The entities of these ids, in any order; left out is what does not exist, or not for this user.

        Asked for at most 100 different ids, those that a message tags, and before each preview. The ids come from the page.
        """

    async def preview(self, entity: Entity, context: RequestContext) -> Widget | None:
        """A `BasicRoot` (or its JSON) that tells more of what `look_up` gave; None where there is no more to tell."""
        del entity, context
        return None


async def search(directory: EntityDirectory | None, query: str, context: RequestContext) -> list[Entity]:
    """What the user may tag; nothing where there is no directory. Raises `InvalidRequest` for too long a query."""
    query = query.strip()
    if len(query) > QUERY_CHARACTERS:
        raise InvalidRequest("q", f"must have at most {QUERY_CHARACTERS} characters")
    if directory is None:
        return []
    async with asyncio.timeout(SECONDS):
        found = await directory.search(query, context)
    return list(found)[:RESULTS]


async def preview(
    directory: EntityDirectory | None, entity_id: str, context: RequestContext
) -> Mapping[str, Any] | None:
    """The JSON of an entity's preview; None where it has none.

    Raises `NotFound` where the user may see no such entity, and `InternalError` for a preview that no client could draw.
    """
    if directory is None:
        raise NotFound(Text.ITEM_NOT_FOUND)
    async with asyncio.timeout(SECONDS):
        entity = (await _known(directory, [entity_id], context)).get(entity_id)
        if entity is None:
            raise NotFound(Text.ITEM_NOT_FOUND)
        widget = await directory.preview(entity, context)
    return None if widget is None else _checked(widget)


async def vouched(request: StreamingReq, directory: EntityDirectory | None, context: RequestContext) -> StreamingReq:
    """The request with the directory's word for each entity that its message tags."""
    if directory is None or not isinstance(request, ThreadsCreateReq | ThreadsAddUserMessageReq):
        return request
    content = request.params.input.content
    ids = list(dict.fromkeys(part.id for part in content if isinstance(part, UserMessageTagContent)))
    if not ids:
        return request
    async with asyncio.timeout(SECONDS):
        known = await _known(directory, ids, context)
    given = request.params.input.model_copy(update={"content": [_vouched_part(part, known) for part in content]})
    return request.model_copy(update={"params": request.params.model_copy(update={"input": given})})


async def _known(directory: EntityDirectory, ids: Sequence[str], context: RequestContext) -> Mapping[str, Entity]:
    possible = [entity_id for entity_id in ids if is_entity_id(entity_id)]
    if not possible:
        return {}
    return {entity.id: entity for entity in await directory.look_up(possible, context)}


def _vouched_part(part: UserMessageContent, known: Mapping[str, Entity]) -> UserMessageContent:
    if not isinstance(part, UserMessageTagContent):
        return part
    entity = known.get(part.id)
    if entity is None:
        return UserMessageTextContent(text=f"@{part.text}")
    return UserMessageTagContent(
        id=entity.id,
        text=entity.title,
        group=entity.group,
        interactive=entity.interactive,
        data={**entity.data},
    )


def _checked(widget: Widget) -> Mapping[str, Any]:
    dumped = (
        widget.model_dump(mode="json", by_alias=True, exclude_none=True)
        if isinstance(widget, BaseModel)
        else dict(widget)
    )
    if dumped.get("type") != "Basic":
        raise InternalError(f"an entity's preview is a BasicRoot, not {dumped.get('type')!r:.80}")
    check_widget(dumped)
    return dumped

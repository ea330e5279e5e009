"""What users may tag with `@`: here some people and documents. Yours will ask a database or a search engine.

Whatever `look_up` gives, the model is told where it is tagged: give each user (`context.user`) only what they may see.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from functions.engine.authoring import Widget
from functions.engine.entities import EntityDirectory
from functions.engine.results import RequestContext
from functions.protocol.entities import Entity
from functions.translations import best_language

_GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"person": "People", "document": "Documents"},
    "de": {"person": "Personen", "document": "Dokumente"},
    "fr": {"person": "Personnes", "document": "Documents"},
}
"""The headings of the tag menu, by language."""


def _person(entity_id: str, name: str, role: str, known_for: str) -> Entity:
    data = {"kind": "person", "role": role, "known_for": known_for}
    return Entity(id=entity_id, title=name, icon="profile", interactive=True, data=data)


def _document(entity_id: str, title: str, author: str, summary: str) -> Entity:
    data = {"kind": "document", "author": author, "summary": summary}
    return Entity(id=entity_id, title=title, icon="document", interactive=True, data=data)


ENTITIES: Final[Mapping[str, Entity]] = {
    entity.id: entity
    for entity in (
        _person("ada", "Ada Lovelace", "Mathematician", "The first published program for a computer, in 1843"),
        _person("alan", "Alan Turing", "Mathematician", "The machine that says what can be computed at all, in 1936"),
        _person("grace", "Grace Hopper", "Rear admiral", "A compiler, in 1952, when nobody believed in one"),
        _person(
            "hedy", "Hedy Lamarr", "Actress and inventor", "A radio that hops from frequency to frequency, in 1941"
        ),
        _document(
            "notes", "Notes on the Analytical Engine", "Ada Lovelace", "How a machine of cogs would weave numbers"
        ),
        _document(
            "numbers", "On Computable Numbers", "Alan Turing", "What a machine can compute, and what none ever will"
        ),
        _document(
            "compiling", "The Education of a Computer", "Grace Hopper", "Let the computer write its own programs"
        ),
    )
}


class Directory(EntityDirectory):
    """Everybody may see everything in it."""

    async def search(self, query: str, context: RequestContext) -> Sequence[Entity]:
        """Those of whose title some words begin with the words of the query, in any order."""
        wanted = query.casefold().split()
        return [
            _shown(entity, context)
            for entity in ENTITIES.values()
            if all(any(word.startswith(part) for word in entity.title.casefold().split()) for part in wanted)
        ]

    async def look_up(self, entity_ids: Sequence[str], context: RequestContext) -> Sequence[Entity]:
        """Those that there are."""
        return [_shown(ENTITIES[entity_id], context) for entity_id in entity_ids if entity_id in ENTITIES]

    async def preview(self, entity: Entity, context: RequestContext) -> Widget | None:
        """A small card without a frame: ChatKit draws one around it."""
        from functions.assistant.demo_widgets import document_preview, person_preview

        return person_preview(entity) if entity.data["kind"] == "person" else document_preview(entity)


def _shown(entity: Entity, context: RequestContext) -> Entity:
    groups = _GROUPS.get(best_language(context.locales), _GROUPS["en"])
    return entity.model_copy(update={"group": groups[entity.data["kind"]]})

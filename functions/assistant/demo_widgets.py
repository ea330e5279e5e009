"""The demo's widgets. Imported when one is shown: the components' classes cost a cold start some 40 ms."""

from functions.protocol.entities import Entity
from functions.protocol.widgets import (
    ActionConfig,
    BasicRoot,
    Button,
    Caption,
    Card,
    Icon,
    Markdown,
    Row,
    Spacer,
    Text,
    Title,
)

NOTE = "This text grows **inside a widget**: only what is new is sent, not the widget again."


def counter(count: int, *, note: str = "Each button sends an action; its answer replaces this widget.") -> Card:
    """A card that counts. Its second button is answered without a stream."""
    return Card(
        children=[
            Row(children=[Title(value="A counter"), Spacer(), Text(value=str(count), weight="bold")]),
            Text(value=note, color="secondary"),
            Row(
                children=[
                    Button(
                        label="Add one",
                        style="primary",
                        onClickAction=ActionConfig(
                            type="counter.add", payload={"count": count}, loadingBehavior="self"
                        ),
                    ),
                    Button(
                        label="Back to 0",
                        onClickAction=ActionConfig(type="counter.reset", payload={"count": count}, streaming=False),
                    ),
                ]
            ),
        ]
    )


def growing(words: int) -> Card:
    """A card whose text has its first `words` words."""
    pieces = NOTE.split(" ")
    text = " ".join(pieces[:words])
    return Card(
        children=[
            Title(value="A widget that streams"),
            Markdown(id="note", value=text, streaming=words < len(pieces)),
        ]
    )


def growing_length() -> int:
    """How many words the growing card has in the end."""
    return len(NOTE.split(" "))


def person_preview(person: Entity) -> BasicRoot:
    """More of a person: what the tag's name leaves out."""
    return _preview(person, caption=person.data["role"], text=person.data["known_for"])


def document_preview(document: Entity) -> BasicRoot:
    """More of a document."""
    return _preview(document, caption=document.data["author"], text=document.data["summary"])


def _preview(entity: Entity, *, caption: str, text: str) -> BasicRoot:
    heading = Row(gap=2, children=[Icon(name=entity.icon or "cube"), Title(value=entity.title, size="sm")])
    return BasicRoot(padding=3, gap=1, children=[heading, Caption(value=caption), Text(value=text)])

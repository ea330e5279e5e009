"""The demo's widgets. Imported when one is shown: the components' classes cost a cold start some 40 ms."""

from functions.protocol.widgets import ActionConfig, Button, Card, Markdown, Row, Spacer, Text, Title

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

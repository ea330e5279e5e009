"""Widgets that hold each component at least once, with most of its properties."""

from typing import Any, Final

from tests.e2e.support.wire import Json

PIXEL: Final = "data:image/gif;base64,R0lGODlhAQABAIAAAP8AAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="


def part(kind: str, **properties: Any) -> Json:
    """A component."""
    return {"type": kind, **properties}


def action(name: str, **more: Any) -> Json:
    """An action as a widget declares it."""
    return {"type": name, "handler": "server", "loadingBehavior": "auto", "streaming": True, **more}


TEXTS: Final = part(
    "Card",
    size="lg",
    status={"text": "Fresh from the shelf", "icon": "book-open"},
    children=[
        part("Title", value="All the words", size="xl"),
        part("Caption", value="What a widget can say"),
        part("Text", value="Plain, italic and struck out", italic=True, lineThrough=True, color="tertiary"),
        part("Text", value="A very long line that is cut where it ends, " * 4, truncate=True, id="cut"),
        part("Markdown", value="**Bold** and [a link](https://example.com/)\n\n- one\n- two"),
        part("Divider", spacing=3, color="blue-500"),
        part(
            "Row",
            gap=2,
            wrap="wrap",
            children=[
                *(
                    part("Badge", label=color, color=color, variant=variant, pill=variant == "soft")
                    for color in ("secondary", "success", "danger", "warning", "info", "discovery")
                    for variant in ("soft", "solid", "outline")
                )
            ],
        ),
        part(
            "Box",
            direction="row",
            padding={"x": 4, "y": 2},
            border={"size": 1, "style": "dashed", "color": {"light": "#888888", "dark": "#bbbbbb"}},
            radius="lg",
            background="surface-secondary",
            children=[
                part("Icon", name="sparkle", size="xl", color="discovery"),
                part("Col", gap=0, flex=1, children=[part("Text", value="In a box", weight="semibold")]),
                part("Spacer", minSize=20),
                part("Image", src=PIXEL, alt="A red square", size=40, radius="full", frame=True),
            ],
        ),
        part("Transition", children=part("Text", value="Within a transition")),
        part("Image", src="https://blocked.example/x.png", alt="A picture from elsewhere"),
        part("Hologram", depth=3),
    ],
)  # fmt: skip

OPTIONS: Final = [{"value": "today", "label": "Today"}, {"value": "later", "label": "Later"}]
SIZES: Final = [{"value": "s", "label": "Small"}, {"value": "l", "label": "Large"}]

FORM: Final = part(
    "Card",
    children=[
        part(
            "Form",
            direction="col",
            onSubmitAction=action("todo.save", payload={"id": 7, "todo": {"state": "open"}}),
            children=[
                part("Label", value="What is to be done?", fieldName="todo.title"),
                part("Input", name="todo.title", required=True, placeholder="A title"),
                part("Textarea", name="todo.notes", defaultValue="As soon as possible", rows=2),
                part("Text", value="Alice", editable={"name": "who"}),
                part("Select", name="when", options=OPTIONS, placeholder="When?"),
                part("DatePicker", name="day", defaultValue="2026-01-02T00:00:00Z", min="2026-01-01T00:00:00Z"),
                part("RadioGroup", name="size", options=SIZES, direction="row", defaultValue="s"),
                part("Checkbox", name="urgent", label="It is urgent", defaultChecked=True),
                part("Input", name="id", defaultValue="not this one"),
                part(
                    "Row",
                    children=[
                        part("Button", label="Save", submit=True, style="primary", iconStart="check"),
                        part("Button", label="Preview", variant="soft", color="info", onClickAction=action("todo.preview")),
                        part("Button", label="Help", variant="ghost", onClickAction=action("help.open", handler="client")),
                    ],
                ),
            ],
        )
    ],
)  # fmt: skip

CARD_FORM: Final = part(
    "Card",
    asForm=True,
    children=[part("Title", value="Ready to send?"), part("Input", name="subject", defaultValue="Hello")],
    confirm={"label": "Send it", "action": action("mail.send", payload={"draft": 1})},
    cancel={"label": "Discard", "action": action("mail.discard", streaming=False)},
)

LIST: Final = part(
    "ListView",
    limit=2,
    children=[
        part(
            "ListViewItem",
            onClickAction=action("list.open", payload={"number": number}),
            children=[part("Icon", name="document"), part("Text", value=f"Row {number}")],
        )
        for number in (1, 2, 3)
    ],
)

CHART: Final = part(
    "Card",
    children=[
        part(
            "Chart",
            xAxis={"dataKey": "month", "labels": {"jan": "January"}},
            data=[{"month": "jan", "tea": 12, "coffee": 30}, {"month": "feb", "tea": 24, "coffee": 6.5}],
            series=[{"type": "bar", "dataKey": "tea", "label": "Tea"}, {"type": "line", "dataKey": "coffee"}],
        )
    ],
)

BASIC: Final = part(
    "Basic",
    direction="row",
    theme="dark",
    gap=3,
    children=[part("Title", value="Bare"), part("Text", value="no frame")],
)

"""The components of widgets, named as the official ones are (`openai-chatkit` 1.6.5, `chatkit/widgets.py`).

    Card(children=[Title(value="Done"), Button(label="Undo", onClickAction=ActionConfig(type="undo"))])

Nothing of the backend imports this package: it is paid for by the assistant that builds widgets from it. A widget given
as plain JSON needs none of it. A property that does not exist raises pydantic's ValidationError with its path, where the
official classes pass over it.
"""

from functions.protocol.actions import ActionConfig
from functions.protocol.widgets.base import (
    Border,
    Borders,
    Component,
    Spacing,
    ThemeColor,
    WidgetComponent,
    WidgetIcon,
    component_classes,
)
from functions.protocol.widgets.chart import AreaSeries, BarSeries, Chart, LineSeries, Series, XAxisConfig
from functions.protocol.widgets.content import Badge, Caption, EditableProps, Icon, Image, Markdown, Text, Title
from functions.protocol.widgets.controls import (
    Button,
    Checkbox,
    DatePicker,
    Input,
    Label,
    RadioGroup,
    RadioOption,
    Select,
    SelectOption,
    Textarea,
)
from functions.protocol.widgets.layout import Box, Col, Divider, Form, ListViewItem, Row, Spacer, Transition
from functions.protocol.widgets.roots import (
    BasicRoot,
    Card,
    CardAction,
    DynamicWidgetComponent,
    DynamicWidgetRoot,
    ListView,
    WidgetRoot,
    WidgetStatus,
    WidgetStatusWithFavicon,
    WidgetStatusWithIcon,
    parse_widget,
)
from functions.protocol.widgets.template import WidgetTemplate

__all__ = [
    "ActionConfig",
    "AreaSeries",
    "Badge",
    "BarSeries",
    "BasicRoot",
    "Border",
    "Borders",
    "Box",
    "Button",
    "Caption",
    "Card",
    "CardAction",
    "Chart",
    "Checkbox",
    "Col",
    "Component",
    "DatePicker",
    "Divider",
    "DynamicWidgetComponent",
    "DynamicWidgetRoot",
    "EditableProps",
    "Form",
    "Icon",
    "Image",
    "Input",
    "Label",
    "LineSeries",
    "ListView",
    "ListViewItem",
    "Markdown",
    "RadioGroup",
    "RadioOption",
    "Row",
    "Select",
    "SelectOption",
    "Series",
    "Spacer",
    "Spacing",
    "Text",
    "Textarea",
    "ThemeColor",
    "Title",
    "Transition",
    "WidgetComponent",
    "WidgetIcon",
    "WidgetRoot",
    "WidgetStatus",
    "WidgetStatusWithFavicon",
    "WidgetStatusWithIcon",
    "WidgetTemplate",
    "XAxisConfig",
    "component_classes",
    "parse_widget",
]

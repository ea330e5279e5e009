"""Widgets from the `.widget` files that OpenAI's Widget Builder exports."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from functions.errors import InternalError
from functions.protocol.widgets.roots import DynamicWidgetRoot

if TYPE_CHECKING:
    import jinja2


class WidgetTemplate:
    """A widget with places for data.

    The file's `template` is Jinja that renders to the widget's JSON. Jinja is not among this package's dependencies: an
    assistant that uses templates adds `jinja2` to its own.
    """

    def __init__(self, definition: Mapping[str, Any]) -> None:
        """`definition` is a `.widget` file's content.

        Raises InternalError where `jinja2` is not installed, or the definition is of a version other than 1.0.
        """
        if definition.get("version") != "1.0":
            raise InternalError(f"a .widget file is of version 1.0, not {definition.get('version')!r:.80}")
        self.name: str = definition["name"]
        self.data_schema: Mapping[str, Any] = definition.get("jsonSchema", {})
        self._template = _compile(definition["template"])

    @classmethod
    def from_file(cls, path: str | Path) -> "WidgetTemplate":
        """Reads a `.widget` file. A relative path counts from the working directory, unlike the official server's.

        Raises OSError, ValueError where the file is not JSON, and what the constructor raises.
        """
        return cls(json.loads(Path(path).read_text(encoding="utf-8")))

    def build(self, data: Mapping[str, Any] | BaseModel | None = None) -> DynamicWidgetRoot:
        """The widget with `data` in its places. Its components' properties are not checked: the builder did that.

        Raises InternalError where the template needs something that `data` lacks, or renders to no widget.
        """
        import jinja2

        values = data.model_dump() if isinstance(data, BaseModel) else data or {}
        try:
            return DynamicWidgetRoot.model_validate_json(self._template.render(values))
        except (jinja2.TemplateError, TypeError, ValidationError) as error:
            raise InternalError(f"the template {self.name!r} cannot be built: {error}") from error


def _compile(source: str) -> "jinja2.Template":
    try:
        import jinja2
    except ImportError as error:
        raise InternalError("a .widget template needs the package jinja2: add it to your dependencies") from error
    # The template writes JSON by its own `tojson`, not HTML.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    environment.policies["json.dumps_function"] = _dumps
    try:
        return environment.from_string(source)
    except jinja2.TemplateError as error:
        raise InternalError(f"the template cannot be read: {error}") from error


def _dumps(value: Any, **options: Any) -> str:
    return json.dumps(value, default=_refuse, **options)


def _refuse(value: Any) -> None:
    """Raises for what is not JSON; a name that the data lacks raises Jinja's own error on its way into the text."""
    raise TypeError(f"a {type(value).__name__} is not JSON: {value}")

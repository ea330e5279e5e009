"""How a widget changes while it streams: the updates from one state to the next, and their inverse. Pure.

The rules:

1. A component is followed from state to state by its position. It is the same one while its `type`, `id` and `key` are.
2. Text that is appended to the `value` of a `Text` or `Markdown`, and nothing else of it, is a
   `widget.streaming_text.value_delta`; `done` says that the component is not marked as `streaming`.
3. Any other change replaces the smallest component around it that can be named, by a `widget.component.updated`; where
   there is none, the root, by a `widget.root.updated`.
4. A component can be named where it has an `id` that no other component of either state has, and is reached from the root
   through lists of children. The official server never names the single child of a `Transition`, so that no client is
   known to find one.

The official `diff_widget` (`chatkit/server.py`) yields the same deltas, but for what serves users better:

- it replaces the root where rule 3 replaces a component;
- it loses text that is appended to a component without an id, to the child of a `Transition`, or to the first of two
  components with one id: here the next component that can be named is replaced;
- it raises where a component with an id comes or goes under such a child.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from operator import is_
from typing import Any, Final, TypeAlias, TypeGuard

from functions.errors import InternalError
from functions.protocol.updates import WidgetComponentUpdated, WidgetRootUpdated, WidgetStreamingTextValueDelta

WidgetUpdate: TypeAlias = WidgetStreamingTextValueDelta | WidgetComponentUpdated | WidgetRootUpdated
Json: TypeAlias = dict[str, Any]

_STREAMING_TEXT: Final = frozenset({"Markdown", "Text"})
_IDENTITY: Final = ("type", "id", "key")


def widget_deltas(before: Json, after: Json) -> list[WidgetUpdate]:
    """The updates that turn `before` into `after`, which are a widget's JSON, in the order of the widget; none if equal."""
    updates = _Differ(names=_unique_ids(before) & _unique_ids(after)).changes(before, after, nameable=False)
    return [WidgetRootUpdated(widget=after)] if updates is None else updates


def apply_widget_update(widget: Json, update: WidgetUpdate) -> Json:
    """`widget` as it is after `update`. What does not change is shared with the given one, which stays as it is.

    Raises InternalError where the update names a component that the widget does not have, has more than once, or that
    holds no text to append to: only an assistant that writes its updates by hand can cause that.
    """
    match update:
        case WidgetRootUpdated():
            return update.widget
        case WidgetComponentUpdated():
            return _with_component(widget, update.component_id, lambda _: update.component)
        case WidgetStreamingTextValueDelta():
            return _with_component(widget, update.component_id, lambda text: _appended(text, update.delta))


class _Differ:
    """Compares components that stand at the same place of two states; `names` are the ids that name one component."""

    def __init__(self, *, names: set[str]) -> None:
        self._names = names

    def changes(self, before: Json, after: Json, *, nameable: bool) -> list[WidgetUpdate] | None:
        """The updates for one component and what it holds, or None where only something around it can be replaced.

        `nameable` is false for the root.
        """
        if before == after:
            return []
        if any(before.get(name) != after.get(name) for name in _IDENTITY):
            return None
        name = self._name(after) if nameable else None
        if name is not None and (delta := _text_delta(before, after, name)):
            return [delta]
        updates = self._inner_changes(before, after)
        if updates is None and name is not None:
            return [WidgetComponentUpdated(component_id=name, component=after)]
        return updates

    def _inner_changes(self, before: Json, after: Json) -> list[WidgetUpdate] | None:
        """The updates for the children alone, or None where more has changed than what they can carry."""
        if _without(before, "children") != _without(after, "children"):
            return None
        old, new = before.get("children"), after.get("children")
        if not _is_list(old) or not _is_list(new) or len(old) != len(new):
            return None
        updates: list[WidgetUpdate] = []
        for child_before, child_after in zip(old, new, strict=True):
            if not _is_object(child_before) or not _is_object(child_after):
                return None
            changed = self.changes(child_before, child_after, nameable=True)
            if changed is None:
                return None
            updates += changed
        return updates

    def _name(self, component: Json) -> str | None:
        name = component.get("id")
        return name if isinstance(name, str) and name in self._names else None


def _text_delta(before: Json, after: Json, name: str) -> WidgetStreamingTextValueDelta | None:
    """The text that was appended, if nothing else of the component has changed."""
    old, new = before.get("value"), after.get("value")
    if after.get("type") not in _STREAMING_TEXT or not isinstance(old, str) or not isinstance(new, str):
        return None
    if old == new or not new.startswith(old) or _without(before, "value") != _without(after, "value"):
        return None
    return WidgetStreamingTextValueDelta(component_id=name, delta=new[len(old) :], done=not after.get("streaming"))


def _without(component: Json, name: str) -> Json:
    return {key: value for key, value in component.items() if key != name}


def _unique_ids(widget: Json) -> set[str]:
    counts = Counter(name for component in _components(widget) if isinstance(name := component.get("id"), str) and name)
    return {name for name, count in counts.items() if count == 1}


def _components(widget: Json) -> Iterator[Json]:
    pending = [widget]
    while pending:
        component = pending.pop()
        yield component
        if "children" in component:
            pending += _children(component)


def _children(component: Json) -> list[Json]:
    children = component.get("children")
    return [child for child in (children if _is_list(children) else [children]) if _is_object(child)]


def _with_component(widget: Json, name: str, change: Callable[[Json], Json]) -> Json:
    found = sum(component.get("id") == name for component in _components(widget))
    if found != 1:
        raise InternalError(f"a widget's update names the component {name!r:.80}, of which the widget has {found}")
    return _replaced(widget, name, change)


def _replaced(component: Json, name: str, change: Callable[[Json], Json]) -> Json:
    if component.get("id") == name:
        return change(component)
    children = component.get("children")
    if _is_object(children):
        inner = _replaced(children, name, change)
        return component if inner is children else {**component, "children": inner}
    if _is_list(children):
        new = [_replaced(child, name, change) if _is_object(child) else child for child in children]
        return component if all(map(is_, new, children)) else {**component, "children": new}
    return component


def _appended(component: Json, text: str) -> Json:
    value = component.get("value")
    if component.get("type") not in _STREAMING_TEXT or not isinstance(value, str):
        raise InternalError(f"text is appended to a Text or Markdown, not to a {component.get('type')!r:.80}")
    return {**component, "value": value + text}


def _is_object(value: Any) -> TypeGuard[Json]:
    return isinstance(value, dict)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)

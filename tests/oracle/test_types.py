"""The wire types against the official package's."""

import importlib
import inspect
import json
import pkgutil
import types
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AnyUrl, AwareDatetime, BaseModel, StringConstraints, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from functions import protocol
from functions.protocol.base import WIRE_CONTEXT, to_wire
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import ThreadItem
from functions.protocol.requests import ChatKitReq

with warnings.catch_warnings():
    # The official package marks its widgets as deprecated in favour of templates, and warns of them when it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from chatkit import actions as official_actions
    from chatkit import types as official
    from chatkit.widgets import Card, Text

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    # The official `Action` has a type variable for a default.
    "ignore::pydantic.json_schema.PydanticJsonSchemaWarning",
)

Class: TypeAlias = type[BaseModel]

ABSENT = {
    "AudioInput": "what the official server hands to its author, not a wire type",
}
"""Official types that have no namesake here, and why."""

ADDED = {
    "WireModel": "the base class",
    "Entity": "what ChatKit.js takes from the page, of which the official server knows nothing",
    "AttachmentsGetPreviewReq": "the client sends it; the official server does not know it",
    "AttachmentGetPreviewParams": "its parameters",
    "ThreadsStopReq": "ours: on Lambda nobody tells the function that the page stopped reading",
    "ThreadStopParams": "its parameters",
}
"""Types that are here alone, and why."""

_ID = "an id has an end, and is not empty"
_TAG = "a request is told by its `type`, which the official union demands as well"
_END = "every list that a client sends has an end"
_WIDGET = "a widget is plain JSON on the hot path; its components are held against the official ones by their own tests"
_ZONE = "a time has its zone"

DIFFERENCES = {
    "ActionConfig: other fields": "what an author misspells is refused, not passed over",
    "ImageAttachment.preview_url: type": "the client also takes `lazy`, which the official type lacks",
    "ErrorEvent.code: type": "an enumeration of one word there, that word here",
    **{
        f"{name}.type: may not be left out": _TAG
        for name in vars(official)
        if name.endswith("Req") and name not in {"BaseReq", "ChatKitReq", "StreamingReq", "NonStreamingReq"}
    },
    **{
        f"{name}: type": _ID
        for name in (
            "AttachmentDeleteParams.attachment_id",
            "ItemFeedbackParams.thread_id",
            "ItemsListParams.thread_id",
            "ItemsListParams.after",
            "ThreadAddClientToolOutputParams.thread_id",
            "ThreadAddStructuredInputParams.item_id",
            "ThreadAddStructuredInputParams.thread_id",
            "ThreadAddUserMessageParams.thread_id",
            "ThreadCustomActionParams.item_id",
            "ThreadCustomActionParams.thread_id",
            "ThreadDeleteParams.thread_id",
            "ThreadGetByIdParams.thread_id",
            "ThreadListParams.after",
            "ThreadRetryAfterItemParams.item_id",
            "ThreadRetryAfterItemParams.thread_id",
            "ThreadUpdateParams.thread_id",
        )
    },
    "ItemFeedbackParams.item_ids: type": _END,
    "StructuredInputAnswerSubmission.values: type": _END,
    "UserMessageInput.attachments: type": _END,
    "UserMessageInput.content: type": _END,
    **{
        f"{name}: type": "a name has an end"
        for name in (
            "Action.type",
            "AttachmentCreateParams.mime_type",
            "AttachmentCreateParams.name",
            "InputTranscribeParams.mime_type",
        )
    },
    "AttachmentCreateParams.size: type": "no file has less than no bytes",
    "ItemsListParams.limit: type": "no page has less than no objects",
    "ThreadListParams.limit: type": "no page has less than no objects",
    "WidgetItem.widget: type": _WIDGET,
    "WidgetRootUpdated.widget: type": _WIDGET,
    "WidgetComponentUpdated.component: type": _WIDGET,
}
"""Where our types are others than the official ones, and why."""

UNSEEN = {"StructuredInputSubmission.answers": "its limit is checked before it is read, and is in no schema"}
"""Those of `functions.protocol.limits` that are checked once a value is read are in no schema either: see `test_parsing`."""


# --- which classes there are ---


def classes_of(module: types.ModuleType) -> dict[str, Class]:
    """The models that a module itself defines, by name."""
    return {
        cls.__name__: cls
        for cls in vars(module).values()
        if inspect.isclass(cls) and issubclass(cls, BaseModel) and cls.__module__ == module.__name__
    }


def protocol_modules() -> Iterator[types.ModuleType]:
    for module in pkgutil.iter_modules(protocol.__path__, f"{protocol.__name__}."):
        if not module.ispkg:
            yield importlib.import_module(module.name)


THEIRS = {**classes_of(official), **classes_of(official_actions), "Action": official_actions.Action[str, Any]}
OURS = {name: cls for module in protocol_modules() for name, cls in classes_of(module).items()}
NAMES = sorted(set(THEIRS) & set(OURS))
for cls in THEIRS.values():
    # The official classes name one another before they are there. By their own names: this module's are ours.
    cls.model_rebuild(_types_namespace=vars(official))


def test_every_official_type_is_here() -> None:
    """No official type is missing but those that are listed, and none is ours alone but those that are."""
    assert set(THEIRS) - set(OURS) == set(ABSENT)
    assert set(OURS) - set(THEIRS) == set(ADDED)


# --- their fields ---


def fields_of(cls: Class) -> dict[str, Any]:
    """What each field takes, as a JSON schema without prose and defaults; other classes are their names."""
    schema = cls.model_json_schema(mode="validation")
    if "$ref" in schema:
        schema = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    return {name: plain(value) for name, value in schema.get("properties", {}).items()}


def plain(schema: Any) -> Any:
    if isinstance(schema, list):
        return sorted((plain(part) for part in schema), key=lambda part: json.dumps(part, sort_keys=True))
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return next((generic for generic in ("Page", "Action_") if name.startswith(generic)), name).rstrip("_")
    noise = {"title", "description", "default", "deprecated", "discriminator", "additionalProperties"}
    # A union by tag and one by shape take the same; how each is read is seen below.
    return {"anyOf" if name == "oneOf" else name: plain(value) for name, value in schema.items() if name not in noise}


def default_of(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True)
    return value.model_dump() if isinstance(value, BaseModel) else value


def is_required(field: FieldInfo) -> bool:
    # The official `Action` has a type variable for a default, which stands for none.
    return field.is_required() or isinstance(field.default, TypeVar)


def differences(name: str) -> set[str]:
    theirs, mine = THEIRS[name], OURS[name]
    found = {f"{name}.{field}: ours alone" for field in mine.model_fields.keys() - theirs.model_fields.keys()}
    found |= {f"{name}.{field}: missing" for field in theirs.model_fields.keys() - mine.model_fields.keys()}
    if (theirs.model_config.get("extra") or "ignore") != (mine.model_config.get("extra") or "ignore"):
        found.add(f"{name}: other fields")
    their_fields, my_fields = fields_of(theirs), fields_of(mine)
    for field in mine.model_fields.keys() & theirs.model_fields.keys():
        their_info, my_info = theirs.model_fields[field], mine.model_fields[field]
        if is_required(my_info) and not is_required(their_info):
            found.add(f"{name}.{field}: may not be left out")
        elif is_required(their_info) and not is_required(my_info):
            found.add(f"{name}.{field}: may be left out")
        elif not is_required(my_info) and default_of(their_info) != default_of(my_info):
            found.add(f"{name}.{field}: default")
        if (my_info.alias, my_info.serialization_alias) != (their_info.alias, their_info.serialization_alias):
            found.add(f"{name}.{field}: alias")
        if their_fields[field] != my_fields[field]:
            found.add(f"{name}.{field}: type")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_fields_are_the_official_ones(name: str) -> None:
    """Names, types, defaults and what may be left out are the official class's, but for what is listed with its reason."""
    intended = {each for each in DIFFERENCES if each.partition(":")[0].partition(".")[0] == name}
    assert differences(name) == intended


def test_no_difference_is_listed_of_a_class_that_is_not_there() -> None:
    """The list names classes that both have."""
    assert {each.partition(":")[0].partition(".")[0] for each in DIFFERENCES} <= set(NAMES)


@pytest.mark.parametrize(
    "union", ["ThreadItem", "ThreadStreamEvent", "ThreadItemUpdate", "ChatKitReq", "Task", "Source"]
)
def test_the_unions_are_the_official_ones(union: str) -> None:
    """Each union has the official one's members, and what is listed as ours alone."""
    mine = next(vars(module)[union] for module in protocol_modules() if union in vars(module))
    theirs = getattr(official, union)
    assert {cls.__name__ for cls in members(mine)} - set(ADDED) == {cls.__name__ for cls in members(theirs)}


def members(union: Any) -> tuple[Any, ...]:
    if get_origin(union) is Annotated:
        return members(get_args(union)[0])
    if get_origin(union) in {Union, types.UnionType}:
        return tuple(each for part in get_args(union) for each in members(part))
    return (union,)


# --- their values ---

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001 - `timezones` adds it
URLS = st.sampled_from(
    [
        "https://example.com",
        "https://EXAMPLE.com:443/a b/../c?q=a b&q=%C3%BC#ü",
        "http://bücher.example/ü?ü=ü",
        "http://user:pa%40ss@127.0.0.1:9000/bucket/key?X-Amz-Signature=a%2Fb%3D&x-id=PutObject",
        "https://[2001:db8::1]:8443/",
        "data:image/png;base64,iVBORw0KGgo=",
        "s3://bucket/key",
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
FREE = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.text(max_size=5), SCALARS, max_size=2))
TEXTS = st.text(max_size=10).map(lambda value: Text(value=value))
CARDS = st.lists(TEXTS, max_size=3).map(lambda children: Card(children=[*children], size="sm"))


@cache
def instances(cls: Class) -> st.SearchStrategy[BaseModel]:
    """Instances of a class, official or ours, built from its fields. What has a default is sometimes left out."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in cls.model_fields.items():
        value = values(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation, cls)
        if is_required(field):
            # Nulls are left out of the JSON, so that one that must be there could not be read again: theirs as ours.
            required[name] = value.filter(lambda value: value is not None)
        else:
            optional[name] = value
    return st.fixed_dictionaries(required, optional=optional).map(lambda given: cls(**given))


def values(annotation: Any, cls: Class) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if "widgets" in str(annotation):
        return TEXTS if cls is official.WidgetComponentUpdated else CARDS
    if "_as_json" in str(annotation):
        widgets = TEXTS if cls.__name__ == "WidgetComponentUpdated" else CARDS
        return widgets.map(lambda widget: widget.model_dump(mode="json", exclude_none=True))
    if origin is Annotated:
        prefix = next((each.pattern for each in arguments[1:] if isinstance(each, StringConstraints)), None)
        return st.text(max_size=5).map(str(prefix)[1:].__add__) if prefix else values(arguments[0], cls)
    if origin in {Union, types.UnionType}:
        return st.one_of(*(values(part, cls) for part in arguments if part != Literal["lazy"]))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(values(arguments[0], cls), max_size=3)
    if origin is dict:
        return st.dictionaries(st.text(max_size=5), values(arguments[1], cls), max_size=3)
    return leaf(annotation, cls)


def leaf(annotation: Any, cls: Class) -> st.SearchStrategy[Any]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return instances(annotation)
    if inspect.isclass(annotation) and issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    # The limits on what a client sends are ours: see the differences.
    is_sent = cls.__name__.endswith("Params")
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(min_size=is_sent, max_size=10),
        int: st.integers(min_value=0 if is_sent else None),
        float: st.floats(allow_nan=False, allow_infinity=False),
        bool: st.booleans(),
        type(None): st.none(),
        datetime: TIMES,
        AwareDatetime: TIMES,
        AnyUrl: URLS.map(AnyUrl),
    }
    return simple.get(annotation, FREE)


def official_wire(model: BaseModel) -> str:
    """The JSON that the official server sends (`chatkit/server.py`)."""
    return model.model_dump_json(by_alias=True, exclude_none=True, context=WIRE_CONTEXT)


WRITTEN = [name for name in NAMES if name != "ActionConfig"]
"""An action's declaration is a part of a widget, and is written as one: see `test_widgets`."""

enough = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("name", WRITTEN)
@enough
@given(data=st.data())
def test_official_json_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    """What the official class writes ours reads, and writes again as the same JSON."""
    sent = official_wire(data.draw(instances(THEIRS[name])))
    assert json.loads(to_wire(OURS[name].model_validate_json(sent))) == json.loads(sent)


@pytest.mark.parametrize("name", WRITTEN)
@enough
@given(data=st.data())
def test_our_json_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    """What our class writes the official one reads, and writes again as the same JSON."""
    sent = to_wire(data.draw(instances(OURS[name])))
    assert json.loads(official_wire(THEIRS[name].model_validate_json(sent))) == json.loads(sent)


@pytest.mark.parametrize("union", [ThreadStreamEvent, ThreadItem, ChatKitReq], ids=["events", "items", "requests"])
@settings(enough, max_examples=60)
@given(data=st.data())
def test_each_member_is_read_as_itself(union: Any, data: st.DataObject) -> None:
    """JSON of any event, item or request is read as the official union reads it."""
    shared = [member for member in members(union) if member.__name__ not in ADDED]
    sent = to_wire(data.draw(st.sampled_from(shared).flatmap(instances)))
    name = {ThreadStreamEvent: "ThreadStreamEvent", ThreadItem: "ThreadItem"}.get(union, "ChatKitReq")
    theirs = TypeAdapter[Any](getattr(official, name)).validate_json(sent)
    mine = TypeAdapter[Any](union).validate_json(sent)
    assert type(mine).__name__ == type(theirs).__name__
    assert json.loads(to_wire(mine)) == json.loads(official_wire(theirs)) == json.loads(sent)


# --- where they differ on purpose ---


def test_a_lazy_preview_is_kept() -> None:
    """`lazy` asks the client to fetch the preview, and is no URL."""
    image = {"id": "a", "name": "a.png", "mime_type": "image/png", "type": "image", "preview_url": "lazy"}
    read = OURS["ImageAttachment"].model_validate(image)
    assert json.loads(to_wire(read)) == image
    with pytest.raises(ValidationError):
        THEIRS["ImageAttachment"].model_validate(image)


@pytest.mark.parametrize("time", [datetime(2026, 1, 1), "2026-01-01T00:00:00", "2026-01-01 00:00:00.5"])  # noqa: DTZ001
def test_a_time_without_a_zone_is_refused(time: datetime | str) -> None:
    """The official types take one, and each client takes it for its own."""
    item = {"id": "a", "thread_id": "t", "created_at": time}
    THEIRS["EndOfTurnItem"].model_validate(item)
    with pytest.raises(ValidationError, match="created_at"):
        OURS["EndOfTurnItem"].model_validate(item)


def test_what_is_in_no_schema_is_listed() -> None:
    """The one limit that the comparison above cannot see is there."""
    (place,) = UNSEEN
    name, _, field = place.partition(".")
    too_many = {field: {str(number): {} for number in range(1_001)}}
    THEIRS[name].model_validate(too_many)
    with pytest.raises(ValidationError, match=field):
        OURS[name].model_validate(too_many)

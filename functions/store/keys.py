"""The key design of the one table: which row lies where, and which stretch of keys a page is read from.

| row | partition | sort |
| --- | --- | --- |
| thread | `U#` user | `T#` position `#` prefix of the thread's id |
| item | `T#` thread id `#` user | `I#` position `#` prefix of the item's id |
| feedback | `T#` thread id `#` user | `F#` position `#` prefix of the item's id |
| running turn | `T#` thread id `#` user | `TURN` |
| request | `U#` user | `R#` request key |
| attachment | `A#` digest of the user | `A#` position `#` prefix of the attachment's id |
| attachment in use | `T#` thread id `#` user | the same |
| uploads of a day | `D#` date `#` shard | `A#` digest of the user `#` attachment id |
| session that was begun | `S#` user | `B#` the session's id |
| session that was ended | `S#` user | `S#` the session's id |
| hosted session | `H#` digest of its client secret | `HOSTED` |
| use of a user | `U#` user | `Q#USE`, and `Q#KEPT` |
| use of a tenant | `C#` tenant | the same |
| use of an address | `N#` digest of the address | `Q#USE` |
| thread that was counted | `T#` thread id `#` user | `COUNTED` |
| thread whose owner is being erased | `U#` user | `E#` thread id |

Who is told of an upload by S3 knows the object's name alone, in which the user is a digest (`functions.ids`): so an
attachment's key holds the digest too. The uploads of a day are what the sweep goes through.

Whatever lies in the partition of a thread's items goes with the thread. The user is part of every key, so
another user's id is simply not found. A thread id has a fixed form without `#` and stands before the user, and the user
stands last: so no two users share a key, whatever characters they hold.

The position is the part of an id that sorts by time (`functions.ids`); as it comes before the prefix, messages, tasks
and widgets lie in one order. Pure: no I/O.
"""

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from functions import ids
from functions.errors import InvalidRequest, NotFound
from functions.limits import Holder, HolderKind
from functions.store.base import MAX_REQUEST_KEY, Order
from functions.translations import Text

USER_CHARACTERS: Final = 385
"""The longest owner of something: a user's 256 characters and a tenant's 128, and what stands between them
(`functions.identity.base`). Four UTF-8 bytes each and a thread id stay below DynamoDB's 2,048 bytes for a partition key."""

ListKind: TypeAlias = Literal["T", "I", "F", "A"]
THREADS: Final = "T"
ITEMS: Final = "I"
FEEDBACK: Final = "F"
ATTACHMENTS: Final = "A"
TURN: Final = "TURN"
"""The whole sort key: a thread has one turn at most."""
REQUEST: Final = "R"
COUNTED: Final = "COUNTED"
"""The whole sort key of what says that a thread is counted among its user's."""
SESSION: Final = "S"
BEGUN: Final = "B"
ERASING: Final = "E"
HOSTED: Final = "HOSTED"
"""The whole sort key: a client secret has one session."""
UPLOAD_SHARDS: Final = 4
"""Into how many partitions a day's uploads are spread: each takes 1,000 writes a second."""

SESSIONS_PREFIX: Final = "S#"
"""What the partitions of ended sessions begin with, and no others."""

HOSTED_PREFIX: Final = "H#"
"""The same of hosted sessions."""

ATTACHMENTS_PREFIX: Final = "A#"
"""The same of attachments."""

UPLOADS_PREFIX: Final = "D#"
"""The same of the lists of uploads."""

_USER: Final = "U#"
_HOLDERS: Final[Mapping[HolderKind, str]] = MappingProxyType({"user": _USER, "tenant": "C#", "address": "N#"})
HOLDERS_PREFIXES: Final = tuple(_HOLDERS.values())
"""What the partitions begin with in which is counted, a user's threads among them."""
_USE: Final = "Q#USE"
_KEPT: Final = "Q#KEPT"
_BEHIND_TENANT: Final = "\x1f"
"""What an owner with a tenant has between the two (`functions.identity.base.owner`)."""
_SESSION_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
# An id's prefix is of the letters a-z: `!` sorts before each of them, `~` behind.
_BEFORE_LETTERS: Final = "!"
_BEHIND_LETTERS: Final = "~"


class Key(NamedTuple):
    """Where a row lies."""

    partition: str
    sort: str


class Span(NamedTuple):
    """A stretch of sort keys, both ends included."""

    low: str
    high: str


EVERYTHING: Final = Span(_BEFORE_LETTERS, _BEHIND_LETTERS)
"""All rows of a partition: every sort key begins with a letter."""


def threads_partition(user: str) -> str:
    """Where a user's threads lie. Raises `InvalidRequest` for a user id that is empty, too long or no Unicode text."""
    return f"{_USER}{_checked(user)}"


def items_partition(user: str, thread_id: str) -> str | None:
    """Where a thread's items lie; None where the thread's id is none of ours. Raises as `threads_partition`."""
    checked = _checked(user)
    return f"T#{thread_id}#{checked}" if ids.position(thread_id) else None


def thread(user: str, thread_id: str) -> Key:
    """A thread's key. Raises `NotFound` for an id that is none of ours."""
    partition, sort = threads_partition(user), sort_key(THREADS, thread_id)
    if sort is None:
        raise thread_not_found()
    return Key(partition, sort)


def thread_of(where: Key) -> tuple[str, str] | None:
    """Whose thread has this key, and its id; None where it is no thread's key."""
    user = where.partition.removeprefix(_USER)
    _, _, rest = where.sort.partition("#")
    position, _, prefix = rest.partition("#")
    thread_id = f"{prefix}_{position}"
    try:
        return (user, thread_id) if where == thread(user, thread_id) else None
    except (InvalidRequest, NotFound):
        return None


def left_by(partition: str) -> tuple[str, str] | None:
    """Whose thread's items lie in this partition, and its id; None where it is no partition of items."""
    _, _, rest = partition.partition("#")
    thread_id, _, user = rest.partition("#")
    try:
        return (user, thread_id) if partition == items_partition(user, thread_id) else None
    except InvalidRequest:
        return None


def item(user: str, thread_id: str, item_id: str) -> Key:
    """An item's key. Raises `NotFound` for an id that is none of ours."""
    partition, sort = items_partition(user, thread_id), sort_key(ITEMS, item_id)
    if partition is None or sort is None:
        raise item_not_found()
    return Key(partition, sort)


def turn(user: str, thread_id: str) -> Key:
    """The key of a thread's running turn. Raises `NotFound` for a thread id that is none of ours."""
    partition = items_partition(user, thread_id)
    if partition is None:
        raise thread_not_found()
    return Key(partition, TURN)


def request(user: str, request_key: str) -> Key | None:
    """Where a request is remembered; None where no turn can have such a request key. Raises as `threads_partition`."""
    partition = threads_partition(user)
    if not 0 < len(request_key) <= MAX_REQUEST_KEY or not request_key.isascii():
        return None
    return Key(partition, f"{REQUEST}#{request_key}")


def attachment(digest: str, attachment_id: str) -> Key:
    """An attachment's key; `digest` is its user's (`ids.owner_digest`). Raises `NotFound` for an id that is none of ours."""
    sort = sort_key(ATTACHMENTS, attachment_id)
    if sort is None:
        raise attachment_not_found()
    return Key(f"{ATTACHMENTS_PREFIX}{digest}", sort)


def attachment_in_use(user: str, thread_id: str, attachment_id: str) -> Key:
    """The key, beside a thread's items, that says that a message holds this attachment. Raises as `attachment`, `turn`."""
    partition, sort = turn(user, thread_id).partition, sort_key(ATTACHMENTS, attachment_id)
    if sort is None:
        raise attachment_not_found()
    return Key(partition, sort)


def attachment_of(sort: str) -> str:
    """The id of the attachment that has this sort key in its own partition, or in that of a thread's items."""
    _, position, prefix = sort.split("#")
    return f"{prefix}_{position}"


def uploads_partition(day: date, shard: int) -> str:
    """Where the sweep looks for the attachments that were announced on a day (UTC), or for a share of them."""
    return f"{UPLOADS_PREFIX}{day.isoformat()}#{shard}"


def upload(day: date, digest: str, attachment_id: str) -> Key:
    """The key that says that an attachment was announced on a day. The share is told by the id's last, random character."""
    return Key(
        uploads_partition(day, ord(attachment_id[-1]) % UPLOAD_SHARDS), f"{ATTACHMENTS}#{digest}#{attachment_id}"
    )


def counters(holder: Holder, *, windowed: bool) -> Key:
    """Where a holder's use is counted: of a time, or what is there. Raises as `threads_partition`."""
    return Key(f"{_HOLDERS[holder.kind]}{_checked(holder.id)}", _USE if windowed else _KEPT)


def holders(owner: str) -> list[Holder]:
    """Who has what is an owner's: the user, and their tenant where there is one."""
    tenant, is_there, _ = owner.partition(_BEHIND_TENANT)
    return [Holder("user", owner), *([Holder("tenant", tenant)] if is_there else [])]


def counted(user: str, thread_id: str) -> Key:
    """Where it stands that a thread is counted. Raises `NotFound` for a thread id that is none of ours."""
    return Key(turn(user, thread_id).partition, COUNTED)


def session(user: str, session_id: str) -> Key:
    """Where it is remembered that a session was ended. Raises as `threads_partition`, and `ValueError` for a wrong id.

    A partition of its own, so that the function that ends sessions can be kept to such rows (`SESSIONS_PREFIX`).
    """
    return Key(sessions_partition(user), f"{SESSION}#{_session_id(session_id)}")


def begun_session(user: str, session_id: str) -> Key:
    """Where it is remembered that a session was begun, so that it can be found by its user. Raises as `session`."""
    return Key(sessions_partition(user), f"{BEGUN}#{_session_id(session_id)}")


def sessions_partition(user: str) -> str:
    """Where a user's sessions are remembered. Raises as `threads_partition`."""
    return f"{SESSIONS_PREFIX}{_checked(user)}"


def erasing(user: str, thread_id: str) -> Key:
    """Where a thread is remembered whose row is gone, as its owner is being erased, and whose contents may not be.

    Raises as `thread`.
    """
    return Key(thread(user, thread_id).partition, f"{ERASING}#{thread_id}")


def hosted_session(digest: str) -> Key:
    """Where it is remembered whose a client secret of OpenAI's is; `digest` of the secret, in hexadecimal digits."""
    return Key(f"{HOSTED_PREFIX}{digest}", HOSTED)


def sort_key(kind: ListKind, object_id: str) -> str | None:
    """The sort key of what this kind of row has for an object; None where the id is none of ours."""
    position = ids.position(object_id)
    return f"{kind}#{position}#{object_id.partition('_')[0]}" if position else None


def span(kind: ListKind, *, after: str | None, order: Order) -> Span:
    """The sort keys of a list that lie behind `after`, in that order; `after` need not exist.

    Raises `InvalidRequest` where `after` is no id of ours.
    """
    low, high = f"{kind}#", f"{kind}#{_BEHIND_LETTERS}"
    if after is None:
        return Span(low, high)
    here = sort_key(kind, after)
    if here is None:
        raise InvalidRequest("params.after", "is no id that this backend has given")
    if order == "asc":
        return Span(here + _BEFORE_LETTERS, high)
    return Span(low, here[:-1] + chr(ord(here[-1]) - 1) + _BEHIND_LETTERS)


def thread_not_found() -> NotFound:
    """What is raised where a thread is not there."""
    return NotFound(Text.THREAD_NOT_FOUND)


def attachment_not_found() -> NotFound:
    """What is raised where an attachment is not there."""
    return NotFound(Text.ATTACHMENT_NOT_FOUND)


def item_not_found() -> NotFound:
    """What is raised where an item is not there."""
    return NotFound(Text.ITEM_NOT_FOUND)


def _session_id(session_id: str) -> str:
    if not _SESSION_ID.fullmatch(session_id):
        raise ValueError("a session's id has 1 to 64 of the characters of base64url")
    return session_id


def _checked(user: str) -> str:
    if not 0 < len(user) <= USER_CHARACTERS:
        raise InvalidRequest("user", f"must have 1 to {USER_CHARACTERS} characters")
    try:
        user.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("user", "must be Unicode text") from None
    return user

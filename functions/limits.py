"""How much users and tenants may use, and how that is written in the setting `LIMITS`. Pure.

`LIMITS` names what shall be otherwise than by default, separated by commas: `user.messages_per_day=200,tenant.threads=none`.
`off` alone means that nothing is limited, and nothing counted. docs/limits.md says what each limit means and costs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, cast, get_args

HolderKind = Literal["user", "tenant", "address"]
_Section = Literal["user", "anonymous", "tenant", "address"]

OFF: Final = "off"
_NO_LIMIT: Final = "none"
MAX_RUNNING_TURNS: Final = 1_000
"""The highest limit on running turns: each has 40 bytes in a row that is written whenever one begins or ends."""
MAX_LIMIT: Final = 10**15
"""The highest limit on anything else."""


class Counter(StrEnum):
    """What is counted; the values are the limits' names."""

    MESSAGES_PER_MINUTE = "messages_per_minute"
    """All that begins a turn or asks a model: messages, retries, tool outputs, forms, actions, dictations."""
    MESSAGES_PER_DAY = "messages_per_day"
    TOKENS_PER_DAY = "tokens_per_day"
    """Input and output of all models, as these report them. Counted when a turn ends, and looked at when one begins."""
    RUNNING_TURNS = "running_turns"
    """Answers that are being written at the same time."""
    THREADS = "threads"
    """Threads that are there."""
    UPLOADED_BYTES_PER_DAY = "uploaded_bytes_per_day"
    """Bytes of the files that are announced, whether they are uploaded then or not."""
    STORED_BYTES = "stored_bytes"
    """Bytes of the files that are there, from their announcement on until they are deleted."""
    VISITORS_PER_HOUR = "visitors_per_hour"
    """Anonymous ids that are given out. Of addresses alone, which have no other limit."""


WINDOWS: Final[Mapping[Counter, int]] = MappingProxyType(
    {
        Counter.MESSAGES_PER_MINUTE: 60,
        Counter.MESSAGES_PER_DAY: 86_400,
        Counter.TOKENS_PER_DAY: 86_400,
        Counter.UPLOADED_BYTES_PER_DAY: 86_400,
        Counter.VISITORS_PER_HOUR: 3_600,
    }
)
"""The seconds after which a counter begins anew: minutes, hours and days of UTC. The others count what there is."""

Amounts = Mapping[Counter, int]


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose limits they are."""

    kind: HolderKind
    id: str
    """The user as everything stored knows them (`functions.identity.base.owner`), the tenant, or a digest of the address."""


def _amounts(**limits: int) -> Amounts:
    return MappingProxyType({Counter(name): limit for name, limit in limits.items()})


_NOTHING: Final = _amounts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most of each counter. What is missing has no limit."""

    user: Amounts = field(default_factory=lambda: _NOTHING)
    anonymous: Amounts = field(default_factory=lambda: _NOTHING)
    """Of a user who is known by a cookie alone, and can be another one at will."""
    tenant: Amounts = field(default_factory=lambda: _NOTHING)
    """Of all users of a tenant together."""
    address: Amounts = field(default_factory=lambda: _NOTHING)
    """Of all who call from one address of the network, before anything else is known of them."""

    @property
    def count_threads(self) -> bool:
        """Whether anybody's threads are limited: then everybody's are counted."""
        return any(Counter.THREADS in limits for limits in (self.user, self.anonymous, self.tenant))

    def of_user(self, *, is_anonymous: bool) -> Amounts:
        """What holds for one user."""
        return self.anonymous if is_anonymous else self.user

    @classmethod
    def parse(cls, text: str) -> "Limits":
        """Reads the setting. Raises `ValueError` with what is wrong."""
        if text.strip() == OFF:
            return NO_LIMITS
        sections = {name: dict(cast("Amounts", getattr(DEFAULT_LIMITS, name))) for name in get_args(_Section)}
        seen: set[str] = set()
        for part in filter(None, (part.strip() for part in text.split(","))):
            section, counter, limit = _parse(part)
            if f"{section}.{counter}" in seen:
                raise ValueError(f"names {section}.{counter} twice")
            seen.add(f"{section}.{counter}")
            if limit is None:
                sections[section].pop(counter, None)
            else:
                sections[section][counter] = limit
        return cls(**{name: MappingProxyType(limits) for name, limits in sections.items()})


NO_LIMITS: Final = Limits()
DEFAULT_LIMITS: Final = Limits(
    user=_amounts(
        messages_per_minute=20,
        messages_per_day=1_000,
        tokens_per_day=5_000_000,
        running_turns=5,
        threads=10_000,
        uploaded_bytes_per_day=500_000_000,
        stored_bytes=2_000_000_000,
    ),
    anonymous=_amounts(
        messages_per_minute=5,
        messages_per_day=50,
        tokens_per_day=200_000,
        running_turns=2,
        threads=50,
        uploaded_bytes_per_day=50_000_000,
        stored_bytes=100_000_000,
    ),
    tenant=_amounts(
        messages_per_minute=1_000,
        messages_per_day=100_000,
        tokens_per_day=500_000_000,
        running_turns=200,
        uploaded_bytes_per_day=50_000_000_000,
    ),
    address=_amounts(visitors_per_hour=100),
)

_OF_ADDRESSES: Final = frozenset({Counter.VISITORS_PER_HOUR})
_PART: Final = re.compile(r"([a-z]+)\.([a-z_]+)\s*=\s*(none|[0-9]{1,16})")


def _parse(part: str) -> tuple[str, Counter, int | None]:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"must list limits such as user.messages_per_day=200 or tenant.threads=none; {part!r} is none")
    section, name, value = match.groups()
    if section not in get_args(_Section):
        raise ValueError(f"must name one of {', '.join(get_args(_Section))}; it has {section!r}")
    counters = [each for each in Counter if (each in _OF_ADDRESSES) == (section == "address")]
    if name not in counters:
        raise ValueError(f"must name one of {', '.join(counters)} of {section}; it has {name!r}")
    counter = Counter(name)
    if value == _NO_LIMIT:
        return section, counter, None
    most = MAX_RUNNING_TURNS if counter is Counter.RUNNING_TURNS else MAX_LIMIT
    if not 1 <= int(value) <= most:
        raise ValueError(f"must have {section}.{name} from 1 to {most}, or none; it is {value}")
    return section, counter, int(value)

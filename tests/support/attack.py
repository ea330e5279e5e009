"""What one attack is, and who makes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.support.attack_target import Sent, Target

STRANGERS: Final[Mapping[str, Mapping[str, str]]] = {
    "another user": {"user": "bob"},
    "another tenant": {"user": "alice", "tenant": "acme"},
}
"""Who attacks, as the local stack is told of them. The second has the very name of the user whose things are wanted."""


@dataclass(frozen=True)
class Attack:
    """One attack."""

    name: str
    sent: Callable[[Target], Sent]
    stranger: str = "another user"
    statuses: frozenset[int] = frozenset()
    """Those that are right; none given: any refusal is."""
    is_answered: bool = False
    """Whether it is no refusal, as it asks for something of the stranger's own: of Alice's it gets and changes nothing."""

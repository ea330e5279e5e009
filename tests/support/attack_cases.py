"""The list of attacks, in groups. `docs/security.md` names the groups and the number of each.

Each is sent twice, where that makes a difference: about what is Alice's, and about what does not exist. See
`tests/integration/test_attacks.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.support.attack import Attack
from tests.support.attacks_by_address import HEADERS, PATHS
from tests.support.attacks_by_body import BODIES
from tests.support.attacks_by_id import ATTACHMENTS, CALLS, ITEMS, THREADS
from tests.support.attacks_by_token import TOKEN_ATTACKS

GROUPS: Final[Mapping[str, Sequence[Attack]]] = {
    "Threads": THREADS,
    "Items": ITEMS,
    "Tool calls and forms": CALLS,
    "Attachments": ATTACHMENTS,
    "Tokens": TOKEN_ATTACKS,
    "Headers": HEADERS,
    "Paths": PATHS,
    "Bodies": BODIES,
}
ATTACKS: Final = tuple((group, attack) for group, attacks in GROUPS.items() for attack in attacks)
"""All of them, each with its group."""

"""`docs/security.md` names every group of attacks, and how many there are."""

import re
from pathlib import Path

from tests.support.attack_cases import ATTACKS, GROUPS
from tests.support.attacks_by_token import TOKENS

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")


def test_the_groups_are_those_of_the_list() -> None:
    """With the number of each, in their order."""
    _, _, tried = PAGE.partition("## How it is tried")
    told = re.findall(r"^\| ([A-Z][a-z ]+) \| (\d+) \|", tried, flags=re.MULTILINE)
    assert [(name, int(number)) for name, number in told] == [(name, len(group)) for name, group in GROUPS.items()]


def test_the_number_is_that_of_the_list() -> None:
    """Each counts once, under a name of its own."""
    assert f": {len(ATTACKS)} of them" in PAGE
    assert f"{len(TOKENS)} tokens" in PAGE
    assert len({(group, attack.name) for group, attack in ATTACKS}) == len(ATTACKS)

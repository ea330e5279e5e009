"""`docs/limits.md` says what the code does: its defaults, its constants, its times."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from functions.engine import dictation, quotas
from functions.limits import DEFAULT_LIMITS, Counter, Limits
from functions.protocol import limits, messages, requests, structured_input
from functions.store import base

PAGE = (Path(__file__).parents[2] / "docs" / "limits.md").read_text("utf-8")
HOLDERS = (DEFAULT_LIMITS.user, DEFAULT_LIMITS.anonymous, DEFAULT_LIMITS.tenant)
MODULES: tuple[ModuleType, ...] = (limits, messages, requests, structured_input, dictation, base)
TOLD = re.findall(r"^\| [^|]+ \| ([\d,]+)[^|]* \| `([A-Z_]+)` \|$", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize("counter", Counter)
def test_a_default_is_what_the_page_says(counter: Counter) -> None:
    """For each kind of user, and for tenants; or for addresses."""
    (row,) = re.findall(rf"^\| `{counter}` \|(.*)\|$", PAGE, flags=re.MULTILINE)
    *told, _when = [cell.strip() for cell in row.split("|")]
    holders = (DEFAULT_LIMITS.address,) if counter is Counter.VISITORS_PER_HOUR else HOLDERS
    assert told == [f"{limits[counter]:,}" if counter in limits else "none" for limits in holders]


@pytest.mark.parametrize(("told", "name"), TOLD, ids=[name for _, name in TOLD])
def test_a_constant_is_what_the_page_says(told: str, name: str) -> None:
    """By its name, wherever it stands."""
    values = {vars(module)[name] for module in MODULES if name in vars(module)}
    assert values == {int(told.replace(",", ""))}


def test_no_limit_on_input_is_missing() -> None:
    """Every number of the protocol's limits has its line."""
    numbers = {name for name, value in vars(limits).items() if name.isupper() and isinstance(value, int)}
    assert numbers <= {name for _, name in TOLD}


def test_the_times_are_what_the_page_says() -> None:
    """In seconds."""
    assert f"a lease of {quotas.HOLD.total_seconds():g} s, renewed every {quotas.RENEWAL:g} s" in PAGE
    assert f"each {quotas.RENEWAL:g} s of an answer" in PAGE


def test_the_examples_are_settings() -> None:
    """What the page shows can be set."""
    examples = re.findall(r"(?:limits=|LIMITS=)([a-z]\S*)", PAGE)
    assert len(examples) == 2
    for example in examples:
        assert Limits.parse(example) != DEFAULT_LIMITS

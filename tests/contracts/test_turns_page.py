"""`docs/turns.md` says what the code does: its drawing, its constants and its costs."""

import re
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import pytest

from functions.engine import turn_keeper, turns
from functions.settings import Settings
from functions.store.base import Store
from tests.contracts.conftest import Aws
from tests.support.turn_costs import Answer, bill
from tests.support.turn_diagram import diagram

PAGE = (Path(__file__).parents[2] / "docs" / "turns.md").read_text("utf-8")
CONSTANTS = {
    "BEAT": turn_keeper.BEAT,
    "RENEWAL": turn_keeper.RENEWAL,
    "LEASE": turn_keeper.LEASE.total_seconds(),
    "PATIENCE": turns.PATIENCE,
    "UNRESPONSIVE": turns.UNRESPONSIVE,
    "POLL": turns.POLL,
    "REMEMBERED": turn_keeper.REMEMBERED.total_seconds(),
    "DEADLINE_MARGIN_SECONDS": {field.name: field.default for field in fields(Settings)}["deadline_margin_seconds"],
}
ANSWERS = [
    Answer(characters=600, seconds=5),
    Answer(characters=600, seconds=5, silence=120),
    Answer(characters=6_000, seconds=45),
    Answer(characters=60_000, seconds=360),
]


def test_the_drawing_is_the_table_of_the_code() -> None:
    """Where the table has changed, the text to put into the page is the one that is compared with."""
    drawn = re.findall(r"```mermaid\n(.*?)```", PAGE, flags=re.DOTALL)
    assert drawn == [diagram()]


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_what_the_page_says(name: str) -> None:
    """In seconds."""
    (value,) = re.findall(rf"^\| `{name}` \| ([\d.]+) s \|", PAGE, flags=re.MULTILINE)
    assert float(value) == CONSTANTS[name]


def test_the_growth_is_what_the_page_says() -> None:
    """As a fraction."""
    (value,) = re.findall(r"^\| `GROWTH` \| (\d+/\d+) \|", PAGE, flags=re.MULTILINE)
    assert float(Fraction(value)) == turn_keeper.GROWTH


def _row(answer: Answer, store: Store, aws: Aws) -> str:
    """A line of the page's table."""
    cost = bill(answer, store, aws.dynamodb)
    time = f"{answer.seconds:g} s" + (f", after {answer.silence:g} s of silence" if answer.silence else "")
    return (
        f"| {answer.characters:,} characters | {time} | {cost.begin:g} | {cost.checkpoints} of {cost.checkpoint_units:g} "
        f"in all | {cost.finish:g} | {cost.end:g} | **{cost.written:,g}** | {cost.looks}, {cost.look_units:g} read units |"
    )


def _numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", line.replace(",", ""))]


@pytest.mark.parametrize("adapter", ["moto"], indirect=True)
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer.characters} in {answer.seconds}")
def test_an_answer_costs_what_the_page_says(answer: Answer, store: Store, aws: Aws) -> None:
    """Within a twentieth: how far a text is compressed depends on the ids beside it, and on the machine's zlib."""
    row = _row(answer, store, aws)
    told = [line for line in PAGE.splitlines() if line.split("|")[1:3] == row.split("|")[1:3]]
    assert len(told) == 1, row
    assert _numbers(told[0]) == pytest.approx(_numbers(row), rel=0.05, abs=1), row

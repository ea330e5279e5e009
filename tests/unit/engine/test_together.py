"""Two readings at the same time."""

import asyncio

import pytest

from functions.engine.together import together
from functions.runtime.loop import run


async def _after(rounds: int, result: str | Exception) -> str:
    """The result, so many rounds of the loop later."""
    for _ in range(rounds):
        await asyncio.sleep(0)
    if isinstance(result, Exception):
        raise result
    return result


def test_both_results() -> None:
    """In the order in which they were asked for."""
    assert run(together(_after(3, "first"), _after(0, "second"))) == ("first", "second")


@pytest.mark.parametrize("rounds", [(0, 3), (3, 0), (1, 1)])
def test_two_errors(rounds: tuple[int, int]) -> None:
    """The first one's is told, however late it comes."""
    first, second = (_after(count, LookupError(name)) for count, name in zip(rounds, ("first", "second"), strict=True))
    with pytest.raises(LookupError, match="first"):
        run(together(first, second))


@pytest.mark.parametrize("rounds", [(0, 3), (3, 0)])
def test_one_error(rounds: tuple[int, int]) -> None:
    """Either one's."""
    with pytest.raises(LookupError, match="second"):
        run(together(_after(rounds[0], "first"), _after(rounds[1], LookupError("second"))))

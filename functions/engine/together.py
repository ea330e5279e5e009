"""Two readings at the same time, as one after the other would fail."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

First = TypeVar("First")
Second = TypeVar("Second")


async def together(first: Awaitable[First], second: Awaitable[Second]) -> tuple[First, Second]:
    """Both results. Where both fail the first one's error is raised, whichever came earlier.

    So what a caller is told depends on what there is, and never on which answer was quicker. Nothing runs on behind it.
    """
    one, other = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(one, BaseException):
        raise one
    if isinstance(other, BaseException):
        raise other
    return one, other

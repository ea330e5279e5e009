"""The stacks, one per lifetime: what keeps data, apart from what can be rebuilt."""

from typing import Final, Literal

Part = Literal["data", "chat", "site", "operations"]

PARTS: Final[tuple[Part, ...]] = ("data", "chat", "site", "operations")
"""All that a stage may have, in the order in which they use one another."""


def stack_name(stage: str, part: Part) -> str:
    """What a stage's stack is called. Whoever looks for a stage asks for these, and for nothing that begins alike: the
    stacks of an integrator's own may well do."""
    return f"chatkit-{stage}-{part}"

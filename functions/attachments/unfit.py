"""Why a file is not what it was announced as."""

from typing import Literal

Problem = Literal["size", "type", "broken", "bomb"]
"""In one short name for logs: its size is another; its bytes are of another type; it cannot be read to its end; it would
take far more room than it has bytes."""


class Unfit(Exception):
    """Raised while a file is looked at."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem: Problem = problem

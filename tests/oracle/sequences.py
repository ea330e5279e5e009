"""The conversations that are held with both servers: every request, happy and unhappy."""

from typing import Final

from tests.oracle.sequences_answers import ANSWERS, FAILURES
from tests.oracle.sequences_requests import REQUESTS, WRONG
from tests.oracle.sequences_turns import TURNS

CONVERSATIONS: Final = (*ANSWERS, *FAILURES, *REQUESTS, *TURNS, *WRONG)

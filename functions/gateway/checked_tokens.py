"""Client tokens at the api function: good ones of a session that was ended are refused, by a read before anything is done.

The chat function does without that read, as it checks the session where that costs no round trip
(`functions.engine.session_check`).
"""

from functions.errors import SessionEnded
from functions.identity.base import Caller, SessionStore, TokenVerifier
from functions.runtime.loop import run


class CheckedTokens:
    """A `TokenVerifier`."""

    def __init__(self, tokens: TokenVerifier, *, ended: SessionStore) -> None:
        self._tokens = tokens
        self._ended = ended

    def verify(self, token: str) -> Caller:
        """See `TokenVerifier`. Raises `SessionEnded` too."""
        caller = self._tokens.verify(token)
        if caller.session and run(self._ended.is_session_ended(caller.owner, caller.session)):
            raise SessionEnded
        return caller

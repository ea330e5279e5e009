"""The issuer's keys: found by its discovery document, kept for an hour, and fetched anew for a key id that is not known.

https://openid.net/specs/openid-connect-discovery-1_0.html, sections 3 and 4.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from pydantic_core import from_json

from functions.errors import Unavailable
from functions.identity.oidc_signatures import AlgorithmName, PublicKey, read_key

FRESH_SECONDS: Final = 3_600.0
"""How long keys are used without asking."""
STALE_SECONDS: Final = 86_400.0
"""How long they are used at most while the issuer does not answer."""
PAUSE_SECONDS: Final = 30.0
"""The shortest time between two attempts: nobody makes this function ask by sending made-up key ids."""
MAX_KEYS: Final = 50

DISCOVERY_PATH: Final = "/.well-known/openid-configuration"

_log: Final = logging.getLogger(__name__)


class FetchError(Exception):
    """A document could not be had; the message says why, for the log."""


class IssuerKeys:
    """The keys of one issuer."""

    def __init__(
        self, *, issuer: str, fetch: Callable[[str], bytes], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`fetch` gets an address and gives what is there, or raises `FetchError`; `clock` gives seconds that only rise."""
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._keys: Sequence[PublicKey] = ()
        self._fetched: float | None = None
        self._tried: float | None = None

    def find(self, kid: str | None, algorithm: AlgorithmName) -> PublicKey | None:
        """The key of this id; where a token names none, the only one of its algorithm. None where there is none.

        Raises `Unavailable` where the issuer does not answer, and its keys are not known, or have not been for a day.
        """
        if self._age() >= FRESH_SECONDS:
            self._renew()
        found = self._known(kid, algorithm)
        if found is None and self._may_try():
            self._renew()
            found = self._known(kid, algorithm)
        if (found is None and not self._keys) or self._age() >= STALE_SECONDS:
            raise Unavailable("The identity provider does not answer.")
        return found

    def _known(self, kid: str | None, algorithm: AlgorithmName) -> PublicKey | None:
        fit = [key for key in self._keys if key.algorithm == algorithm and (kid is None or key.kid == kid)]
        return fit[0] if len(fit) == 1 else None

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self._clock() - self._fetched

    def _may_try(self) -> bool:
        return self._tried is None or self._clock() - self._tried >= PAUSE_SECONDS

    def _renew(self) -> None:
        if not self._may_try():
            return
        self._tried = self._clock()
        try:
            self._keys = self._fetched_keys()
        except FetchError as error:
            _log.warning("the keys of the identity provider could not be fetched", extra={"reason": str(error)})
        else:
            self._fetched = self._tried

    def _fetched_keys(self) -> Sequence[PublicKey]:
        discovery = self._document(self._issuer.removesuffix("/") + DISCOVERY_PATH)
        if discovery.get("issuer") != self._issuer:
            raise FetchError("the discovery document is another issuer's")
        address = discovery.get("jwks_uri")
        if not isinstance(address, str):
            raise FetchError("the discovery document has no jwks_uri")
        entries = self._document(address).get("keys")
        if not isinstance(entries, list):
            raise FetchError("the key set has no keys")
        listed = cast("list[Any]", entries)[:MAX_KEYS]
        keys = [key for one in listed if isinstance(one, dict) and (key := read_key(cast("dict[str, Any]", one)))]
        if not keys:
            raise FetchError("the key set has no key for RS256 or ES256")
        return keys

    def _document(self, address: str) -> dict[str, Any]:
        try:
            document: Any = from_json(self._fetch(address), allow_inf_nan=False)
        except ValueError:
            raise FetchError("what the identity provider answered is not JSON") from None
        if not isinstance(document, dict):
            raise FetchError("what the identity provider answered is no JSON object")
        return cast("dict[str, Any]", document)

"""How the issuer's documents are fetched: by urllib3, which boto3 brings along."""

import re
import time
from typing import Final, cast

import urllib3

from functions.identity.oidc_keys import FetchError

CONNECT_SECONDS: Final = 2.0
TOTAL_SECONDS: Final = 5.0
"""How long a document may take: a user waits for it, once an hour."""
DOCUMENT_BYTES: Final = 256_000

_OK: Final = 200
_SECURE: Final = re.compile(r"https://[^/?#@\\\s]+(/|$)", re.IGNORECASE)
_LOOPBACK: Final = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?(/|$)", re.IGNORECASE)


class OidcHttp:
    """Fetches documents. Follows no redirect."""

    def __init__(self, *, allow_loopback: bool = False, seconds: float = TOTAL_SECONDS) -> None:
        """`allow_loopback`: whether this machine may be asked without TLS; for the local stack."""
        self._allow_loopback = allow_loopback
        self._seconds = seconds
        self._pool = urllib3.PoolManager(
            num_pools=2,
            retries=False,
            timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds),
        )

    def __call__(self, address: str) -> bytes:
        """The document's bytes. Raises `FetchError`."""
        if not _SECURE.match(address) and not (self._allow_loopback and _LOOPBACK.match(address)):
            raise FetchError("the address does not begin with https://")
        deadline = time.monotonic() + self._seconds
        try:
            response = self._pool.request(
                "GET",
                address,
                headers={"accept": "application/json", "accept-encoding": "identity"},
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise FetchError(f"no connection ({type(error).__name__})") from None
        try:
            if response.status != _OK:
                raise FetchError(f"HTTP {response.status}")
            return _read(cast("urllib3.HTTPResponse", response), deadline)
        except urllib3.exceptions.HTTPError as error:
            raise FetchError(f"the connection broke ({type(error).__name__})") from None
        finally:
            # What was not read to its end is not worth keeping.
            response.close()


def _read(response: "urllib3.HTTPResponse", deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    # `read1` gives what has come: `read` would wait for all that it is asked for, however slowly it comes.
    while part := response.read1(16_384, decode_content=False):
        parts.append(part)
        size += len(part)
        if size > DOCUMENT_BYTES:
            raise FetchError(f"the document has more than {DOCUMENT_BYTES} bytes")
        if time.monotonic() > deadline:
            raise FetchError("the document took too long")
    return b"".join(parts)

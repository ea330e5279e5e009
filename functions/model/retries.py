"""When a request that failed is sent again: after a pause that grows, is never the same, and never long. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often, and how long. A user waits meanwhile, so the limits are far below those of OpenAI's own client."""

    most: int = 2
    """Repetitions after the first attempt."""
    within: float = 10.0
    """Seconds after the beginning of the first attempt in which the last one must begin."""
    first_pause: float = 0.5
    """Seconds before the first repetition, at most; each later pause is twice as long."""

    def pause(self, *, failed: int, elapsed: float, wanted: float | None, jitter: float) -> float | None:
        """The seconds to wait before the next attempt; None where there is none.

        `failed` attempts have been made, `elapsed` seconds after the first one began. `wanted` is what the server asked
        for: it is honoured, or there is no next attempt. `jitter`, from 0 to 1, spreads the clients of a busy server.
        """
        if failed > self.most:
            return None
        pause = wanted if wanted is not None else self.first_pause * 2.0 ** (failed - 1) * (1 - jitter / 2)
        return pause if elapsed + pause <= self.within else None


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """The seconds that a server asks a client to wait, 0 or more; None where it does not say, or says nonsense.

    `Retry-After` in seconds or as a date (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3), or OpenAI's own
    `retry-after-ms`, which is more exact. `headers` finds names in lower case.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # A date without a zone is in UTC, as HTTP's dates all are.
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds())


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None

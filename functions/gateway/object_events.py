"""S3's events as EventBridge hands them to the attachment function: one at a time, in no order, and any of them again.

Lambda calls the function twice more where it fails
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from functions.attachments.arrivals import Arrivals
from functions.attachments.bucket import OBJECT_CREATED
from functions.attachments.objects import place_of
from functions.runtime.failures import describe
from functions.runtime.loop import run

_log: Final = logging.getLogger(__name__)


class ObjectEvents:
    """Follows objects that were created in the bucket."""

    def __init__(self, arrivals: Arrivals, *, bucket: str) -> None:
        """`bucket` is the only one whose events count."""
        self._arrivals = arrivals
        self._bucket = bucket

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Serves one event; says what has become of the upload. Raises whatever goes wrong: then the event comes again.

        The event's form: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html. Nothing but the object's
        name is taken from it: it may be of a time long past.
        """
        detail = event["detail"]
        if event["detail-type"] != OBJECT_CREATED or detail["bucket"]["name"] != self._bucket:
            _log.warning("an event that is none of an upload", extra={"event_id": event.get("id")})
            return {"outcome": "ignored"}
        key: str = detail["object"]["key"]
        place = place_of(key)
        # Any other name may be somebody's text.
        which = {"attachment_id": None if place is None else place.id}
        try:
            outcome = run(self._arrivals.handle(key))
        except Exception as error:
            trace = {"error": type(error).__name__, "trace": describe(error)}
            _log.error("what was uploaded could not be looked at", extra={**which, **trace})
            raise
        _log.info("an upload was looked at", extra={**which, "outcome": outcome})
        return {"outcome": outcome}

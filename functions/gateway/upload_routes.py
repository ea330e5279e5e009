"""Files at the api function: `POST /api/chatkit/upload`, and `GET /api/chatkit/attachments/<attachment_id>`.

The first is ChatKit's direct upload: one file in one request, as large as an event of Lambda's can be. Larger ones go the
other way, straight into S3 (two-phase).
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from functions.attachments.base import AttachmentStore
from functions.attachments.limits import DIRECT_BYTES
from functions.engine.quotas import Quotas
from functions.engine.results import RequestContext
from functions.errors import AttachmentRefused, InvalidRequest, LimitReached
from functions.gateway.request import Request
from functions.gateway.routes import Answer, Route, caller_of
from functions.identity.base import ANONYMOUS, UPLOAD, Caller, TokenVerifier
from functions.protocol.base import WIRE_CONTEXT
from functions.protocol.limits import NAME_CHARACTERS, TYPE_CHARACTERS
from functions.runtime.loop import run
from functions.translations import Text

FIELD: Final = "file"
"""ChatKit.js's own name for the part that holds the file."""


class UploadRoutes:
    """A `RouteGroup`."""

    def __init__(
        self,
        *,
        tokens: TokenVerifier,
        attachments: AttachmentStore,
        quotas: Quotas,
        refused: Callable[[LimitReached, str], None] | None = None,
    ) -> None:
        """`quotas` say how much users may bring in; `refused` hears of an owner whose upload is beyond that."""
        self._tokens = tokens
        self._attachments = attachments
        self._quotas = quotas
        self._refused = refused

    def routes(self) -> Iterable[Route]:
        """See `RouteGroup`."""
        yield Route("POST", "/api/chatkit/upload", self._upload)
        yield Route("GET", "/api/chatkit/attachments/<attachment_id>", self._download)

    def _upload(self, request: Request) -> Answer:
        """The attachment, as `attachments.create` answers it."""
        from functions.gateway.multipart import file_of  # 8 ms of imports, which no other request pays for

        caller = caller_of(request, self._tokens, scope=UPLOAD)
        file = file_of(request.headers.get("content-type", ""), request.body, field=FIELD)
        # The limits of `attachments.create`, whose fields this request does not have.
        for what, text, most in (
            ("name", file.name, NAME_CHARACTERS),
            ("media type", file.media_type, TYPE_CHARACTERS),
        ):
            if len(text) > most:
                raise InvalidRequest(FIELD, f"must have a {what} of at most {most:,} characters")
        if len(file.data) > DIRECT_BYTES:
            raise AttachmentRefused(Text.UPLOAD_TOO_LARGE, FIELD, limit=DIRECT_BYTES)
        counting = partial(self._quotas.announcing, _context(request, caller))
        try:
            attachment = run(self._attachments.upload(caller.owner, file.name, file.media_type, file.data, counting))
        except AttachmentRefused as error:
            # It names a field of `attachments.create`, which this request does not have.
            error.field = FIELD
            raise
        except LimitReached as error:
            if self._refused is not None:
                self._refused(error, caller.owner)
            raise
        return Answer(attachment.model_dump(mode="json", by_alias=True, exclude_none=True, context=WIRE_CONTEXT))

    def _download(self, request: Request, attachment_id: str) -> Answer:
        """`{"url"}`, from which the browser gets the file for some minutes."""
        owner = caller_of(request, self._tokens).owner
        return Answer({"url": run(self._attachments.download_url(owner, attachment_id))})


def _context(request: Request, caller: Caller) -> RequestContext:
    """As far as limits need it."""
    return RequestContext(
        user=caller.user,
        tenant=caller.tenant,
        is_anonymous=caller.source == ANONYMOUS,
        request_id=request.request_id,
    )

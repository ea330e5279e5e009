"""Which files users may attach to their messages. Yours to change: `docs/attachments.md` says what each number does."""

from typing import Final

from functions.attachments.limits import AttachmentLimits

ATTACHMENTS: Final = AttachmentLimits()

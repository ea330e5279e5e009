"""What this backend itself says to users, in their languages.

One JSON file a language, named by its tag; `en.json` is the original. A new language is a new file and a tag in `LANGUAGES`
(docs/languages.md); the tests in `tests/unit/translations` say what is missing.
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from functions.translations.languages import DEFAULT, LANGUAGES, best_language, grouped, parse_accept_language

__all__ = ["DEFAULT", "LANGUAGES", "Text", "best_language", "parse_accept_language", "translate"]

_FOLDER: Final = Path(__file__).parent


class Text(StrEnum):
    """Everything that this backend says; the values are the catalogues' keys."""

    ANSWERED_ALREADY = "answered_already"
    ANSWER_NOT_CHECKED = "answer_not_checked"
    APPROVAL_APPROVE = "approval_approve"
    APPROVAL_DENY = "approval_deny"
    APPROVAL_QUESTION = "approval_question"
    ATTACHMENTS_TOO_MANY = "attachments_too_many"
    ATTACHMENT_EMPTY = "attachment_empty"
    ATTACHMENT_NOT_FOUND = "attachment_not_found"
    ATTACHMENT_NOT_READY = "attachment_not_ready"
    ATTACHMENT_REFUSED = "attachment_refused"
    ATTACHMENT_TOO_LARGE = "attachment_too_large"
    ATTACHMENT_TYPE = "attachment_type"
    BODY_TOO_LARGE = "body_too_large"
    INTERNAL = "internal"
    ITEM_NOT_FOUND = "item_not_found"
    LIMIT_FILES = "limit_files"
    LIMIT_HOURS = "limit_hours"
    LIMIT_MINUTES = "limit_minutes"
    LIMIT_SECONDS = "limit_seconds"
    LIMIT_THREADS = "limit_threads"
    LIMIT_TURNS = "limit_turns"
    MODEL_BROKE_OFF = "model_broke_off"
    MODEL_BUSY = "model_busy"
    MODEL_CONTENT_FILTER = "model_content_filter"
    MODEL_CONTEXT_TOO_LONG = "model_context_too_long"
    MODEL_FAILED = "model_failed"
    MODEL_INCOMPLETE = "model_incomplete"
    MODEL_QUOTA = "model_quota"
    MODEL_REFUSED = "model_refused"
    MODEL_TIMED_OUT = "model_timed_out"
    MODEL_UNAVAILABLE = "model_unavailable"
    MODEL_UNREACHABLE = "model_unreachable"
    MODEL_UNREADABLE = "model_unreadable"
    NOTHING_WAITS = "nothing_waits"
    SIGNED_OUT = "signed_out"
    STORE_UNAVAILABLE = "store_unavailable"
    TEXT_TOO_LONG = "text_too_long"
    THREAD_CLOSED = "thread_closed"
    THREAD_LOCKED = "thread_locked"
    THREAD_NOT_FOUND = "thread_not_found"
    TURN_DEADLINE = "turn_deadline"
    TURN_RUNNING = "turn_running"
    UPLOADS_EXHAUSTED = "uploads_exhausted"
    UPLOAD_TOO_LARGE = "upload_too_large"


def translate(text: Text, locales: Sequence[str] = (), **values: str | int) -> str:
    """The text in the first language of `locales` (BCP 47 tags) that there is; else, or where it is missing, in English.

    `values` are the text's placeholders, numbers written as in its language. Raises `KeyError` where one is not given.
    """
    language = best_language(locales)
    template = catalogue(language).get(text)
    if template is None:
        language, template = DEFAULT, catalogue(DEFAULT)[text]
    written = {name: grouped(value, language) if isinstance(value, int) else value for name, value in values.items()}
    return template.format(**written)


@cache
def catalogue(language: str) -> dict[str, str]:
    """A language's texts by key. `language` is one of `LANGUAGES`. Read once, when the first user needs it."""
    return json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))

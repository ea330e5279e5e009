"""What the playground offers to attach is what the backend takes."""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest

from functions.assistant.attachments import ATTACHMENTS
from functions.attachments.limits import DIRECT_BYTES

WEB: Final = Path(__file__).parents[3] / "web"
OPTION: Final[dict[str, Any]] = json.loads((WEB / "config.json").read_text(encoding="utf-8"))["attachments"]


@pytest.mark.parametrize("mime_type", OPTION["accept"])
def test_a_file_may_be_as_large_as_the_backend_takes_it(mime_type: str) -> None:
    """For every type that the page offers, exactly one of its limits counts, and it is the backend's."""
    (most,) = (size for pattern, size in OPTION["maxSize"].items() if fnmatchcase(mime_type, pattern))
    assert most == ATTACHMENTS.bytes_of(mime_type)


def test_as_many_files_as_the_backend_takes() -> None:
    """The page counts as the backend does."""
    assert OPTION["maxCount"] == ATTACHMENTS.per_message


@pytest.mark.parametrize("pattern", [pattern for pattern, size in ATTACHMENTS.types.items() if size > 0])
def test_everything_that_the_backend_takes_is_offered(pattern: str) -> None:
    """No pattern of the backend's is without a type on the page."""
    assert any(fnmatchcase(mime_type, pattern) for mime_type in OPTION["accept"])


def test_a_direct_upload_is_as_large_as_the_backend_takes_it() -> None:
    """The page's limit for direct uploads is the backend's."""
    assert f"const DIRECT_SIZE = {DIRECT_BYTES:_};" in (WEB / "attachment-limits.js").read_text(encoding="utf-8")

"""The one table: its attribute names and settings, from which both `infra` and the local stack create it.

What lies under which key is in `keys`.
"""

from typing import Final

PARTITION_KEY: Final = "pk"
SORT_KEY: Final = "sk"
TTL_ATTRIBUTE: Final = "expires_at"
"""Seconds since 1970 at which DynamoDB may drop the row."""
STREAM_VIEW_TYPE: Final = "OLD_IMAGE"
"""The stream tells what was deleted, so that what hung on it can be removed too."""

"""The table's stream of changes: which of its records tell that a thread is gone. Pure: no I/O.

A record bears the keys of the row that changed and nothing else (`table.STREAM_VIEW_TYPE`). It is the same whether a user
deleted the thread or its time was over (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html).
"""

from collections.abc import Mapping
from typing import Any, Final

from functions.store import keys, table

REMOVED: Final = "REMOVE"

THREADS_GONE: Final[Mapping[str, Any]] = {
    "eventName": [REMOVED],
    "dynamodb": {"Keys": {table.SORT_KEY: {"S": [{"prefix": f"{keys.THREADS}#"}]}}},
}
"""The filter of the event source: which records the thread function is called for
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html)."""


def thread_gone(record: Mapping[str, Any]) -> tuple[str, str] | None:
    """Whose thread is gone, and its id; None where the record tells of something else."""
    try:
        row_keys = record["dynamodb"]["Keys"]
        where = keys.Key(row_keys[table.PARTITION_KEY]["S"], row_keys[table.SORT_KEY]["S"])
        return keys.thread_of(where) if record["eventName"] == REMOVED else None
    except (KeyError, TypeError):
        return None

"""`dynamodb:LeadingKeys` of a request, which ministack does not know: the partition keys that it names.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from functions.store.table import PARTITION_KEY

CONDITION_KEY = "dynamodb:LeadingKeys"


def context(body: bytes) -> dict[str, list[str]]:
    """As IAM's context. AWS takes each part of a transaction by itself, which a context of the whole cannot say: so a
    transaction has none, and a condition on it holds."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    if not isinstance(request, dict) or "TransactItems" in request:
        return {}
    found = [row[PARTITION_KEY]["S"] for row in _rows(request) if PARTITION_KEY in row]
    return {CONDITION_KEY: sorted(set(found))} if found else {}


def _rows(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Keys and rows, as far as the request names any."""
    for name in ("Key", "Item"):
        if name in request:
            yield request[name]
    for asked in request.get("RequestItems", {}).values():
        if isinstance(asked, dict):
            yield from asked.get("Keys", ())
        else:
            yield from (write.get("PutRequest", {}).get("Item") or write["DeleteRequest"]["Key"] for write in asked)
    if "KeyConditionExpression" in request:
        names = request.get("ExpressionAttributeNames", {})
        for name, value in re.findall(r"([\w#]+)\s*=\s*(:\w+)", request["KeyConditionExpression"]):
            yield {names.get(name, name): request["ExpressionAttributeValues"][value]}

"""The one table: its attribute names and settings, from which `infra`, the local stack and the tests create it.

What lies under which key is in `keys`.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef, TimeToLiveSpecificationTypeDef

PARTITION_KEY: Final = "pk"
SORT_KEY: Final = "sk"
TTL_ATTRIBUTE: Final = "expires_at"
"""Seconds since 1970 at which DynamoDB may drop the row."""
STREAM_VIEW_TYPE: Final = "KEYS_ONLY"
"""The stream tells which row was deleted, so that what hung on it can be removed too; nothing of what it held."""


def definition(name: str) -> "CreateTableInputTypeDef":
    """The keyword arguments of a DynamoDB client's `create_table`: on-demand billing, both keys strings, a stream."""
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": PARTITION_KEY, "AttributeType": "S"},
            {"AttributeName": SORT_KEY, "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": PARTITION_KEY, "KeyType": "HASH"},
            {"AttributeName": SORT_KEY, "KeyType": "RANGE"},
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": STREAM_VIEW_TYPE},
    }


def time_to_live() -> "TimeToLiveSpecificationTypeDef":
    """The `TimeToLiveSpecification` of `update_time_to_live`, which must follow the table's creation."""
    return {"Enabled": True, "AttributeName": TTL_ATTRIBUTE}

"""What every function is made from, and the names that their grants share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from functions.attachments.bucket import IMAGES_PREFIX
from functions.attachments.objects import FILES_PREFIX, PREVIEWS_PREFIX, UPLOADS_PREFIX
from functions.store.large_items import PREFIX
from infra.config import Config
from infra.constructs.function import ServiceFunction, shared_environment
from infra.stacks.data import DataStack

ITEM_OBJECTS: Final = f"{PREFIX}*"
"""The objects of items that are too large for a row."""
IMAGE_OBJECTS: Final = f"{IMAGES_PREFIX}*"
"""The pictures that models made."""
UPLOAD_OBJECTS: Final = f"{UPLOADS_PREFIX}*"
"""What users have uploaded, until it has been looked at."""
FILE_OBJECTS: Final = f"{FILES_PREFIX}*"
"""Attachments."""
PREVIEW_OBJECTS: Final = f"{PREVIEWS_PREFIX}*"
"""Small pictures of attachments."""
ATTACHMENT_OBJECTS: Final = (UPLOAD_OBJECTS, FILE_OBJECTS, PREVIEW_OBJECTS)
"""All that there may be of an attachment, which is deleted at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The stage, what it stores, and the settings that functions read."""

    config: Config
    data: DataStack
    environment: Mapping[str, str]

    @classmethod
    def of(cls, config: Config, data: DataStack) -> "Given":
        """With the settings that all functions share."""
        return cls(
            config=config,
            data=data,
            environment={
                **shared_environment(
                    config=config,
                    table_name=data.table.table_name,
                    bucket_name=data.bucket.bucket_name,
                    token_secret_id=data.token_secret.secret_arn,
                    openai_secret_id=data.openai_secret.secret_arn,
                    api_keys_secret_id=data.api_keys_secret.secret_arn if data.api_keys_secret else None,
                ),
                **(data.events.environment if data.events else {}),
            },
        )

    @property
    def table(self) -> list[str]:
        """The ARN of the table, to grant on."""
        return [self.data.table.table_arn]

    def objects(self, *names: str) -> list[str]:
        """The ARNs of these objects of the bucket's, to grant on."""
        return [self.data.bucket.arn_for_objects(name) for name in names]

    def allow_telling(self, function: ServiceFunction) -> None:
        """Lets a function put events on the stage's bus, where there is one."""
        if self.data.events is not None:
            function.allow(["events:PutEvents"], on=[self.data.events.bus.event_bus_arn])

    def allow_listing(self, function: ServiceFunction) -> None:
        """Lets a function list the objects of items and pictures, and no others."""
        function.allow(
            ["s3:ListBucket"],
            on=[self.data.bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [ITEM_OBJECTS, IMAGE_OBJECTS]}},
        )


def only_rows(*prefixes: str) -> dict[str, dict[str, str | list[str]]]:
    """The condition under which a grant is for rows whose partitions begin so, and for no others
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html)."""
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{prefix}*" for prefix in prefixes]}}

"""Deleting objects in S3: some by their names, or all under a prefix. Raises as `functions.aws_calls.call`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from functions.aws_calls import call
from functions.errors import InternalError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


async def delete(client: "S3Client", bucket: str, names: Iterable[str]) -> None:
    """Deletes these objects, up to 1,000, in one request; none without any. Raises `InternalError` where S3 keeps one."""
    objects: list[ObjectIdentifierTypeDef] = [{"Key": name} for name in names]
    if not objects:
        return
    answer = await call(client.delete_objects, Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    if errors := answer.get("Errors"):
        raise InternalError(f"S3 kept {len(errors)} objects: {sorted({each.get('Code', '') for each in errors})}")


async def delete_below(client: "S3Client", bucket: str, prefix: str) -> None:
    """Deletes every object whose name begins so. One request where there is none."""
    while True:
        listed = await call(client.list_objects_v2, Bucket=bucket, Prefix=prefix)
        await delete(client, bucket, [entry["Key"] for entry in listed.get("Contents", []) if "Key" in entry])
        if not listed["IsTruncated"]:
            return

"""The bucket's CORS rules, names and events, from which `infra` and the local stack configure it.

The page itself PUTs to a presigned URL, with the headers of the upload descriptor and the two that ChatKit adds to
every call, and reads previews from an iframe of another origin.
"""

from typing import Final

CORS_METHODS: Final = ("PUT", "GET", "HEAD")
CORS_HEADERS: Final = ("content-type", "content-length", "accept-language", "chatkit-frame-instance-id")
CORS_EXPOSED_HEADERS: Final = ("etag",)
CORS_MAX_AGE: Final = 3600
"""Seconds for which a browser remembers the answer to a preflight."""

IMAGES_PREFIX: Final = "images/"
"""Where pictures that models made lie."""

EVENT_SOURCE: Final = "aws.s3"
OBJECT_CREATED: Final = "Object Created"
"""The `source` and `detail-type` of the events that tell of uploads
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html)."""

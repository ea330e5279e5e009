"""botocore's clients as the functions have them: how long each waits, and how often it tries again."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from botocore.config import Config
from botocore.session import Session

Service = Literal["dynamodb", "events", "s3", "secretsmanager"]

AWS_CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "max_attempts": 3},
    tcp_keepalive=True,
    s3={"addressing_style": "path"},
)
"""Far below the defaults of 60 s: a user waits. Path-style addresses work on AWS and on every stand-in."""
S3_CONFIG: Final = AWS_CONFIG.merge(Config(signature_version="s3v4"))
"""botocore still signs URLs in the old way, which regions opened since 2014 refuse."""
SECRETS_CONFIG: Final = AWS_CONFIG.merge(Config(read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}))
"""A token is checked before anything else is done, and a key that is known is used on rather than waited for."""
EVENTS_CONFIG: Final = SECRETS_CONFIG.merge(Config(connect_timeout=1, read_timeout=1))
"""Sending has two seconds in all (`functions.announcements.outbox.SECONDS`)."""

_CONFIGS: Final[Mapping[Service, Config]] = MappingProxyType(
    {"events": EVENTS_CONFIG, "s3": S3_CONFIG, "secretsmanager": SECRETS_CONFIG}
)
_LOCAL_CONFIGS: Final[Mapping[Service, Config]] = MappingProxyType({**_CONFIGS, "events": SECRETS_CONFIG})
"""The stand-in for EventBridge shares a machine with the functions, which may be busy: what it has taken it must not get
twice for having been slow to say so."""


def client(session: Session, service: Service, *, is_local: bool = False) -> Any:
    """A service's client. It does what `boto3.client` does, without the import of boto3's resources and transfer manager.

    `is_local`: it talks to the local stack's stand-in.
    """
    configs = _LOCAL_CONFIGS if is_local else _CONFIGS
    return session.create_client(service, config=configs.get(service, AWS_CONFIG))

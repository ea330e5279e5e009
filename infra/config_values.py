"""How a value is read from the command line, and how one that is wrong is told of."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Parse = Callable[[str, str], Any]
"""Given a setting's name and its text."""

_HOST: Final = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_CERTIFICATE: Final = re.compile(r"arn:aws[a-z-]*:acm:([a-z0-9-]+):\d{12}:certificate/[0-9a-f-]{36}")
_HOSTED_ZONE: Final = re.compile(r"Z[A-Z0-9]{1,31}")


class ConfigError(ValueError):
    """A setting that is missing or wrong."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason} (give it on the command line: -c {name}=...)")
        self.name = name


def given(lookup: Callable[[str], Any], parsers: Mapping[str, Parse]) -> dict[str, Any]:
    """What the context sets of these settings. `lookup` gives the value of a key, None where there is none.

    Raises `ConfigError`.
    """
    return {name: parse(name, str(value)) for name, parse in parsers.items() if (value := lookup(name)) is not None}


def text(_name: str, value: str) -> str:
    """The text itself."""
    return value


def listed(_name: str, value: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def whole(name: str, value: str) -> int:
    """A whole number that is not negative."""
    if not (value.isascii() and value.isdigit()):
        raise ConfigError(name, f"must be a whole number; it is {value!r}")
    return int(value)


def whole_or_none(name: str, value: str) -> int | None:
    """A whole number, or `none`."""
    return None if value.lower() == "none" else whole(name, value)


def yes_or_no(name: str, value: str) -> bool:
    """`true` or `false`."""
    if value.lower() not in {"true", "false"}:
        raise ConfigError(name, f"must be true or false; it is {value!r}")
    return value.lower() == "true"


def check_range(name: str, value: int, *, least: int, most: int) -> None:
    """Raises `ConfigError` where it is outside."""
    if not least <= value <= most:
        raise ConfigError(name, f"must be from {least} to {most}; it is {value}")


def check_domain(
    prefix: str, *, domain_name: str | None, certificate_arn: str | None, hosted_zone_id: str | None, region: str | None
) -> None:
    """Checks a domain of one's own: its certificate, and the zone in Route 53 if there is one.

    `prefix` is what the three settings' names begin with; `region` is where the certificate has to be, if not where the
    stack is. Raises `ConfigError`.
    """
    if domain_name is None:
        for name, value in (("certificate_arn", certificate_arn), ("hosted_zone_id", hosted_zone_id)):
            if value is not None:
                raise ConfigError(f"{prefix}{name}", f"is given, but {prefix}domain_name is not")
        return
    if not _HOST.fullmatch(domain_name):
        raise ConfigError(f"{prefix}domain_name", f"must be a name such as chat.example.com; it is {domain_name!r}")
    if certificate_arn is None:
        raise ConfigError(f"{prefix}certificate_arn", f"is missing: {prefix}domain_name is given")
    certificate = _CERTIFICATE.fullmatch(certificate_arn)
    if certificate is None:
        raise ConfigError(
            f"{prefix}certificate_arn", f"must be the ARN of a certificate of ACM's; it is {certificate_arn!r}"
        )
    if region is not None and certificate[1] != region:
        raise ConfigError(
            f"{prefix}certificate_arn", f"must be of a certificate in {region}; it is in {certificate[1]}"
        )
    if hosted_zone_id is not None and not _HOSTED_ZONE.fullmatch(hosted_zone_id):
        raise ConfigError(
            f"{prefix}hosted_zone_id", f"must be a zone's id, such as Z0123456789ABC; it is {hosted_zone_id!r}"
        )

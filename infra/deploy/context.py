"""What was given on the command line, held against what there is to be given. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from infra.config import OIDC_ALONE, SETTINGS, Config, ConfigError
from infra.edge_config import SITE_PARSERS

_CDKS_OWN: Final = ("@", "aws:", "aws-cdk:", "cli-")
"""What names of the CDK's own settings begin with."""
_STAND_INS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "allowed_origins": "https://app.example.com",
        "oidc_issuer": "https://issuer.example.com",
        "oidc_audience": "client",
    }
)
"""For what is missing, so that what else is wrong is found too. Nothing is ever deployed with one."""
_REST_ON: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "identity": (*OIDC_ALONE, *SITE_PARSERS),
        "chat_endpoint": ("waf",),
        "domain_name": ("certificate_arn", "hosted_zone_id"),
        "site": tuple(SITE_PARSERS),
        "site_domain_name": ("site_certificate_arn", "site_hosted_zone_id"),
        "events": ("event_content", "event_archive_days"),
        "operations": ("alarm_email", "monthly_budget_usd"),
        "restored_table": ("restored_stream_arn",),
    }
)
"""What cannot be judged while another setting is wrong: without that one, each of these would seem to be wrong, too."""


class ContextError(ValueError):
    """What was given is no context; the message says what one looks like."""


def parse(pairs: Sequence[str], *, stage: str) -> dict[str, str]:
    """The context of `name=value` pairs, of which a later one goes before an earlier. Raises `ContextError`."""
    context = {"stage": stage}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ContextError(f"-c {pair!r} is no setting; one is given as -c name=value")
        if name == "stage" and value != stage:
            raise ContextError(f"-c stage={value} contradicts the stage {stage!r}: name it once, as STAGE={value}")
        context[name] = value
    return context


def problems(context: Mapping[str, str], defaults: Mapping[str, Any]) -> tuple[Config | None, list[str]]:
    """The stage's configuration, or, without one, all that is wrong with the context.

    `defaults` is the context of `cdk.json`, which the command line's goes before. A name that nobody reads is wrong too: the
    CDK would pass over it without a word.
    """
    found = [
        f"{name} is no setting (docs/deploy.md lists them)"
        for name in context
        if name not in SETTINGS and not name.startswith(_CDKS_OWN)
    ]
    tried = {**defaults, **context}
    replaced: set[str] = set()
    while True:
        try:
            config = Config.from_context(tried.get)
        except ConfigError as error:
            found.append(str(error))
            is_known = error.name in tried or error.name in _STAND_INS
            if error.name == "stage" or error.name in replaced or not is_known:
                return None, found
            replaced.add(error.name)
            for name in (error.name, *_REST_ON.get(error.name, ())):
                tried.pop(name, None)
            if error.name in _STAND_INS:
                tried[error.name] = _STAND_INS[error.name]
        else:
            return (None if found else config), found

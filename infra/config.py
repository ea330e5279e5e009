"""What differs from stage to stage: one frozen value, checked before anything is built.

A stage is chosen on the command line, where each setting below can be given too:
`cdk deploy -c stage=prod -c allowed_origins=https://app.example.com`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit

from functions.limits import OFF, Counter, Limits
from functions.settings import MAX_RETENTION_DAYS, Identity
from infra.config_values import ConfigError, Parse, given, listed, text, whole, whole_or_none, yes_or_no
from infra.edge_config import EDGE_PARSERS, SITE_PARSERS, EdgeConfig, SiteConfig

StageName = Literal["dev", "prod"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

LOG_DAYS: Final = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
"""What CloudWatch Logs can keep, up to two years
(https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html)."""

OIDC_ALONE: Final = ("oidc_issuer", "oidc_audience", "oidc_tenant_claim")
"""What says nothing where nobody is trusted by OpenID Connect."""
_TABLE: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One stage. Raises `ConfigError` where a value cannot be deployed."""

    stage: StageName
    allowed_origins: tuple[str, ...]
    """Exact origins (`https://app.example.com`) whose pages may call; on the command line, separated by commas."""
    identity: tuple[Identity, ...] = ("iam",)
    """Who may ask for client tokens: see docs/identity.md."""
    oidc_issuer: str | None = None
    """The identity provider, exactly as its tokens name it."""
    oidc_audience: tuple[str, ...] = ()
    """The clients of the provider's whose tokens are taken."""
    oidc_user_claim: str = "sub"
    oidc_tenant_claim: str | None = None
    """Which claims hold the user, and the tenant if there are any."""
    hosted_workflow_id: str | None = None
    """The workflow of OpenAI's hosted ChatKit for which sessions are handed out, in place of this backend's own tokens."""
    hosted_workflow_version: str | None = None
    hosted_requests_per_minute: int = 10
    """What OpenAI lets through of one such session."""
    openai_base_url: str | None = None
    """Where the model is called, if not at api.openai.com: a proxy, or a gateway of one's own."""
    token_seconds: int = 600
    """How long a client token is good."""
    session_seconds: int = 43_200
    """How long a token can be renewed into the next, from the first on."""
    refresh_grace_seconds: int = 300
    """How long behind its expiry a token can still be renewed."""
    token_key_days: int = 30
    """How long a key signs client tokens before a new one is made."""
    deadline_margin_seconds: int = 10
    """How long before the chat function's time is up a turn is brought to its end."""
    retention_days: int | None = None
    """How many days a thread is kept behind its last use; without, for ever."""
    limits: str = ""
    """How much users and tenants may use, where that is otherwise than by default (docs/limits.md)."""
    events: bool = True
    """Whether an EventBridge bus is told what happens (docs/events.md)."""
    event_content: bool = False
    """Whether it is also told what users and assistants write."""
    event_archive_days: int | None = None
    """How long EventBridge keeps events, to be sent again; without, not at all."""
    log_level: LogLevel = "INFO"
    log_days: int
    """How long logs are kept."""
    protect_data: bool
    """Whether table, bucket, secrets and logs outlive their stack, and the table refuses to be deleted."""
    restored_table: str | None = None
    """The table that is used in place of the stage's own, once that was restored from its backup (docs/operations.md)."""
    restored_stream_arn: str | None = None
    """The stream of that table."""
    chat_memory: int = 1024
    """The chat function's memory in MB; its share of a CPU grows with it."""
    api_memory: int = 512
    """The api function's memory in MB."""
    snap_start: bool = False
    """Whether copies of the chat function are started from a snapshot, where the region can (docs/edge.md)."""
    attachment_concurrency: int | None
    """How many uploads are looked at at once. So many calls are set aside for it, out of the account's, which must leave 100
    to all others: a new account's limit may be as low as 10. None sets nothing aside, and nothing apart."""
    requests_per_second: int
    """What the REST API lets through, over all callers; beyond it, 429."""
    request_burst: int
    """How many requests may come at once beyond that rate."""
    operations: bool
    """Whether there are a dashboard and alarms; they cost money while nobody calls (docs/operations.md)."""
    alarm_email: str | None = None
    """Who hears of alarms, once the address has confirmed it."""
    monthly_budget_usd: int | None = None
    """What a month may cost before somebody hears of it; without, no budget."""
    chat_concurrency_alarm: int
    """From how many answers at once on somebody hears of it."""
    chat_concurrency: int | None = None
    """How many answers run at once, at most: more are refused. So many calls are set aside, out of the account's."""
    api_gateway_log_role: bool = True
    """Whether to set the role with which API Gateway writes logs: one for all APIs of an account in a region.
    Without any, API Gateway refuses to log; an account that has one already keeps its own with `false`."""
    edge: EdgeConfig = field(default_factory=EdgeConfig)
    """The endpoints."""
    site: SiteConfig | None = None
    """The page, if there is to be one."""

    @property
    def set_aside(self) -> int:
        """How many concurrent calls of the account's the stage's functions keep for themselves."""
        return (self.attachment_concurrency or 0) + (self.chat_concurrency or 0)

    def __post_init__(self) -> None:
        _check_origins(self.allowed_origins, public=self.stage == "prod")
        self._check_identity()
        self._check_site()
        for name in ("event_content", "event_archive_days"):
            if getattr(self, name) and not self.events:
                raise ConfigError(name, "is given, but events is false")
        if self.openai_base_url is not None and not self.openai_base_url.startswith("https://"):
            raise ConfigError("openai_base_url", f"must begin with https://; it is {self.openai_base_url!r}")
        if self.log_level not in get_args(LogLevel):
            raise ConfigError("log_level", f"must be one of {', '.join(get_args(LogLevel))}; it is {self.log_level!r}")
        try:
            Limits.parse(self.limits)
        except ValueError as error:
            raise ConfigError("limits", str(error)) from None
        self._check_operations()
        self._check_restored()
        if self.log_days not in LOG_DAYS:
            raise ConfigError("log_days", f"must be one of {', '.join(map(str, LOG_DAYS))}; it is {self.log_days}")
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ConfigError(name, f"must be from {least} to {most}; it is {value}")

    def _check_identity(self) -> None:
        allowed = tuple(kind for kind in get_args(Identity) if kind != "local")
        for kind in self.identity:
            if kind not in allowed:
                raise ConfigError("identity", f"must list some of {', '.join(allowed)}; {kind!r} is none")
        if not self.identity:
            raise ConfigError("identity", "is empty")
        if "iam" in self.identity and len(self.identity) > 1:
            raise ConfigError(
                "identity", "must be iam alone: API Gateway checks the signature of every call, or of none"
            )
        self._check_oidc()
        if self.hosted_workflow_version is not None and self.hosted_workflow_id is None:
            raise ConfigError("hosted_workflow_version", "is given, but hosted_workflow_id is not")

    def _check_oidc(self) -> None:
        if "oidc" in self.identity:
            if not (self.oidc_issuer or "").startswith("https://"):
                raise ConfigError("oidc_issuer", f"must begin with https://; it is {self.oidc_issuer!r}")
            if not self.oidc_audience:
                raise ConfigError("oidc_audience", "is missing: identity names oidc")
            return
        for name in OIDC_ALONE:
            if getattr(self, name):
                raise ConfigError(name, "is given, but identity does not name oidc")

    def _check_site(self) -> None:
        if self.site is None:
            return
        if not {"anonymous", "oidc"} & set(self.identity):
            raise ConfigError(
                "site",
                "needs an identity with which a page gets its tokens itself: anonymous, or oidc with your sign-in",
            )
        told = f"address.{Counter.VISITORS_PER_HOUR}"
        if "anonymous" in self.identity and told not in self.limits and self.limits != OFF:
            raise ConfigError(
                "limits",
                f"must say {told} with a site, all of whose visitors come from CloudFront's addresses: none for no limit",
            )
        if self.edge.waf:
            raise ConfigError(
                "site", "cannot be with waf, which would count all its users as few: as CloudFront's addresses"
            )

    def _check_operations(self) -> None:
        for name in ("alarm_email", "monthly_budget_usd"):
            if getattr(self, name) is not None and not self.operations:
                raise ConfigError(name, "is given, but there are no alarms: give operations=true, too")
        if self.alarm_email is not None and not _EMAIL.fullmatch(self.alarm_email):
            raise ConfigError("alarm_email", f"must be an e-mail address; it is {self.alarm_email!r}")

    def _check_restored(self) -> None:
        name, stream = self.restored_table, self.restored_stream_arn
        if (name is None) != (stream is None):
            raise ConfigError(
                "restored_stream_arn" if stream is None else "restored_table", "is missing: both are needed"
            )
        if name is not None and not _TABLE.fullmatch(name):
            raise ConfigError("restored_table", f"must be the name of a table; it is {name!r}")
        if stream is not None and f":table/{name}/stream/" not in stream:
            raise ConfigError("restored_stream_arn", f"must be a stream of the table {name}; it is {stream!r}")

    @classmethod
    def from_context(cls, lookup: Callable[[str], Any]) -> "Config":
        """The stage that the context names (`dev` where it names none), with what else the context sets.

        `lookup` gives the value of a context key, None where there is none. Raises `ConfigError`.
        """
        stage = lookup("stage") or "dev"
        if stage not in _STAGES:
            raise ConfigError("stage", f"must be one of {', '.join(_STAGES)}; it is {stage!r}")
        edge, site = EdgeConfig.from_context(lookup), SiteConfig.from_context(lookup)
        values = {**_STAGES[stage], **given(lookup, _PARSERS)}
        if site is not None and site.origin is not None:
            values["allowed_origins"] = tuple(dict.fromkeys((*values.get("allowed_origins", ()), site.origin)))
        if "allowed_origins" not in values:
            raise ConfigError("allowed_origins", f"is missing: stage {stage} has no default")
        return cls(stage=stage, edge=edge, site=site, **values)


_RANGES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        # The functions refuse others (functions/settings.py).
        "token_seconds": (60, 3600),
        "session_seconds": (600, 2_592_000),
        "hosted_requests_per_minute": (1, 1000),
        "refresh_grace_seconds": (0, 3600),
        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotationRulesType.html
        "token_key_days": (1, 1000),
        "deadline_margin_seconds": (1, 300),
        "retention_days": (1, MAX_RETENTION_DAYS),
        "event_archive_days": (1, MAX_RETENTION_DAYS),
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
        "chat_memory": (128, 10_240),
        "api_memory": (128, 10_240),
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
        "attachment_concurrency": (1, 900),
        "chat_concurrency": (1, 100_000),
        "chat_concurrency_alarm": (1, 100_000),
        "monthly_budget_usd": (1, 1_000_000),
        # An account's own limit, unless raised: 10,000 a second, bursts of 5,000
        # (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
        "requests_per_second": (1, 10_000),
        "request_burst": (1, 5_000),
    }
)

_STAGES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "dev": {
            # The local playground's page, so that it can be pointed at a deployed stage.
            "allowed_origins": ("http://localhost:8787", "http://127.0.0.1:8787"),
            "log_days": 14,
            "protect_data": False,
            "attachment_concurrency": None,
            "operations": False,
            "chat_concurrency_alarm": 10,
            "requests_per_second": 20,
            "request_burst": 40,
        },
        "prod": {
            "log_days": 90,
            "protect_data": True,
            "attachment_concurrency": 20,
            "operations": True,
            "chat_concurrency_alarm": 100,
            "requests_per_second": 200,
            "request_burst": 400,
        },
    }
)


def _check_origins(origins: tuple[str, ...], *, public: bool) -> None:
    if not origins:
        raise ConfigError("allowed_origins", "is empty")
    for origin in origins:
        if "*" in origin:
            raise ConfigError("allowed_origins", "must name each origin: a deployed stage takes no wildcard")
        scheme, _, host = origin.partition("://")
        if scheme not in {"https", "http"} or not host or urlsplit(origin).netloc != host or "@" in host:
            raise ConfigError(
                "allowed_origins", f"must list origins such as https://app.example.com; {origin!r} is none"
            )
        if public and scheme != "https":
            raise ConfigError("allowed_origins", f"must be https in stage prod; it has {origin!r}")


_PARSERS: Final[Mapping[str, Parse]] = MappingProxyType(
    {
        "allowed_origins": listed,
        "identity": listed,
        "oidc_issuer": text,
        "oidc_audience": listed,
        "oidc_user_claim": text,
        "oidc_tenant_claim": text,
        "hosted_workflow_id": text,
        "hosted_workflow_version": text,
        "hosted_requests_per_minute": whole,
        "openai_base_url": text,
        "token_seconds": whole,
        "session_seconds": whole,
        "refresh_grace_seconds": whole,
        "token_key_days": whole,
        "deadline_margin_seconds": whole,
        "retention_days": whole,
        "limits": text,
        "events": yes_or_no,
        "event_content": yes_or_no,
        "event_archive_days": whole,
        "log_level": text,
        "log_days": whole,
        "protect_data": yes_or_no,
        "restored_table": text,
        "restored_stream_arn": text,
        "chat_memory": whole,
        "api_memory": whole,
        "snap_start": yes_or_no,
        "attachment_concurrency": whole_or_none,
        "operations": yes_or_no,
        "alarm_email": text,
        "monthly_budget_usd": whole,
        "chat_concurrency_alarm": whole,
        "chat_concurrency": whole_or_none,
        "requests_per_second": whole,
        "request_burst": whole,
        "api_gateway_log_role": yes_or_no,
    }
)

SETTINGS: Final = frozenset({"stage", *_PARSERS, *EDGE_PARSERS, *SITE_PARSERS})
"""The names of all that can be given."""

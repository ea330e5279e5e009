"""The functions' settings: the only place that reads the environment.

Each is read once, when the process starts; one that is missing or wrong stops the start with its name. Nothing here
is secret: keys are fetched from Secrets Manager by the ids below.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from functions.errors import SettingError
from functions.limits import DEFAULT_LIMITS, OFF, Limits

Stage = str
Identity = Literal["iam", "api_key", "oidc", "anonymous", "local"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

LOCAL_STAGE: Final = "local"
"""The stage of the local stack; what is for development only is refused in every other stage."""
MAX_RETENTION_DAYS: Final = 3650
"""The longest time for which threads can be kept, if not for ever."""


MAX_TOKEN_SECONDS: Final = 3600
"""The longest that a client token can be good."""
MAX_REFRESH_GRACE_SECONDS: Final = 3600
"""The longest that it can be renewed behind its expiry."""


class Names:
    """The variables' names: `infra` and the local stack set what `Settings` reads."""

    STAGE: Final = "STAGE"
    TABLE_NAME: Final = "TABLE_NAME"
    BUCKET_NAME: Final = "BUCKET_NAME"
    TOKEN_SECRET_ID: Final = "TOKEN_SECRET_ID"  # noqa: S105 - a name
    OPENAI_SECRET_ID: Final = "OPENAI_SECRET_ID"  # noqa: S105 - a name
    OPENAI_BASE_URL: Final = "OPENAI_BASE_URL"
    ALLOWED_ORIGINS: Final = "ALLOWED_ORIGINS"
    IDENTITY: Final = "IDENTITY"
    OIDC_ISSUER: Final = "OIDC_ISSUER"
    OIDC_AUDIENCE: Final = "OIDC_AUDIENCE"
    OIDC_USER_CLAIM: Final = "OIDC_USER_CLAIM"
    OIDC_TENANT_CLAIM: Final = "OIDC_TENANT_CLAIM"
    API_KEYS_SECRET_ID: Final = "API_KEYS_SECRET_ID"  # noqa: S105 - a name
    HOSTED_WORKFLOW_ID: Final = "HOSTED_WORKFLOW_ID"
    HOSTED_WORKFLOW_VERSION: Final = "HOSTED_WORKFLOW_VERSION"
    HOSTED_REQUESTS_PER_MINUTE: Final = "HOSTED_REQUESTS_PER_MINUTE"
    TOKEN_SECONDS: Final = "TOKEN_SECONDS"  # noqa: S105 - a name
    SESSION_SECONDS: Final = "SESSION_SECONDS"
    REFRESH_GRACE_SECONDS: Final = "REFRESH_GRACE_SECONDS"
    DEADLINE_MARGIN_SECONDS: Final = "DEADLINE_MARGIN_SECONDS"
    RETENTION_DAYS: Final = "RETENTION_DAYS"
    LIMITS: Final = "LIMITS"
    EVENT_BUS_NAME: Final = "EVENT_BUS_NAME"
    EVENT_CONTENT: Final = "EVENT_CONTENT"
    LOG_LEVEL: Final = "LOG_LEVEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """Whose tokens are trusted as identities."""

    issuer: str
    """Exactly as the tokens name it (`iss`)."""
    audience: tuple[str, ...]
    """The clients for which tokens are taken (`aud`; in Cognito's access tokens, `client_id`)."""
    user_claim: str = "sub"
    tenant_claim: str | None = None
    """The claim that holds the tenant, which must then be there; None: users belong to no tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """The workflow that answers in hosted mode."""

    workflow_id: str
    version: str | None = None
    """None: the latest that was deployed."""
    requests_per_minute: int = 10
    """What OpenAI lets through of one session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a function needs to know of where it runs."""

    stage: Stage
    table_name: str
    bucket_name: str
    token_secret_id: str
    """The Secrets Manager secret that signs client tokens."""
    openai_secret_id: str | None
    """The Secrets Manager secret that holds the OpenAI key. None only in the local stack: a scripted assistant answers."""
    openai_base_url: str | None
    allowed_origins: tuple[str, ...]
    """Exact origins (`https://app.example.com`) whose pages may call; `*` alone allows every page."""
    identity: tuple[Identity, ...]
    """Which kinds of identity are trusted, each once."""
    oidc: Oidc | None = None
    """None unless `identity` names it."""
    api_keys_secret_id: str | None = None
    """The Secrets Manager secret with the hashes of the API keys. None unless `identity` names them."""
    hosted: Hosted | None = None
    """None: this backend answers itself."""
    token_seconds: int = 600
    session_seconds: int = 43_200
    """How long a token can be renewed into the next, from the first on."""
    refresh_grace_seconds: int = 300
    """How long behind its expiry a token can still be renewed."""
    deadline_margin_seconds: int = 10
    """How long before the function's time is up an answer that is not whole is closed."""
    retention_days: int | None = None
    """How many days a thread is kept behind its last use; None keeps it for ever."""
    limits: Limits = DEFAULT_LIMITS
    """How much users and tenants may use. Where nothing is said, the local stack limits nothing."""
    event_bus_name: str | None = None
    """The EventBridge bus that is told what happens; None tells nobody."""
    event_content: bool = False
    """Whether events hold what users and assistants write."""
    log_level: LogLevel = "INFO"

    @property
    def is_local(self) -> bool:
        """Whether this is the local stack."""
        return self.stage == LOCAL_STAGE

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Reads and checks every setting. Raises `SettingError` with the name of the first that is missing or wrong."""
        read = _Reader(environ)
        settings = cls(
            stage=read.text(Names.STAGE),
            table_name=read.text(Names.TABLE_NAME),
            bucket_name=read.text(Names.BUCKET_NAME),
            token_secret_id=read.text(Names.TOKEN_SECRET_ID),
            openai_secret_id=read.optional(Names.OPENAI_SECRET_ID),
            openai_base_url=read.url(Names.OPENAI_BASE_URL),
            allowed_origins=read.origins(Names.ALLOWED_ORIGINS),
            identity=read.identity(),
            oidc=read.oidc(),
            api_keys_secret_id=read.optional(Names.API_KEYS_SECRET_ID),
            hosted=read.hosted(),
            token_seconds=read.seconds(Names.TOKEN_SECONDS, default=600, least=60, most=MAX_TOKEN_SECONDS),
            session_seconds=read.seconds(Names.SESSION_SECONDS, default=43_200, least=600, most=2_592_000),
            refresh_grace_seconds=read.seconds(
                Names.REFRESH_GRACE_SECONDS, default=300, least=0, most=MAX_REFRESH_GRACE_SECONDS
            ),
            deadline_margin_seconds=read.seconds(Names.DEADLINE_MARGIN_SECONDS, default=10, least=1, most=300),
            retention_days=read.days(Names.RETENTION_DAYS, least=1, most=MAX_RETENTION_DAYS),
            limits=read.limits(Names.LIMITS, default=OFF if read.optional(Names.STAGE) == LOCAL_STAGE else ""),
            event_bus_name=read.optional(Names.EVENT_BUS_NAME),
            event_content=read.one_of(Names.EVENT_CONTENT, ("true", "false"), default="false") == "true",
            log_level=read.log_level(),
        )
        _check_identity(settings)
        if settings.hosted is not None and settings.openai_secret_id is None:
            raise SettingError(
                Names.OPENAI_SECRET_ID, "is missing: sessions of a hosted workflow are made with the key"
            )
        if not settings.is_local:
            if settings.openai_secret_id is None:
                raise SettingError(Names.OPENAI_SECRET_ID, "is missing")
            if (settings.openai_base_url or "https://").startswith("http://"):
                raise SettingError(Names.OPENAI_BASE_URL, "must begin with https://: the key is sent there")
        return settings


def _check_identity(settings: Settings) -> None:
    kinds = settings.identity
    if "local" in kinds and not settings.is_local:
        raise SettingError(Names.IDENTITY, "`local` lets callers name themselves: for the local stack only")
    if "iam" in kinds and len(kinds) > 1:
        raise SettingError(
            Names.IDENTITY, "`iam` stands alone: API Gateway checks the signature of every call, or of none"
        )
    if "anonymous" in kinds and "*" in settings.allowed_origins:
        raise SettingError(Names.ALLOWED_ORIGINS, "must name each origin: with IDENTITY `anonymous` cookies are sent")
    needs = {
        "oidc": (Names.OIDC_ISSUER, settings.oidc),
        "api_key": (Names.API_KEYS_SECRET_ID, settings.api_keys_secret_id),
    }
    for kind, (name, value) in needs.items():
        if kind in kinds and value is None:
            raise SettingError(name, f"is missing: IDENTITY names `{kind}`")
        if kind not in kinds and value is not None:
            raise SettingError(name, f"is set, but IDENTITY does not name `{kind}`")
    issuer = settings.oidc.issuer if settings.oidc else ""
    if issuer.startswith("http://") and not (settings.is_local and _LOOPBACK.match(issuer)):
        raise SettingError(Names.OIDC_ISSUER, "must begin with https://: whoever answers there says who is who")


_LOOPBACK: Final = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?(/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationSettings:
    """What the rotation function needs to know: it gets at nothing else."""

    token_secret_id: str
    """The Secrets Manager secret that it rotates, as Secrets Manager names it to the function: by its ARN."""
    log_level: LogLevel = "INFO"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "RotationSettings":
        """As `Settings.from_environ`."""
        read = _Reader(environ)
        return cls(token_secret_id=read.text(Names.TOKEN_SECRET_ID), log_level=read.log_level())


_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_ORIGIN: Final = re.compile(r"https?://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
"""An origin as a browser writes it, which is compared letter by letter: lower case, ASCII, no path
(https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin)."""


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def optional(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def text(self, name: str) -> str:
        value = self.optional(name)
        if value is None:
            raise SettingError(name, "is missing")
        return value

    def one_of(self, name: str, allowed: tuple[str, ...], *, default: str | None = None) -> str:
        value = self.optional(name) or default
        if value is None:
            raise SettingError(name, "is missing")
        if value not in allowed:
            raise SettingError(name, f"must be one of {', '.join(allowed)}; it is {value!r}")
        return value

    def listed(self, name: str) -> tuple[str, ...]:
        """The parts between commas, each once."""
        return tuple(dict.fromkeys(part.strip() for part in self.text(name).split(",") if part.strip()))

    def identity(self) -> tuple[Identity, ...]:
        allowed = get_args(Identity)
        found = self.listed(Names.IDENTITY)
        for kind in found:
            if kind not in allowed:
                raise SettingError(Names.IDENTITY, f"must list some of {', '.join(allowed)}; {kind!r} is none")
        if not found:
            raise SettingError(Names.IDENTITY, "is missing")
        return cast("tuple[Identity, ...]", found)

    def oidc(self) -> Oidc | None:
        issuer = self.url(Names.OIDC_ISSUER)
        if issuer is None:
            return None
        return Oidc(
            issuer=issuer,
            audience=self.listed(Names.OIDC_AUDIENCE),
            user_claim=self.optional(Names.OIDC_USER_CLAIM) or "sub",
            tenant_claim=self.optional(Names.OIDC_TENANT_CLAIM),
        )

    def hosted(self) -> Hosted | None:
        workflow_id = self.optional(Names.HOSTED_WORKFLOW_ID)
        version = self.optional(Names.HOSTED_WORKFLOW_VERSION)
        requests = self.optional(Names.HOSTED_REQUESTS_PER_MINUTE) or "10"
        most = self._whole(Names.HOSTED_REQUESTS_PER_MINUTE, requests, "requests", least=1, most=1000)
        if workflow_id is None:
            return None
        return Hosted(workflow_id=workflow_id, version=version, requests_per_minute=most)

    def log_level(self) -> LogLevel:
        return cast("LogLevel", self.one_of(Names.LOG_LEVEL, get_args(LogLevel), default="INFO"))

    def seconds(self, name: str, *, default: int, least: int, most: int) -> int:
        value = self.optional(name)
        if value is None:
            return default
        return self._whole(name, value, "seconds", least=least, most=most)

    def days(self, name: str, *, least: int, most: int) -> int | None:
        value = self.optional(name)
        return None if value is None else self._whole(name, value, "days", least=least, most=most)

    def _whole(self, name: str, value: str, what: str, *, least: int, most: int) -> int:
        if not (_DIGITS.fullmatch(value) and least <= int(value) <= most):
            raise SettingError(name, f"must be a whole number of {what} from {least} to {most}; it is {value!r}")
        return int(value)

    def limits(self, name: str, *, default: str) -> Limits:
        try:
            return Limits.parse(self.optional(name) or default)
        except ValueError as error:
            raise SettingError(name, str(error)) from None

    def url(self, name: str) -> str | None:
        value = self.optional(name)
        if value is not None and not value.startswith(("https://", "http://")):
            raise SettingError(name, f"must begin with https:// or http://; it is {value!r}")
        return value

    def origins(self, name: str) -> tuple[str, ...]:
        origins = tuple(part.strip() for part in self.text(name).split(","))
        for origin in origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise SettingError(name, f"must list origins such as https://app.example.com; {origin!r} is none")
        if "*" in origins and len(origins) > 1:
            raise SettingError(name, "`*` stands alone")
        return origins

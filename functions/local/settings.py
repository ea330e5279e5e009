"""The local stack's settings: the only place under `local/` that touches the environment.

They are read once, when a command starts; one that is wrong stops it with its name.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast, get_args

from functions.errors import SettingError
from functions.identity.api_keys import is_key
from functions.limits import OFF, Limits
from functions.settings import MAX_RETENTION_DAYS, LogLevel, Names

DEFAULT_PORT: Final = 8787
DEFAULT_STATE_DIR: Final = ".local"
HIGHEST_PORT: Final = 65_535
_DIGITS: Final = 9

NO_KEY: Final = "no-key"
"""What a model server of one's own (`OPENAI_BASE_URL` without `OPENAI_API_KEY`) is sent as a key: it asks for none."""

_PASSED_ON: Final = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONPATH",
    "PYTHONWARNINGS",
    "TMPDIR",
    "TZ",
    "VIRTUAL_ENV",
    # How this machine reaches the internet, for calls to the model.
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "https_proxy",
    "http_proxy",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
)
"""What child processes inherit. Nothing of AWS: no profile or key of the developer reaches a local function."""


_IDENTITY: Final = (
    Names.IDENTITY,
    Names.OIDC_ISSUER,
    Names.OIDC_AUDIENCE,
    Names.OIDC_USER_CLAIM,
    Names.OIDC_TENANT_CLAIM,
    Names.HOSTED_WORKFLOW_ID,
    Names.HOSTED_WORKFLOW_VERSION,
    Names.HOSTED_REQUESTS_PER_MINUTE,
    Names.TOKEN_SECONDS,
    Names.SESSION_SECONDS,
    Names.REFRESH_GRACE_SECONDS,
)
"""Settings that are handed to the functions, which check them."""


class LocalNames:
    """The variables' names."""

    PORT: Final = "PORT"
    STATE_DIR: Final = "STATE_DIR"
    OPENAI_API_KEY: Final = "OPENAI_API_KEY"
    OPENAI_BASE_URL: Final = "OPENAI_BASE_URL"
    RETENTION_DAYS: Final = Names.RETENTION_DAYS
    LIMITS: Final = Names.LIMITS
    LOG_LEVEL: Final = "LOG_LEVEL"
    LOCAL_API_KEY: Final = "LOCAL_API_KEY"
    ALLOWED_HOSTS: Final = "ALLOWED_HOSTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """What the local stack needs to know."""

    port: int = DEFAULT_PORT
    """The page's port on 127.0.0.1; 0 means any that is free."""
    state_dir: Path = Path(DEFAULT_STATE_DIR)
    """Where conversations are kept between runs."""
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = None
    retention_days: str | None = None
    """How many days a thread is kept behind its last use, as the functions read it; None keeps it for ever."""
    limits: str | None = None
    """How much users may use, as the functions read it; None limits nothing."""
    api_key: str | None = field(default=None, repr=False)
    """A key that servers may use where `IDENTITY` names `api_key`."""
    identity: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the functions are told of identities and sessions, as they read it; without, everybody is believed."""
    log_level: LogLevel = "INFO"
    allowed_hosts: tuple[str, ...] = ()
    """Host names, beside this machine's own, under which the stack answers (behind a tunnel); `*` means any."""
    inherited: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """The part of the environment that child processes get."""

    @property
    def model_key(self) -> str | None:
        """The key that the model is called with. None: a scripted assistant answers."""
        return self.openai_api_key or (NO_KEY if self.openai_base_url else None)

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str] = os.environ, *, port: str | None = None, state_dir: str | None = None
    ) -> "LocalSettings":
        """Reads and checks every setting; `port` and `state_dir` come from the command line and go before.

        Raises `SettingError` with the name of the first that is wrong.
        """
        return cls(
            port=port_number(_text(port) or _text(environ.get(LocalNames.PORT)) or str(DEFAULT_PORT)),
            state_dir=_directory(
                _text(state_dir) or _text(environ.get(LocalNames.STATE_DIR)) or DEFAULT_STATE_DIR,
            ),
            openai_api_key=_text(environ.get(LocalNames.OPENAI_API_KEY)),
            openai_base_url=_url(_text(environ.get(LocalNames.OPENAI_BASE_URL))),
            retention_days=_days(_text(environ.get(LocalNames.RETENTION_DAYS))),
            limits=_limits(_text(environ.get(LocalNames.LIMITS))),
            api_key=_api_key(_text(environ.get(LocalNames.LOCAL_API_KEY))),
            identity={name: environ[name] for name in _IDENTITY if _text(environ.get(name))},
            log_level=_log_level(_text(environ.get(LocalNames.LOG_LEVEL)) or "INFO"),
            allowed_hosts=tuple(environ.get(LocalNames.ALLOWED_HOSTS, "").lower().replace(",", " ").split()),
            inherited=_inherited(environ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeSecrets:
    """What `chatkit-lambda smoke` proves with who is calling: by the environment, as others can see command lines."""

    token: str | None = field(default=None, repr=False)
    """A client token (`TOKEN`)."""
    proof: str | None = field(default=None, repr=False)
    """An API key (`API_KEY`), or a user's identity token (`ID_TOKEN`)."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "SmokeSecrets":
        """Reads them. Raises `SettingError` where one is given twice."""
        api_key, id_token = _text(environ.get("API_KEY")), _text(environ.get("ID_TOKEN"))
        if api_key is not None and id_token is not None:
            raise SettingError("ID_TOKEN", "is given, and so is API_KEY: who is calling is proved by one")
        return cls(token=_text(environ.get("TOKEN")), proof=api_key or id_token)


def port_number(value: str) -> int:
    """The port that `value` names. Raises `SettingError`."""
    if not (value.isascii() and value.isdigit() and int(value) <= HIGHEST_PORT):
        raise SettingError(LocalNames.PORT, f"must be a number from 0 to {HIGHEST_PORT}; it is {value!r}")
    return int(value)


def enter_environment(variables: Mapping[str, str]) -> None:
    """Gives this process the environment of a function, for a handler that is about to be imported into it."""
    os.environ.update(variables)


def _inherited(environ: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: environ[name] for name in _PASSED_ON if name in environ}
    # What listens on this machine is never asked for through a proxy.
    known = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    inherited["NO_PROXY"] = inherited["no_proxy"] = ",".join(filter(None, (known, "127.0.0.1", "localhost")))
    return inherited


def _text(value: str | None) -> str | None:
    return (value or "").strip() or None


def _directory(value: str) -> Path:
    path = Path(value).expanduser()
    if path.exists() and not path.is_dir():
        raise SettingError(LocalNames.STATE_DIR, f"must be a directory; {value!r} is a file")
    return path


def _url(value: str | None) -> str | None:
    if value is not None and not value.startswith(("https://", "http://")):
        raise SettingError(LocalNames.OPENAI_BASE_URL, f"must begin with https:// or http://; it is {value!r}")
    return value


def _api_key(value: str | None) -> str | None:
    if value is not None and not is_key(value):
        raise SettingError(LocalNames.LOCAL_API_KEY, "must be a key as `chatkit-lambda api-key new local` prints one")
    return value


def _days(value: str | None) -> str | None:
    is_number = value is None or (value.isascii() and value.isdigit() and len(value) <= _DIGITS)
    if not is_number or not 1 <= int(value or 1) <= MAX_RETENTION_DAYS:
        raise SettingError(LocalNames.RETENTION_DAYS, f"must be from 1 to {MAX_RETENTION_DAYS}; it is {value!r}")
    return value


def _limits(value: str | None) -> str | None:
    try:
        Limits.parse(value or OFF)
    except ValueError as error:
        raise SettingError(LocalNames.LIMITS, str(error)) from None
    return value


def _log_level(value: str) -> LogLevel:
    level = value.upper()
    if level not in get_args(LogLevel):
        raise SettingError(LocalNames.LOG_LEVEL, f"must be one of {', '.join(get_args(LogLevel))}; it is {value!r}")
    return cast("LogLevel", level)

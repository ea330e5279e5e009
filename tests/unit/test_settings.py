"""Settings."""

from collections.abc import Iterator, Mapping

import pytest

from functions.errors import SettingError
from functions.limits import DEFAULT_LIMITS, NO_LIMITS, Counter
from functions.settings import LOCAL_STAGE, Hosted, Names, Oidc, RotationSettings, Settings

DEPLOYED = {
    Names.STAGE: "prod",
    Names.TABLE_NAME: "table",
    Names.BUCKET_NAME: "bucket",
    Names.TOKEN_SECRET_ID: "token-secret",
    Names.OPENAI_SECRET_ID: "openai-secret",
    Names.ALLOWED_ORIGINS: "https://app.example.com",
    Names.IDENTITY: "iam",
}
REQUIRED = sorted(DEPLOYED)


def test_settings_are_read() -> None:
    """What is set is what is known, and what may be left out has its default."""
    assert Settings.from_environ(DEPLOYED) == Settings(
        stage="prod",
        table_name="table",
        bucket_name="bucket",
        token_secret_id="token-secret",
        openai_secret_id="openai-secret",
        openai_base_url=None,
        allowed_origins=("https://app.example.com",),
        identity=("iam",),
        token_seconds=600,
        retention_days=None,
        log_level="INFO",
    )


def test_every_setting_can_be_set() -> None:
    """The optional settings are read too, without the space around them."""
    environ = {
        **DEPLOYED,
        Names.OPENAI_BASE_URL: " https://proxy.example.com/v1 ",
        Names.ALLOWED_ORIGINS: " https://a.example.com , http://localhost:8787,https://[::1]:8443",
        Names.TOKEN_SECONDS: "60",
        Names.RETENTION_DAYS: " 30 ",
        Names.LIMITS: " tenant.threads=5 ",
        Names.EVENT_BUS_NAME: " chatkit-prod ",
        Names.EVENT_CONTENT: "true",
        Names.LOG_LEVEL: "DEBUG",
    }
    settings = Settings.from_environ(environ)
    assert settings.openai_base_url == "https://proxy.example.com/v1"
    assert settings.allowed_origins == ("https://a.example.com", "http://localhost:8787", "https://[::1]:8443")
    assert settings.token_seconds == 60
    assert settings.retention_days == 30
    assert settings.limits.tenant[Counter.THREADS] == 5
    assert settings.event_bus_name == "chatkit-prod"
    assert settings.event_content
    assert settings.log_level == "DEBUG"


def test_the_names_are_those_that_are_read() -> None:
    """Every name is read: a setting that is given and has no effect would be a trap."""
    asked: set[str] = set()
    # These are read where there is an issuer.
    environ = {
        **DEPLOYED,
        Names.IDENTITY: "oidc",
        Names.OIDC_ISSUER: "https://id.example.com",
        Names.OIDC_AUDIENCE: "a",
    }

    class Recording(Mapping[str, str]):
        def __getitem__(self, name: str) -> str:
            asked.add(name)
            return environ[name]

        def __iter__(self) -> Iterator[str]:
            return iter(environ)

        def __len__(self) -> int:
            return len(environ)

    Settings.from_environ(Recording())
    assert asked == {value for name, value in vars(Names).items() if name.isupper()}


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_missing_setting_is_named(name: str, blank: str | None) -> None:
    """The start stops with the name of what is missing; blank counts as missing."""
    environ = {key: value for key, value in DEPLOYED.items() if key != name}
    if blank is not None:
        environ[name] = blank
    with pytest.raises(SettingError, match=f"setting {name}: is missing") as caught:
        Settings.from_environ(environ)
    assert caught.value.name == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (Names.IDENTITY, "IAM"),
        (Names.IDENTITY, "saml"),
        (Names.IDENTITY, "iam," + "saml"),
        (Names.IDENTITY, ","),
        (Names.IDENTITY, "iam,api_key"),
        (Names.SESSION_SECONDS, "599"),
        (Names.SESSION_SECONDS, "2592001"),
        (Names.REFRESH_GRACE_SECONDS, "-1"),
        (Names.REFRESH_GRACE_SECONDS, "3601"),
        (Names.LOG_LEVEL, "LOUD"),
        (Names.LOG_LEVEL, "info"),
        (Names.TOKEN_SECONDS, "59"),
        (Names.TOKEN_SECONDS, "3601"),
        (Names.TOKEN_SECONDS, "-600"),
        (Names.TOKEN_SECONDS, "600.0"),
        (Names.TOKEN_SECONDS, "6_00"),
        (Names.TOKEN_SECONDS, "٦٠٠"),
        (Names.TOKEN_SECONDS, "²"),
        (Names.TOKEN_SECONDS, "9" * 5_000),
        (Names.RETENTION_DAYS, "0"),
        (Names.RETENTION_DAYS, "3651"),
        (Names.RETENTION_DAYS, "1.5"),
        (Names.RETENTION_DAYS, "never"),
        (Names.LIMITS, "user.threads"),
        (Names.LIMITS, "on"),
        (Names.OPENAI_BASE_URL, "proxy.example.com"),
        (Names.OPENAI_BASE_URL, "file:///etc/passwd"),
        (Names.ALLOWED_ORIGINS, "app.example.com"),
        (Names.ALLOWED_ORIGINS, "https://"),
        (Names.ALLOWED_ORIGINS, "https://app.example.com/"),
        (Names.ALLOWED_ORIGINS, "https://app.example.com/path"),
        (Names.ALLOWED_ORIGINS, "https://app.example.com?query"),
        (Names.ALLOWED_ORIGINS, "https://App.example.com"),
        (Names.ALLOWED_ORIGINS, "https://user@app.example.com"),
        (Names.ALLOWED_ORIGINS, "https://*.example.com"),
        (Names.ALLOWED_ORIGINS, "https://bücher.example"),
        (Names.ALLOWED_ORIGINS, "ftp://app.example.com"),
        (Names.ALLOWED_ORIGINS, "null"),
        (Names.ALLOWED_ORIGINS, "https://a.example.com,"),
        (Names.ALLOWED_ORIGINS, "https://a.example.com,,https://b.example.com"),
        (Names.ALLOWED_ORIGINS, "https://a.example.com https://b.example.com"),
        (Names.ALLOWED_ORIGINS, "*,https://a.example.com"),
        (Names.ALLOWED_ORIGINS, "*,*"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    """The start stops with the name of what is wrong, locally as elsewhere."""
    for stage in ("prod", LOCAL_STAGE):
        with pytest.raises(SettingError, match=f"setting {name}: ") as caught:
            Settings.from_environ({**DEPLOYED, Names.STAGE: stage, name: value})
        assert caught.value.name == name


def test_every_page_may_be_allowed() -> None:
    """A lone `*` is an origin list too."""
    assert Settings.from_environ({**DEPLOYED, Names.ALLOWED_ORIGINS: "*"}).allowed_origins == ("*",)


def test_only_the_local_stack_lets_callers_name_themselves() -> None:
    """`local` identity is refused in every other stage."""
    with pytest.raises(SettingError, match=f"setting {Names.IDENTITY}: .*local stack only"):
        Settings.from_environ({**DEPLOYED, Names.IDENTITY: "local"})
    local = Settings.from_environ({**DEPLOYED, Names.STAGE: LOCAL_STAGE, Names.IDENTITY: "local"})
    assert local.is_local
    assert local.identity == ("local",)


def test_only_the_local_stack_does_without_an_openai_key() -> None:
    """The scripted assistant never answers in a deployed stage."""
    keyless = {key: value for key, value in DEPLOYED.items() if key != Names.OPENAI_SECRET_ID}
    assert Settings.from_environ({**keyless, Names.STAGE: LOCAL_STAGE}).openai_secret_id is None
    with pytest.raises(SettingError, match=f"setting {Names.OPENAI_SECRET_ID}: is missing"):
        Settings.from_environ(keyless)


def test_nobody_is_told_and_nothing_that_was_said_unless_it_is_set() -> None:
    """Content is a yes or a no, and no by default."""
    settings = Settings.from_environ(DEPLOYED)
    assert settings.event_bus_name is None
    assert not settings.event_content
    with pytest.raises(SettingError, match="EVENT_CONTENT"):
        Settings.from_environ({**DEPLOYED, Names.EVENT_CONTENT: "yes"})


def test_only_the_local_stack_limits_nothing_by_default() -> None:
    """Elsewhere that has to be said; there, limits can be."""
    local = {**DEPLOYED, Names.STAGE: LOCAL_STAGE}
    assert Settings.from_environ(DEPLOYED).limits == DEFAULT_LIMITS
    assert Settings.from_environ(local).limits == NO_LIMITS
    assert Settings.from_environ({**DEPLOYED, Names.LIMITS: "off"}).limits == NO_LIMITS
    assert Settings.from_environ({**local, Names.LIMITS: "user.threads=5"}).limits.user[Counter.THREADS] == 5


def test_the_key_is_sent_in_clear_on_a_laptop_only() -> None:
    """A model server without TLS is for development; elsewhere the setting is refused."""
    plain = {**DEPLOYED, Names.OPENAI_BASE_URL: "http://127.0.0.1:9000/v1"}
    with pytest.raises(SettingError, match=Names.OPENAI_BASE_URL):
        Settings.from_environ(plain)
    assert Settings.from_environ({**plain, Names.STAGE: LOCAL_STAGE}).openai_base_url == "http://127.0.0.1:9000/v1"


OIDC = {
    Names.IDENTITY: "oidc",
    Names.OIDC_ISSUER: "https://id.example.com/pool",
    Names.OIDC_AUDIENCE: "web, mobile,web",
}


def test_several_kinds_of_identity_may_be_trusted() -> None:
    """Each once, with what it needs."""
    environ = {
        **DEPLOYED,
        **OIDC,
        Names.IDENTITY: " oidc, api_key ,anonymous,oidc",
        Names.API_KEYS_SECRET_ID: "keys",
        Names.OIDC_USER_CLAIM: "email",
        Names.OIDC_TENANT_CLAIM: "org_id",
    }
    settings = Settings.from_environ(environ)
    assert settings.identity == ("oidc", "api_key", "anonymous")
    assert settings.api_keys_secret_id == "keys"
    assert settings.oidc == Oidc(
        issuer="https://id.example.com/pool", audience=("web", "mobile"), user_claim="email", tenant_claim="org_id"
    )
    defaults = Settings.from_environ({**DEPLOYED, **OIDC})
    assert defaults.oidc == Oidc(issuer="https://id.example.com/pool", audience=("web", "mobile"))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({Names.OIDC_ISSUER: ""}, Names.OIDC_ISSUER),
        ({Names.OIDC_ISSUER: "http://id.example.com"}, Names.OIDC_ISSUER),
        ({Names.OIDC_ISSUER: "http://127.0.0.1:9000"}, Names.OIDC_ISSUER),
        ({Names.OIDC_AUDIENCE: " "}, Names.OIDC_AUDIENCE),
        ({Names.IDENTITY: "anonymous"}, Names.OIDC_ISSUER),
        ({Names.IDENTITY: "oidc,api_key"}, Names.API_KEYS_SECRET_ID),
        ({Names.API_KEYS_SECRET_ID: "keys"}, Names.API_KEYS_SECRET_ID),
        ({Names.IDENTITY: "oidc,anonymous", Names.ALLOWED_ORIGINS: "*"}, Names.ALLOWED_ORIGINS),
        ({Names.IDENTITY: "oidc,local"}, Names.IDENTITY),
    ],
)
def test_what_an_identity_needs_is_there_and_nothing_else(change: Mapping[str, str], name: str) -> None:
    """What is missing, unsafe, or would have no effect stops the start with its name."""
    with pytest.raises(SettingError) as caught:
        Settings.from_environ({**DEPLOYED, **OIDC, **change})
    assert caught.value.name == name


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:9000", "http://localhost:9000/pool", "http://[::1]"])
def test_a_provider_on_a_laptop_needs_no_tls(issuer: str) -> None:
    """In the local stack, and on this machine alone."""
    local = {**DEPLOYED, **OIDC, Names.STAGE: LOCAL_STAGE}
    settings = Settings.from_environ({**local, Names.OIDC_ISSUER: issuer})
    assert settings.oidc
    assert settings.oidc.issuer == issuer
    for foreign in ("http://id.example.com", "http://127.0.0.1.example.com", "http://localhost@example.com"):
        with pytest.raises(SettingError, match=Names.OIDC_ISSUER):
            Settings.from_environ({**local, Names.OIDC_ISSUER: foreign})


def test_a_hosted_workflow_is_read() -> None:
    """With its version and its limit; it needs the OpenAI key, also in the local stack."""
    assert Settings.from_environ(DEPLOYED).hosted is None
    given = {**DEPLOYED, Names.HOSTED_WORKFLOW_ID: "wf_1"}
    assert Settings.from_environ(given).hosted == Hosted(workflow_id="wf_1")
    more = {**given, Names.HOSTED_WORKFLOW_VERSION: "3", Names.HOSTED_REQUESTS_PER_MINUTE: "20"}
    assert Settings.from_environ(more).hosted == Hosted(workflow_id="wf_1", version="3", requests_per_minute=20)
    keyless = {key: value for key, value in given.items() if key != Names.OPENAI_SECRET_ID}
    with pytest.raises(SettingError, match=Names.OPENAI_SECRET_ID):
        Settings.from_environ({**keyless, Names.STAGE: LOCAL_STAGE})
    for wrong in ("0", "1001", "many"):
        with pytest.raises(SettingError, match=Names.HOSTED_REQUESTS_PER_MINUTE):
            Settings.from_environ({**given, Names.HOSTED_REQUESTS_PER_MINUTE: wrong})


def test_the_rotation_function_needs_its_secret_alone() -> None:
    """It reads two settings, whatever else is set, and says which one is missing or wrong."""
    assert RotationSettings.from_environ({Names.TOKEN_SECRET_ID: "token-secret"}) == RotationSettings(
        token_secret_id="token-secret", log_level="INFO"
    )
    environ = {**DEPLOYED, Names.LOG_LEVEL: "DEBUG"}
    assert RotationSettings.from_environ(environ) == RotationSettings(token_secret_id="token-secret", log_level="DEBUG")
    with pytest.raises(SettingError, match=Names.TOKEN_SECRET_ID):
        RotationSettings.from_environ({Names.STAGE: "prod"})
    with pytest.raises(SettingError, match=Names.LOG_LEVEL):
        RotationSettings.from_environ({**environ, Names.LOG_LEVEL: "LOUD"})

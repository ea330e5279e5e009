"""A stage's settings: what the command line may say, and what is refused."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from infra import config as module
from infra.config import Config, ConfigError

ROOT = Path(__file__).parents[3]
STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/t-restored/stream/2026-11-28T10:00:00.000"
PROD = {"stage": "prod", "allowed_origins": "https://app.example.com"}


def read(context: dict[str, Any]) -> Config:
    return Config.from_context(context.get)


def test_dev_needs_nothing() -> None:
    """Without any choice there is a dev stage, for the local playground's page."""
    config = read({})
    assert (config.stage, config.protect_data) == ("dev", False)
    assert config.allowed_origins == ("http://localhost:8787", "http://127.0.0.1:8787")


def test_prod_protects_its_data() -> None:
    """Stage prod keeps data when its stack goes."""
    assert read(PROD).protect_data


def test_every_setting_can_be_given() -> None:
    """Each field has a parser, so that none can only be set in code (endpoints and site: see test_edge_config)."""
    assert {field.name for field in fields(Config)} == {"stage", "edge", "site", *module._PARSERS}
    assert {"stage", "log_days", "waf", "site_domain_key"} <= module.SETTINGS


@pytest.mark.parametrize(
    ("name", "given", "read_as"),
    [
        (
            "allowed_origins",
            "https://a.example, https://b.example:8443",
            ("https://a.example", "https://b.example:8443"),
        ),
        ("openai_base_url", "https://proxy.example/v1", "https://proxy.example/v1"),
        ("token_seconds", "60", 60),
        ("session_seconds", "600", 600),
        ("refresh_grace_seconds", "0", 0),
        ("token_key_days", "7", 7),
        ("deadline_margin_seconds", "30", 30),
        ("retention_days", "365", 365),
        ("limits", "user.messages_per_day=5,tenant.threads=none", "user.messages_per_day=5,tenant.threads=none"),
        ("events", "false", False),
        ("event_content", "true", True),
        ("event_archive_days", "30", 30),
        ("log_level", "DEBUG", "DEBUG"),
        ("log_days", "365", 365),
        ("protect_data", "false", False),
        ("chat_memory", "2048", 2048),
        ("snap_start", "true", True),
        ("attachment_concurrency", "5", 5),
        ("attachment_concurrency", "none", None),
        ("operations", "false", False),
        ("alarm_email", "ops@example.com", "ops@example.com"),
        ("monthly_budget_usd", "50", 50),
        ("chat_concurrency_alarm", "7", 7),
        ("chat_concurrency", "30", 30),
        ("chat_concurrency", "none", None),
        ("requests_per_second", "1", 1),
        ("api_gateway_log_role", "False", False),
    ],
)
def test_the_command_line_decides(name: str, given: str, read_as: object) -> None:
    """What the command line gives replaces the stage's own value, in that value's type."""
    assert getattr(read(PROD | {name: given}), name) == read_as


@pytest.mark.parametrize(
    ("context", "named"),
    [
        ({"stage": "production"}, "stage must be one of dev, prod"),
        ({"stage": "prod"}, "allowed_origins is missing"),
        ({"allowed_origins": ""}, "allowed_origins is empty"),
        ({"allowed_origins": "*"}, "no wildcard"),
        ({"allowed_origins": "https://*.example.com"}, "no wildcard"),
        ({"allowed_origins": "https://app.example.com/"}, "allowed_origins must list origins"),
        ({"allowed_origins": "app.example.com"}, "allowed_origins must list origins"),
        ({"allowed_origins": "https://me@app.example.com"}, "allowed_origins must list origins"),
        ({"allowed_origins": "ftp://app.example.com"}, "allowed_origins must list origins"),
        ({"stage": "prod", "allowed_origins": "http://app.example.com"}, "must be https in stage prod"),
        ({"openai_base_url": "http://proxy.example"}, "openai_base_url must begin with https://"),
        ({"identity": ""}, "identity is empty"),
        ({"identity": "saml"}, "identity must list some of iam, api_key, oidc, anonymous; 'saml' is none"),
        ({"identity": "local"}, "identity must list some of"),
        ({"identity": "iam,api_key"}, "identity must be iam alone"),
        ({"identity": "oidc"}, "oidc_issuer must begin with https://; it is None"),
        ({"identity": "oidc", "oidc_issuer": "http://id.example.com"}, "oidc_issuer must begin with https://"),
        ({"identity": "oidc", "oidc_issuer": "https://id.example.com"}, "oidc_audience is missing"),
        ({"oidc_issuer": "https://id.example.com"}, "oidc_issuer is given, but identity does not name oidc"),
        ({"session_seconds": "599"}, "session_seconds must be from 600 to 2592000"),
        ({"refresh_grace_seconds": "3601"}, "refresh_grace_seconds must be from 0 to 3600"),
        ({"token_seconds": "59"}, "token_seconds must be from 60 to 3600"),
        ({"token_key_days": "0"}, "token_key_days must be from 1 to 1000"),
        ({"token_seconds": "1e3"}, "token_seconds must be a whole number"),
        ({"deadline_margin_seconds": "301"}, "deadline_margin_seconds must be from 1 to 300"),
        ({"retention_days": "0"}, "retention_days must be from 1 to 3650"),
        ({"retention_days": "never"}, "retention_days must be a whole number"),
        ({"attachment_concurrency": "0"}, "attachment_concurrency must be from 1 to 900"),
        ({"attachment_concurrency": "all"}, "attachment_concurrency must be a whole number"),
        ({"limits": "user.messages=5"}, "limits must name one of messages_per_minute"),
        ({"limits": "user.threads=0"}, "limits must have user.threads from 1"),
        ({"events": "no"}, "events must be true or false"),
        ({"event_archive_days": "0"}, "event_archive_days must be from 1 to 3650"),
        ({"events": "false", "event_content": "true"}, "event_content is given, but events is false"),
        ({"events": "false", "event_archive_days": "1"}, "event_archive_days is given, but events is false"),
        ({"log_level": "TRACE"}, "log_level must be one of"),
        ({"log_days": "2"}, "log_days must be one of"),
        ({"protect_data": "yes"}, "protect_data must be true or false"),
        ({"chat_memory": "64"}, "chat_memory must be from 128"),
        ({"request_burst": "0"}, "request_burst must be from 1"),
        ({"alarm_email": "ops@example.com"}, "alarm_email is given, but there are no alarms"),
        ({"monthly_budget_usd": "50"}, "monthly_budget_usd is given, but there are no alarms"),
        ({"operations": "true", "alarm_email": "ops"}, "alarm_email must be an e-mail address"),
        ({"operations": "true", "monthly_budget_usd": "0"}, "monthly_budget_usd must be from 1"),
        ({"restored_table": "t-restored"}, "restored_stream_arn is missing"),
        ({"restored_stream_arn": STREAM}, "restored_table is missing"),
        (
            {"restored_table": "other", "restored_stream_arn": STREAM},
            "restored_stream_arn must be a stream of the table other",
        ),
        ({"restored_table": "a/b", "restored_stream_arn": STREAM}, "restored_table must be the name of a table"),
        ({"chat_concurrency": "0"}, "chat_concurrency must be from 1"),
        ({"chat_concurrency_alarm": "0"}, "chat_concurrency_alarm must be from 1"),
        ({"oidc_audience": "web"}, "oidc_audience is given, but identity does not name oidc"),
        ({"oidc_tenant_claim": "org"}, "oidc_tenant_claim is given, but identity does not name oidc"),
        ({"hosted_workflow_version": "3"}, "hosted_workflow_version is given, but hosted_workflow_id is not"),
    ],
)
def test_what_cannot_be_deployed_is_refused(context: dict[str, str], named: str) -> None:
    """A wrong setting stops the synthesis with its name and what is wanted."""
    with pytest.raises(ConfigError, match=r"-c \w+=") as caught:
        read(context)
    assert named in str(caught.value)


def test_every_setting_is_told_of() -> None:
    """Whoever deploys finds its name in the documentation."""
    pages = "".join(page.read_text("utf-8") for page in sorted((ROOT / "docs").glob("*.md")))
    assert [name for name in sorted(module.SETTINGS) if f"`{name}`" not in pages] == []


ROW = re.compile(r"^\| (`.*?) \| ([^|]+) \| ([^|]+) \| [^|]*\|$", re.MULTILINE)
"""Of a table of settings: names, what they are in stage dev and in stage prod, and words."""
DEFAULTS = module.SETTINGS - {"allowed_origins"}
"""Whose defaults are values; of the others a page tells in words."""
NONE = "\N{EN DASH}"


def spelt(value: Any) -> str:
    """As the pages spell it."""
    if isinstance(value, bool):
        return str(value).lower()
    return NONE if value in {None, ""} else ",".join(value) if isinstance(value, tuple) else str(value)


def default(config: Config, name: str) -> Any:
    if name == "site":
        return config.site is not None
    return getattr(config, name) if hasattr(config, name) else getattr(config.edge, name, None)


@pytest.mark.parametrize(("page", "least"), [("deploy.md", 35), ("operations.md", 5)])
def test_the_defaults_are_what_a_page_says(page: str, least: int) -> None:
    """In both stages; several settings of a row have as many values, or one for all."""
    told: set[str] = set()
    for names, *stages in ROW.findall((ROOT / "docs" / page).read_text("utf-8")):
        settings = [name for name in names.replace("`", "").split(", ") if name in DEFAULTS]
        if not settings:
            continue
        for config, said in zip((read({}), read(PROD)), stages, strict=True):
            values = said.replace("`", "").split(", ")
            values = values * len(settings) if len(values) == 1 else values
            for name, value in zip(settings, values, strict=True):
                assert value == spelt(default(config, name)), name
                told.add(name)
    assert len(told) >= least

"""The settings of endpoints and site: what the command line may say, and what is refused."""

from dataclasses import fields

import pytest

from infra.config import Config, ConfigError
from infra.edge_config import EDGE_PARSERS, SITE_PARSERS, EdgeConfig, SiteConfig

ARN = "arn:aws:acm:{region}:123456789012:certificate/12345678-1234-1234-1234-123456789012"
HERE = ARN.format(region="eu-west-1")
THERE = ARN.format(region="us-east-1")
SITE = {"site": "true", "identity": "anonymous", "limits": "address.visitors_per_hour=none"}


def read(context: dict[str, str]) -> Config:
    return Config.from_context(context.get)


def test_pages_call_a_function_url_unless_something_else_is_said() -> None:
    """Nothing that costs money while nobody calls."""
    assert read({}).edge == EdgeConfig(chat_endpoint="function_url", waf=False)
    assert read({}).site is None


def test_every_setting_can_be_given() -> None:
    """Each field has a parser, so that none can only be set in code."""
    assert {field.name for field in fields(EdgeConfig)} == set(EDGE_PARSERS)
    assert {field.name for field in fields(SiteConfig)} | {"site"} == set(SITE_PARSERS)


def test_the_command_line_decides() -> None:
    """What it gives is read in the settings' types."""
    given = {
        "chat_endpoint": "api_gateway",
        "waf": "true",
        "waf_rate": "100",
        "domain_name": "chat.example.com",
        "certificate_arn": HERE,
        "hosted_zone_id": "Z0123456789ABC",
    }
    assert read(given).edge == EdgeConfig(
        chat_endpoint="api_gateway",
        waf=True,
        waf_rate=100,
        domain_name="chat.example.com",
        certificate_arn=HERE,
        hosted_zone_id="Z0123456789ABC",
    )
    assert read(SITE | {"site_domain_key": "domain_pk_1"}).site == SiteConfig(site_domain_key="domain_pk_1")
    assert read({"site": "false"}).site is None
    assert read(SITE | {"limits": "off"}).site == SiteConfig()
    oidc = {"identity": "oidc", "oidc_issuer": "https://id.example.com", "oidc_audience": "web"}
    assert read(oidc | {"site": "true"}).site == SiteConfig()


def test_the_sites_own_name_is_an_origin_that_may_call() -> None:
    """Beside those that are given, and also where none is; its page asks the functions, and puts files into the bucket."""
    own = SITE | {"site_domain_name": "chat.example.com", "site_certificate_arn": THERE}
    assert read(own | {"stage": "prod"}).allowed_origins == ("https://chat.example.com",)
    assert read(own | {"allowed_origins": "https://a.example"}).allowed_origins == (
        "https://a.example",
        "https://chat.example.com",
    )
    twice = read(own | {"allowed_origins": "https://chat.example.com"}).allowed_origins
    assert twice == ("https://chat.example.com",)


@pytest.mark.parametrize(
    ("context", "named"),
    [
        ({"chat_endpoint": "http_api"}, "chat_endpoint must be one of function_url, api_gateway; it is 'http_api'"),
        ({"waf": "on"}, "waf must be true or false"),
        ({"waf": "true"}, "waf needs chat_endpoint=api_gateway"),
        ({"waf_rate": "9"}, "waf_rate must be from 10 to 2000000000"),
        ({"waf_rate": "many"}, "waf_rate must be a whole number"),
        ({"domain_name": "chat.example.com"}, "certificate_arn is missing"),
        ({"domain_name": "https://chat.example.com", "certificate_arn": HERE}, "domain_name must be a name"),
        ({"domain_name": "localhost", "certificate_arn": HERE}, "domain_name must be a name"),
        ({"domain_name": "chat.example.com", "certificate_arn": "mine"}, "certificate_arn must be the ARN"),
        ({"certificate_arn": HERE}, "certificate_arn is given, but domain_name is not"),
        ({"hosted_zone_id": "Z1"}, "hosted_zone_id is given, but domain_name is not"),
        (
            {"domain_name": "chat.example.com", "certificate_arn": HERE, "hosted_zone_id": "example.com"},
            "hosted_zone_id must be a zone's id",
        ),
        ({"snap_start": "auto"}, "snap_start must be true or false"),
        ({"site": "true"}, "site needs an identity"),
        ({"site": "true", "identity": "anonymous"}, "limits must say address.visitors_per_hour with a site"),
        (SITE | {"limits": "user.threads=5"}, "limits must say address.visitors_per_hour with a site"),
        ({"site": "true", "identity": "api_key"}, "site needs an identity"),
        ({"site_domain_key": "domain_pk_1"}, "site_domain_key is given, but there is no site"),
        (SITE | {"site_domain_name": "chat.example.com"}, "site_certificate_arn is missing"),
        (
            SITE | {"site_domain_name": "chat.example.com", "site_certificate_arn": HERE},
            "site_certificate_arn must be of a certificate in us-east-1; it is in eu-west-1",
        ),
        (SITE | {"site_hosted_zone_id": "Z1"}, "site_hosted_zone_id is given, but site_domain_name is not"),
        (SITE | {"waf": "true", "chat_endpoint": "api_gateway"}, "site cannot be with waf"),
    ],
)
def test_what_cannot_be_deployed_is_refused(context: dict[str, str], named: str) -> None:
    """A wrong setting stops the synthesis with its name and what is wanted."""
    with pytest.raises(ConfigError, match=r"-c \w+=") as caught:
        read(context)
    assert named in str(caught.value)

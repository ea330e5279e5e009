"""What a stage's endpoints are: which one pages call, what stands before it, its name; and the site, if there is one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from infra.config_values import ConfigError, Parse, check_domain, check_range, given, text, whole, yes_or_no

ChatEndpoint = Literal["function_url", "api_gateway"]

WAF_RATES: Final = (10, 2_000_000_000)
"""https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based-high-level-settings.html"""
CLOUDFRONT_REGION: Final = "us-east-1"
"""Where CloudFront looks for certificates, and for web ACLs
(https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    """The endpoints. Raises `ConfigError` where a value cannot be deployed."""

    chat_endpoint: ChatEndpoint = "function_url"
    """Which one `ChatUrl` names. With `api_gateway` there is no Function URL."""
    waf: bool = False
    """Whether a web ACL stands before API Gateway; it costs money while nobody calls."""
    waf_rate: int = 2000
    """How many calls one address may make in five minutes; beyond it, 403."""
    domain_name: str | None = None
    """A name of one's own for API Gateway."""
    certificate_arn: str | None = None
    """The name's certificate, in the stack's region."""
    hosted_zone_id: str | None = None
    """The zone in Route 53 in which the name is entered; without, that is yours to do."""

    def __post_init__(self) -> None:
        if self.chat_endpoint not in get_args(ChatEndpoint):
            raise ConfigError(
                "chat_endpoint", f"must be one of {', '.join(get_args(ChatEndpoint))}; it is {self.chat_endpoint!r}"
            )
        if self.waf and self.chat_endpoint != "api_gateway":
            raise ConfigError(
                "waf", "needs chat_endpoint=api_gateway: a Function URL knows no WAF, and would stand open beside it"
            )
        check_range("waf_rate", self.waf_rate, least=WAF_RATES[0], most=WAF_RATES[1])
        check_domain(
            "",
            domain_name=self.domain_name,
            certificate_arn=self.certificate_arn,
            hosted_zone_id=self.hosted_zone_id,
            region=None,
        )

    @classmethod
    def from_context(cls, lookup: Callable[[str], Any]) -> "EdgeConfig":
        """What the context sets. Raises `ConfigError`."""
        return cls(**given(lookup, EDGE_PARSERS))


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConfig:
    """The site: the playground's page, and the endpoints under its own name. Raises `ConfigError`."""

    site_domain_name: str | None = None
    """A name of one's own; without, CloudFront's."""
    site_certificate_arn: str | None = None
    """The name's certificate, in us-east-1."""
    site_hosted_zone_id: str | None = None
    """The zone in Route 53 in which the name is entered; without, that is yours to do."""
    site_domain_key: str | None = None
    """What OpenAI's client asks for on every host but localhost; without, `?client=plain` shows the page's own client."""

    def __post_init__(self) -> None:
        check_domain(
            "site_",
            domain_name=self.site_domain_name,
            certificate_arn=self.site_certificate_arn,
            hosted_zone_id=self.site_hosted_zone_id,
            region=CLOUDFRONT_REGION,
        )

    @property
    def origin(self) -> str | None:
        """The page's origin, where it is known before the first deployment."""
        return None if self.site_domain_name is None else f"https://{self.site_domain_name}"

    @classmethod
    def from_context(cls, lookup: Callable[[str], Any]) -> "SiteConfig | None":
        """What the context sets; None where no site is asked for. Raises `ConfigError`."""
        values = given(lookup, SITE_PARSERS)
        if values.pop("site", False):
            return cls(**values)
        for name in values:
            raise ConfigError(name, "is given, but there is no site: give site=true, too")
        return None


EDGE_PARSERS: Final[Mapping[str, Parse]] = MappingProxyType(
    {
        "chat_endpoint": text,
        "waf": yes_or_no,
        "waf_rate": whole,
        "domain_name": text,
        "certificate_arn": text,
        "hosted_zone_id": text,
    }
)
SITE_PARSERS: Final[Mapping[str, Parse]] = MappingProxyType(
    {
        "site": yes_or_no,
        "site_domain_name": text,
        "site_certificate_arn": text,
        "site_hosted_zone_id": text,
        "site_domain_key": text,
    }
)

"""The site stack's promises: one origin for page and endpoints, a bucket that nobody sees, and what browsers allow."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.infra.conftest import Stage
from tests.infra.reading import listed, of_type, only, path_of, templates, text

NO_ADDRESS = "address.visitors_per_hour=none"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"


@pytest.fixture(scope="module")
def plain(synthesise: Callable[..., Stage]) -> Stage:
    """The site under CloudFront's own name, with the Function URL behind it."""
    return synthesise(site="true", identity="anonymous", limits=NO_ADDRESS)


@pytest.fixture(scope="module")
def named(synthesise: Callable[..., Stage]) -> Stage:
    """The site under a name of one's own, with API Gateway alone behind it."""
    return synthesise(
        stage="prod",
        site="true",
        identity="anonymous",
        limits=NO_ADDRESS,
        chat_endpoint="api_gateway",
        site_domain_name="chat.example.com",
        site_certificate_arn=CERTIFICATE,
        site_hosted_zone_id="Z0123456789ABC",
        site_domain_key="domain_pk_example",
        hosted_workflow_id="wf_1",
    )


def site(stage: Stage) -> dict[str, Any]:
    """The stack's template."""
    return templates(stage.assembly)["site"]


def distribution(stage: Stage) -> dict[str, Any]:
    """CloudFront's settings."""
    return only(site(stage), "AWS::CloudFront::Distribution")["Properties"]["DistributionConfig"]


def origin(stage: Stage, behaviour: dict[str, Any]) -> dict[str, Any]:
    """Where a behaviour's requests go."""
    (found,) = (one for one in distribution(stage)["Origins"] if one["Id"] == behaviour["TargetOriginId"])
    return found


def behaviours(stage: Stage) -> dict[str, dict[str, Any]]:
    """What becomes of requests, by their paths."""
    return {one["PathPattern"]: one for one in distribution(stage)["CacheBehaviors"]}


def test_there_is_no_site_unasked(dev: Stage, prod: Stage) -> None:
    """The stacks are those of the data and of the functions, unless there is more to be."""
    for stage in (dev, prod):
        assert "site" not in templates(stage.assembly)


def test_nothing_is_found_that_is_not_explained(plain: Stage, named: Stage) -> None:
    """cdk-nag and the CDK's own rules have nothing to say about the site either."""
    assert plain.findings() == []
    assert named.findings() == []


def test_the_bucket_is_read_by_this_distribution_alone(plain: Stage) -> None:
    """It is private and speaks TLS; CloudFront signs its calls, and may read for this distribution and no other."""
    bucket = only(site(plain), "AWS::S3::Bucket")["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "WebsiteConfiguration" not in bucket
    statements = only(site(plain), "AWS::S3::BucketPolicy")["Properties"]["PolicyDocument"]["Statement"]
    (allowed,) = (statement for statement in statements if statement["Effect"] == "Allow")
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "cloudfront.amazonaws.com"}, "s3:GetObject")
    source = text(allowed["Condition"]["StringEquals"]["AWS:SourceArn"])
    assert source == "arn:<AWS::Partition>:cloudfront::<AWS::AccountId>:distribution/<Distribution830FAC52>"
    assert "OriginAccessControlId" in origin(plain, distribution(plain)["DefaultCacheBehavior"])


def test_the_endpoints_are_the_pages_own_origin(plain: Stage, named: Stage) -> None:
    """`/chatkit` goes where `ChatUrl` does, `/api/...` to API Gateway's stage."""
    found = behaviours(plain)
    assert list(found) == ["/chatkit", "/api/*"]
    assert "FunctionUrl" in json.dumps(origin(plain, found["/chatkit"])["DomainName"])
    assert "OriginPath" not in origin(plain, found["/chatkit"])
    assert "execute-api" in json.dumps(origin(plain, found["/api/*"])["DomainName"])
    assert "RestDeploymentStage" in json.dumps(origin(plain, found["/api/*"])["OriginPath"])
    alone = behaviours(named)
    assert origin(named, alone["/chatkit"]) == origin(named, alone["/api/*"])
    assert "execute-api" in json.dumps(origin(named, alone["/chatkit"])["DomainName"])


def test_an_answer_streams_through(plain: Stage, named: Stage) -> None:
    """Nothing is cached or compressed on the way, all that the page sends arrives but the host's name, and silence is borne
    for as long as CloudFront does without being asked."""
    for stage in (plain, named):
        for behaviour in behaviours(stage).values():
            assert (behaviour["CachePolicyId"], behaviour["Compress"]) == (CACHING_DISABLED, False)
            assert behaviour["OriginRequestPolicyId"] == ALL_VIEWER_EXCEPT_HOST_HEADER
            assert {"GET", "POST", "OPTIONS"} <= set(behaviour["AllowedMethods"])
            assert behaviour["ViewerProtocolPolicy"] == "https-only"
            # What the functions say of CORS and caching is not overwritten.
            assert "ResponseHeadersPolicyId" not in behaviour
            settings = origin(stage, behaviour)["CustomOriginConfig"]
            assert (settings["OriginProtocolPolicy"], settings["OriginReadTimeout"]) == ("https-only", 60)
            assert settings["OriginSSLProtocols"] == ["TLSv1.2"]


def test_a_function_url_is_called_as_the_page_calls_it(plain: Stage) -> None:
    """CloudFront does not sign for it: then a page would have to send a hash of each body, and ChatKit sends none."""
    assert "OriginAccessControlId" not in origin(plain, behaviours(plain)["/chatkit"])
    assert only(plain.chat, "AWS::Lambda::Url")["Properties"]["AuthType"] == "NONE"


def test_browsers_are_told_what_the_page_may_do(plain: Stage) -> None:
    """Scripts of its own and OpenAI's; calls to its own origin, OpenAI and this bucket; and nobody frames it."""
    policy = only(site(plain), "AWS::CloudFront::ResponseHeadersPolicy")["Properties"]["ResponseHeadersPolicyConfig"]
    security = policy["SecurityHeadersConfig"]
    told = text(security["ContentSecurityPolicy"]["ContentSecurityPolicy"])
    directives = {name: sources.split() for name, _, sources in (one.partition(" ") for one in told.split("; "))}
    openai = "https://cdn.platform.openai.com"
    assert directives["script-src"] == ["'self'", openai]
    assert directives["frame-src"] == [openai]
    assert directives["frame-ancestors"] == directives["object-src"] == directives["base-uri"] == ["'none'"]
    bucket = "<chatkit-dev-data:ExportsOutputRefBucket83908E7781C90AC0>"
    assert directives["connect-src"] == [
        "'self'",
        openai,
        "https://api.openai.com",
        f"https://s3.<AWS::Region>.<AWS::URLSuffix>/{bucket}/",
        f"https://s3.<AWS::URLSuffix>/{bucket}/",
    ]
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 730 * 86_400
    assert security["FrameOptions"]["FrameOption"] == "DENY"
    assert "ContentTypeOptions" in security
    default = distribution(plain)["DefaultCacheBehavior"]
    assert default["ResponseHeadersPolicyId"] == {"Ref": "HeadersECA0794E"}
    assert default["ViewerProtocolPolicy"] == "redirect-to-https"


def files(stage: Stage) -> dict[str, bytes]:
    """The files that are deployed, by their names in the bucket."""
    (copy,) = (one for one in site(stage)["Resources"].values() if one["Type"] == "Custom::CDKBucketDeployment")
    (key,) = copy["Properties"]["SourceObjectKeys"]
    folder = stage.assembly / f"asset.{key.removesuffix('.zip')}"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_page_finds_its_backend(plain: Stage, named: Stage) -> None:
    """Its settings name paths of its own origin, the domain key, and whether the backend is OpenAI's."""
    settings, chosen = (json.loads(files(stage)["web/config.json"]) for stage in (plain, named))
    for one in (settings, chosen):
        assert (one["chatUrl"], one["apiUrl"]) == ("/chatkit", "/api")
    assert "hosted" not in settings
    assert (chosen["domainKey"], chosen["hosted"]) == ("domain_pk_example", True)


def test_every_part_of_the_page_is_deployed(plain: Stage) -> None:
    """The page is what the distribution's name leads to; its parts are where it looks for them, and asked for anew."""
    found = files(plain)
    assert distribution(plain)["DefaultRootObject"] in found
    assert {"web/playground.js", "web/chatkit-aws.js", "web/items/items.css"} <= set(found)
    (copy,) = (one for one in site(plain)["Resources"].values() if one["Type"] == "Custom::CDKBucketDeployment")
    assert copy["Properties"]["SystemMetadata"] == {"cache-control": "no-cache"}
    assert copy["Properties"]["Prune"] is True


def test_what_copies_the_files_may_do_nothing_else(plain: Stage) -> None:
    """One role, without managed or attached policies, and these actions on these resources."""
    template = site(plain)
    (function,) = of_type(template, "AWS::Lambda::Function").values()
    role = only(template, "AWS::IAM::Role")
    assert (path_of(role), of_type(template, "AWS::IAM::Policy")) == ("Files/Role", {})
    assert "ManagedPolicyArns" not in role["Properties"]
    assert function["Properties"]["Role"]["Fn::GetAtt"][0] in template["Resources"]
    (copy,) = (one for one in template["Resources"].values() if one["Type"] == "Custom::CDKBucketDeployment")
    (key,) = copy["Properties"]["SourceObjectKeys"]
    (policy,) = role["Properties"]["Policies"]
    allowed = {
        action: text(statement["Resource"])
        for statement in policy["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
    }
    assert allowed.pop("s3:GetObject").endswith(f"/{key}")
    assert allowed == {
        "s3:ListBucket": "<Bucket83908E77.Arn>",
        "s3:PutObject": "<Bucket83908E77.Arn>/*",
        "s3:DeleteObject": "<Bucket83908E77.Arn>/*",
        "logs:CreateLogStream": "<FilesLogsFFA73081.Arn>",
        "logs:PutLogEvents": "<FilesLogsFFA73081.Arn>",
    }


def test_the_site_can_have_a_name_of_its_own(plain: Stage, named: Stage, synthesise: Callable[..., Stage]) -> None:
    """With TLS 1.2 or newer, entered where a zone is named; it is an allowed origin by itself, also of the bucket's."""
    assert distribution(named)["Aliases"] == ["chat.example.com"]
    certificate = distribution(named)["ViewerCertificate"]
    assert (certificate["AcmCertificateArn"], certificate["MinimumProtocolVersion"]) == (CERTIFICATE, "TLSv1.2_2021")
    records = [one["Properties"] for one in of_type(site(named), "AWS::Route53::RecordSet").values()]
    assert sorted((one["Name"], one["Type"]) for one in records) == [
        ("chat.example.com", "A"),
        ("chat.example.com", "AAAA"),
    ]
    assert site(named)["Outputs"]["SiteUrl"]["Value"] == "https://chat.example.com"
    (rule,) = only(named.data, "AWS::S3::Bucket")["Properties"]["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://chat.example.com"]
    assert text(site(plain)["Outputs"]["SiteUrl"]["Value"]) == "https://<Distribution830FAC52.DomainName>"
    assert of_type(site(plain), "AWS::Route53::RecordSet") == {}
    elsewhere = synthesise(
        site="true",
        identity="anonymous",
        limits=NO_ADDRESS,
        site_domain_name="chat.example.com",
        site_certificate_arn=CERTIFICATE,
    )
    assert text(site(elsewhere)["Outputs"]["SiteTarget"]["Value"]) == "<Distribution830FAC52.DomainName>"

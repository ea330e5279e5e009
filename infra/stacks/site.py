"""The site: the playground's page from a bucket, and the endpoints, under one name of CloudFront's."""

from typing import Any, Final

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from infra.config import Config
from infra.constructs.own_domain import enter
from infra.constructs.private_bucket import private_bucket
from infra.constructs.site_files import SiteFiles
from infra.edge_config import SiteConfig
from infra.site_files import OPENAI_SCRIPTS, content_security_policy
from infra.stacks.chat import ChatStack
from infra.stacks.data import DataStack

READ_TIMEOUT: Final = Duration.seconds(60)
"""How long CloudFront waits for the next byte of an answer: the most that it does without being asked for more
(https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html). A stream is never silent
for more than ten."""
REMEMBERED: Final = Duration.days(730)


class SiteStack(Stack):
    """A page, and `/chatkit` and `/api/...` of the same origin. It holds nothing that is not made anew by a deployment."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        site: SiteConfig,
        data: DataStack,
        chat: ChatStack,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, description="chatkit-lambda: the page, on one domain", **stack)
        self.bucket = private_bucket(self, "Bucket", removal_policy=RemovalPolicy.DESTROY)
        SiteFiles(
            self,
            "Files",
            config=config,
            bucket=self.bucket,
            domain_key=site.site_domain_key,
            is_hosted=config.hosted_workflow_id is not None,
        )
        self.distribution = self._make_distribution(site, data, chat)
        name = site.site_domain_name or self.distribution.distribution_domain_name
        if site.site_domain_name is not None and site.site_hosted_zone_id is not None:
            alias = route53.CfnRecordSet.AliasTargetProperty(
                dns_name=self.distribution.distribution_domain_name,
                hosted_zone_id=targets.CloudFrontTarget.get_hosted_zone_id(self),
            )
            enter(self, name=site.site_domain_name, zone_id=site.site_hosted_zone_id, alias=alias, types=("A", "AAAA"))
        elif site.site_domain_name is not None:
            target = self.distribution.distribution_domain_name
            description = f"What {site.site_domain_name} has to lead to: enter it in your DNS"
            CfnOutput(self, "SiteTarget", value=target, description=description)
        CfnOutput(self, "SiteUrl", value=f"https://{name}", description="The page; allowed_origins has to name it")

    def _make_distribution(self, site: SiteConfig, data: DataStack, chat: ChatStack) -> cloudfront.Distribution:
        rest = origins.RestApiOrigin(chat.rest, read_timeout=READ_TIMEOUT)
        # With its own access control, CloudFront would sign the calls, and the page would have to send a hash of each body.
        url = None if chat.url is None else _function_url(chat.url)
        arn = site.site_certificate_arn
        certificate = None if arn is None else acm.Certificate.from_certificate_arn(self, "Certificate", arn)
        return cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"chatkit-lambda: {self.stack_name}",
            default_root_object="index.html",
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            domain_names=None if site.site_domain_name is None else [site.site_domain_name],
            certificate=certificate,
            # Under CloudFront's own name it cannot be chosen.
            minimum_protocol_version=None if arn is None else cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(self.bucket),
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                response_headers_policy=self._make_headers(data),
            ),
            additional_behaviors={"/chatkit": _endpoint(url or rest), "/api/*": _endpoint(rest)},
        )

    def _make_headers(self, data: DataStack) -> cloudfront.ResponseHeadersPolicy:
        # Of signed addresses: the second one in us-east-1 alone, where botocore keeps to the old name.
        hosts = (f"s3.{Aws.REGION}.{Aws.URL_SUFFIX}", f"s3.{Aws.URL_SUFFIX}")
        uploads = [f"https://{host}/{data.bucket.bucket_name}/" for host in hosts]
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            comment="What browsers let the page do",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=content_security_policy(uploads), override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.STRICT_ORIGIN_WHEN_CROSS_ORIGIN, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=REMEMBERED, include_subdomains=False, override=True
                ),
            ),
            custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
                custom_headers=[
                    cloudfront.ResponseCustomHeader(
                        header="Permissions-Policy",
                        # ChatKit's dictation.
                        value=f'microphone=(self "{OPENAI_SCRIPTS}"), camera=(), geolocation=()',
                        override=True,
                    )
                ]
            ),
        )


def _function_url(url: lambda_.FunctionUrl) -> cloudfront.IOrigin:
    return origins.FunctionUrlOrigin(
        url,  # pyright: ignore[reportArgumentType] - a fault of jsii: see constructs/function
        read_timeout=READ_TIMEOUT,
    )


def _endpoint(origin: cloudfront.IOrigin) -> cloudfront.BehaviorOptions:
    """Passes everything on but the host's name, by which API Gateway and Lambda know whose call it is; keeps nothing."""
    return cloudfront.BehaviorOptions(
        origin=origin,
        allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
        viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
        cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
        origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        # A compressor may hold back what it is given.
        compress=False,
    )

"""Puts the site's files into its bucket."""

from functools import partial
from typing import Final

from aws_cdk import AssetHashType
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_s3_deployment as deployment
from constructs import Construct

from infra.bundling import without_docker
from infra.config import Config
from infra.constructs.function import log_group
from infra.site_files import WEB, build_site

MEMORY: Final = 512
"""MB."""


class SiteFiles(Construct):
    """The files, copied by the CDK's own function, which runs while the stack is deployed and at no other time.

    Its role is ours: the one that the CDK would make may read every asset of the account, and has wildcards for actions.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        bucket: s3.Bucket,
        domain_key: str | None,
        is_hosted: bool,
    ) -> None:
        """`domain_key` and `is_hosted`: see `infra.site_files`."""
        super().__init__(scope, construct_id)
        files = assets.Asset(
            self,
            "Asset",
            path=str(WEB),
            asset_hash_type=AssetHashType.OUTPUT,
            bundling=without_docker(partial(build_site, domain_key=domain_key, is_hosted=is_hosted)),
        )
        logs = log_group(self, "Logs", config=config)
        role = iam.Role(
            self,
            "Role",
            description="Copies the site's files into its bucket",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),  # pyright: ignore[reportArgumentType]
            # Part of the role, and not a policy beside it, so that it is there when the function is called.
            inline_policies={
                "Copy": iam.PolicyDocument(
                    statements=[
                        _allowed(["s3:GetObject"], files.bucket.arn_for_objects(files.s3_object_key)),
                        _allowed(["s3:ListBucket"], bucket.bucket_arn),
                        _allowed(["s3:PutObject", "s3:DeleteObject"], bucket.arn_for_objects("*")),
                        _allowed(["logs:CreateLogStream", "logs:PutLogEvents"], logs.log_group_arn),
                    ]
                )
            },
        )
        deployment.BucketDeployment(
            self,
            "Deployment",
            sources=[deployment.Source.bucket(files.bucket, files.s3_object_key)],
            destination_bucket=bucket,
            # Asked for anew at each load, so that nothing has to be withdrawn from caches.
            cache_control=[deployment.CacheControl.no_cache()],
            role=role.without_policy_updates(),
            log_group=logs,
            memory_limit=MEMORY,
        )


def _allowed(actions: list[str], resource: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=[resource])

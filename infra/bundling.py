"""Hands what is deployed to the CDK: assets that are built on this machine when the CDK asks for them, without Docker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_

from infra.package import Package


@jsii.implements(ILocalBundling)
class _LocalBundling:
    """Builds without Docker. A failure is raised, so that the CDK never falls back to a container."""

    def __init__(self, build: Callable[[Path], None]) -> None:
        self._build = build

    def try_bundle(self, output_dir: str, *_options: Any, **_more: Any) -> bool:
        """Called by the CDK with an empty folder."""
        self._build(Path(output_dir))
        return True


def without_docker(build: Callable[[Path], None]) -> BundlingOptions:
    """Has `build` fill an empty folder, which is the asset."""
    return BundlingOptions(
        local=_LocalBundling(build),
        # Demanded by the CDK, and never run.
        image=DockerImage.from_registry("scratch"),
    )


def bundled(package: Package) -> lambda_.Code:
    """The code asset. Its hash is the recipe's: nothing is built or deployed anew unless something has changed."""
    return lambda_.Code.from_asset(
        str(package.functions),
        asset_hash=package.fingerprint(),
        asset_hash_type=AssetHashType.CUSTOM,
        bundling=without_docker(package.build),
    )

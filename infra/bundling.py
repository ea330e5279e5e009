"""Hands the package to the CDK: one asset for each package, built on this machine when the CDK asks for it."""

from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_

from infra.package import Package


@jsii.implements(ILocalBundling)
class _LocalBundling:
    """Builds without Docker. A failure is raised, so that the CDK never falls back to a container."""

    def __init__(self, package: Package) -> None:
        self._package = package

    def try_bundle(self, output_dir: str, *_options: Any, **_more: Any) -> bool:
        """Called by the CDK with an empty folder."""
        self._package.build(Path(output_dir))
        return True


def bundled(package: Package) -> lambda_.Code:
    """The code asset. Its hash is the recipe's: nothing is built or deployed anew unless something has changed."""
    return lambda_.Code.from_asset(
        str(package.functions),
        asset_hash=package.fingerprint(),
        asset_hash_type=AssetHashType.CUSTOM,
        bundling=BundlingOptions(
            local=_LocalBundling(package),
            # Demanded by the CDK, and never run.
            image=DockerImage.from_registry("scratch"),
        ),
    )

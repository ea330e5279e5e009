"""A name of one's own for the REST API."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from constructs import Construct


class OwnDomain(Construct):
    """A regional domain with TLS 1.2 or newer, all of whose paths are the API's; in Route 53, where a zone is named."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        rest: apigateway.RestApi,
        domain_name: str,
        certificate_arn: str,
        hosted_zone_id: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        domain = apigateway.DomainName(
            self,
            "Domain",
            domain_name=domain_name,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", certificate_arn),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
            mapping=rest,  # pyright: ignore[reportArgumentType] - a fault of jsii: see constructs/function
        )
        self.target = domain.domain_name_alias_domain_name
        """What the name has to lead to (CNAME, or an alias)."""
        if hosted_zone_id is not None:
            alias = route53.CfnRecordSet.AliasTargetProperty(
                dns_name=self.target, hosted_zone_id=domain.domain_name_alias_hosted_zone_id
            )
            enter(self, name=domain_name, zone_id=hosted_zone_id, alias=alias, types=("A",))


def enter(
    scope: Construct,
    *,
    name: str,
    zone_id: str,
    alias: route53.CfnRecordSet.AliasTargetProperty,
    types: tuple[str, ...],
) -> None:
    """Has a name lead to what `alias` says, by a record of each type."""
    for kind in types:
        route53.CfnRecordSet(scope, f"Record{kind}", name=name, type=kind, hosted_zone_id=zone_id, alias_target=alias)

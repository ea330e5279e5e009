"""The functions and their endpoints, put together: what each function is stands in `infra/functions/`."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.config import Config
from infra.constructs.firewall import Firewall
from infra.constructs.own_domain import OwnDomain
from infra.constructs.rest_api import ChatRestApi
from infra.edge_config import EdgeConfig
from infra.functions.api import ApiFunction
from infra.functions.attachment import AttachmentFunction
from infra.functions.chat import ChatFunction
from infra.functions.given import Given
from infra.functions.rotation import RotationFunction
from infra.functions.sweep import SweepFunction
from infra.functions.thread import ThreadFunction
from infra.stacks.data import DataStack


class ChatStack(Stack):
    """The functions and their two doors. It holds no data: it can be deleted and made anew (with new addresses)."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        data: DataStack,
        code: lambda_.Code,
        attachment_code: lambda_.Code,
        api_code: lambda_.Code,
        **stack: Any,
    ) -> None:
        """`code` is the package that all functions share, but for the attachment function and the api function."""
        super().__init__(scope, construct_id, description="chatkit-lambda: the functions and their endpoints", **stack)
        given = Given.of(config, data)
        self.chat = ChatFunction(self, given, code=code)
        self.api = ApiFunction(self, given, code=api_code)
        self.thread = ThreadFunction(self, given, code=code)
        self.attachment = AttachmentFunction(self, given, code=attachment_code)
        self.sweep = SweepFunction(self, given, code=code)
        self.rotation = RotationFunction(self, given, code=code)
        self.rest = ChatRestApi(self, "Rest", config=config, chat=self.chat, api=self.api)
        self.url = self._make_function_url() if config.edge.chat_endpoint == "function_url" else None
        if config.edge.waf:
            Firewall(self, "Firewall", config=config, stage_arn=self.rest.deployment_stage.stage_arn)
        root = self._name_rest_api(config.edge)
        if self.url is None:
            self._tell("ChatUrl", f"{root}chatkit", "For ChatKit.js: by API Gateway")
        else:
            self._tell("ChatUrl", f"{self.url.url}chatkit", "For ChatKit.js: the Function URL")
            self._tell("ChatRestUrl", f"{root}chatkit", "The same by API Gateway")
        self._tell("ApiUrl", f"{root}api", "Sessions, for your own server")
        if "iam" in config.identity:
            self._tell("StartArn", self.rest.start_arn, "What your server's role needs execute-api:Invoke on")
        self._tell(
            "DeletionFailuresUrl",
            self.thread.deletions.failures.queue_url,
            "Notes of deletions that could not be finished; empty, if all is well",
        )
        self._tell(
            "UploadFailuresUrl",
            self.attachment.failures.queue_url,
            "Events of uploads that could not be looked at; empty, if all is well",
        )

    def _make_function_url(self) -> lambda_.FunctionUrl:
        return self.chat.live.add_function_url(
            auth_type=lambda_.FunctionUrlAuthType.NONE,
            # No `cors`: the function answers preflights itself, and two sets of CORS headers break both.
            invoke_mode=lambda_.InvokeMode.RESPONSE_STREAM,
        )

    def _name_rest_api(self, edge: EdgeConfig) -> str:
        """The REST API's address with a slash behind it: under a name of one's own, if there is one."""
        if edge.domain_name is None or edge.certificate_arn is None:
            return self.rest.url
        domain = OwnDomain(
            self,
            "OwnDomain",
            rest=self.rest,
            domain_name=edge.domain_name,
            certificate_arn=edge.certificate_arn,
            hosted_zone_id=edge.hosted_zone_id,
        )
        if edge.hosted_zone_id is None:
            self._tell("DomainTarget", domain.target, f"What {edge.domain_name} has to lead to: enter it in your DNS")
        return f"https://{edge.domain_name}/"

    def _tell(self, name: str, value: str, description: str) -> None:
        CfnOutput(self, name, value=value, description=description)

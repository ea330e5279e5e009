"""The app: every stack of one stage. Run by the CDK's command line (`cdk.json`)."""

from aws_cdk import Annotations, App, Tags, Validations
from aws_cdk import aws_lambda as lambda_
from cdk_nag import AwsSolutionsChecks

from infra.acknowledgements import (
    API_KEYS,
    CHAT,
    CHAT_LOG_ROLE,
    CHAT_NO_WAF,
    CHAT_OPEN_START,
    DATA,
    SITE,
    SITE_WITHOUT_DOMAIN,
    acknowledge,
)
from infra.bundling import bundled
from infra.config import Config
from infra.package import ATTACHMENTS, OIDC, PYTHON_VERSION, Package, find_compiler
from infra.stacks import stack_name
from infra.stacks.chat import ChatStack
from infra.stacks.data import DataStack
from infra.stacks.operations import OperationsStack
from infra.stacks.site import SiteStack


def add_stacks(
    app: App,
    *,
    config: Config,
    code: lambda_.Code,
    attachment_code: lambda_.Code,
    compiled: bool,
    api_code: lambda_.Code | None = None,
) -> tuple[DataStack, ChatStack]:
    """Adds the stage's stacks, checked by cdk-nag.

    `code` is the package of all functions but the attachment function, which has `attachment_code`, and the api function,
    where there is an `api_code`. `compiled`: whether they hold bytecode; without, it warns.
    """
    data = DataStack(app, stack_name(config.stage, "data"), config=config)
    chat = ChatStack(
        app,
        stack_name(config.stage, "chat"),
        config=config,
        data=data,
        code=code,
        attachment_code=attachment_code,
        api_code=api_code or code,
    )
    if config.site is not None:
        page = SiteStack(app, stack_name(config.stage, "site"), config=config, site=config.site, data=data, chat=chat)
        acknowledge(page, SITE + (() if config.site.origin else SITE_WITHOUT_DOMAIN), stage=config.stage)
    if config.operations:
        OperationsStack(app, stack_name(config.stage, "operations"), config=config, data=data, chat=chat)
    Tags.of(app).add("project", "chatkit-lambda")
    Tags.of(app).add("stage", config.stage)
    acknowledge(data, DATA + (API_KEYS if "api_key" in config.identity else ()), stage=config.stage)
    acknowledge(chat, CHAT, stage=config.stage)
    acknowledge(chat, CHAT_LOG_ROLE if config.api_gateway_log_role else (), stage=config.stage)
    acknowledge(chat, () if "iam" in config.identity else CHAT_OPEN_START, stage=config.stage)
    acknowledge(chat, () if config.edge.waf else CHAT_NO_WAF, stage=config.stage)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    if not compiled:
        Annotations.of(chat).add_warning_v2(
            "chatkit-lambda:sources-only",
            f"No Python {PYTHON_VERSION} was found on this machine, so the functions are shipped without bytecode and "
            f"start about twice as slowly. `.venv/bin/uv python install {PYTHON_VERSION}` brings one.",
        )
    return data, chat


def main() -> None:
    """Synthesises the stage that the command line names."""
    app = App()
    config = Config.from_context(app.node.try_get_context)
    compiler = find_compiler()
    add_stacks(
        app,
        config=config,
        code=bundled(Package(compiler=compiler)),
        attachment_code=bundled(Package(compiler=compiler, requirements=ATTACHMENTS)),
        compiled=compiler is not None,
        api_code=bundled(Package(compiler=compiler, requirements=OIDC)) if "oidc" in config.identity else None,
    )
    app.synth()


if __name__ == "__main__":
    main()

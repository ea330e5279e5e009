"""`python -m infra.deploy up | down`, behind `make deploy` and `make destroy`. It alone of `infra` reads the environment."""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from infra.config import Config
from infra.deploy import checks, context, key, probing, removal, snippet
from infra.package import ROOT, find_compiler

OK: Final = 0
FAILED: Final = 1
KEY_VARIABLE: Final = "OPENAI_API_KEY"
QUALIFIER: Final = "@aws-cdk/core:bootstrapQualifier"
DEFAULT_QUALIFIER: Final = "hnb659fds"
"""The CDK's own (https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html)."""


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Runs a command; gives the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return up(options, environ) if options.command == "up" else down(options, environ)
    except (removal.RemovalFailed, snippet.OutputMissing, key.KeyRefused, context.ContextError) as error:
        _fail(str(error))
    except (BotoCoreError, ClientError) as error:
        _fail(f"AWS: {error}")
    except KeyboardInterrupt:
        _fail("stopped; the same command goes on from where this was")
    return FAILED


def up(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Checks, deploys, asks for the key, and says what a page needs."""
    given = context.parse(options.context, stage=options.stage)
    defaults = cast("dict[str, Any]", json.loads((ROOT / "cdk.json").read_text(encoding="utf-8")).get("context", {}))
    config, problems = context.problems(given, defaults)
    region = probing.chosen_region(environ)
    clients = probing.connect(region)
    facts = gather(
        options, environ, clients, region=region, problems=problems, context={**defaults, **given}, config=config
    )
    if _is_missing(checks.findings(facts)) or config is None:
        return FAILED
    _say(f"Deploying stage {options.stage} to account {facts.account}, {region}.")
    outputs = _deploy(options, environ, given, region=str(region))
    if outputs is None:
        _fail("the CDK's command line says above why; the same command goes on from there")
        return FAILED
    ask = key.ask_hidden if facts.can_ask else None
    secret = outputs.get("OpenAISecretArn", "")
    if not key.provide(clients("secretsmanager"), secret, offered=environ.get(KEY_VARIABLE), ask=ask, say=_say):
        _say(f"There is no OpenAI key yet: each answer is an error until there is. Call this again, or fill {secret}.")
    _say("")
    for line in snippet.hand_over(config, outputs):
        _say(line)
    return OK


def down(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Removes a stage, once somebody has confirmed it by its name."""
    region = probing.chosen_region(environ)
    clients = probing.connect(region)
    if _is_missing(list(checks.where(region, _account(clients, region)))):
        return FAILED
    stacks = probing.stacks(clients, options.stage)
    if isinstance(stacks, checks.Unknown):
        _fail(stacks.reason)
        return FAILED
    if not stacks:
        _say(f"There is no stage {options.stage} in this account and region.")
        return OK
    plan = removal.look(clients, options.stage, stacks)
    refused = removal.refusal(plan)
    if refused is not None:
        _fail(refused)
        return FAILED
    _say(removal.announcement(plan))
    if not _is_confirmed(options):
        _fail("nothing was changed")
        return FAILED
    removal.remove(clients, plan, say=_say)
    _say(f"Stage {options.stage} is gone.")
    _say(removal.remains(plan))
    return OK


def gather(
    options: argparse.Namespace,
    environ: Mapping[str, str],
    clients: probing.Clients,
    *,
    region: str | None,
    problems: Sequence[str],
    context: Mapping[str, Any],
    config: Config | None,
) -> checks.Facts:
    """All that can be found out; what hangs on an account or a region is not asked for without."""
    account = _account(clients, region)
    is_there = region is not None and not isinstance(account, checks.Unknown)
    stacks: dict[str, dict[str, Any]] | checks.Unknown = probing.stacks(clients, options.stage) if is_there else {}
    wanted = config.set_aside if config is not None else 0
    return checks.Facts(
        stage=options.stage,
        cdk=options.cdk,
        context_problems=tuple(problems),
        region=region,
        account=account,
        bootstrap=probing.bootstrap(clients, str(context.get(QUALIFIER, DEFAULT_QUALIFIER))) if is_there else None,
        node=probing.node(),
        has_npx=shutil.which("npx") is not None,
        has_compiler=find_compiler() is not None,
        stacks=stacks
        if isinstance(stacks, checks.Unknown)
        else {name: str(stack["StackStatus"]) for name, stack in stacks.items()},
        has_key=probing.has_key(clients, stacks) if is_there else False,
        is_key_offered=bool(environ.get(KEY_VARIABLE, "").strip()),
        can_ask=sys.stdin.isatty(),
        is_approved=options.yes,
        wanted_concurrency=wanted or None,
        # A stage that is there has set its own aside already.
        free_concurrency=probing.free_concurrency(clients) if is_there and wanted and not stacks else None,
    )


def _account(clients: probing.Clients, region: str | None) -> str | checks.Unknown:
    """Who is calling is known in every region: without one, it is asked in some."""
    return probing.account(clients if region is not None else probing.connect("us-east-1"))


def _is_missing(found: Sequence[checks.Finding]) -> bool:
    """Whether one of these stops the command. Says all of them."""
    for finding in found:
        print(f"{'missing' if finding.stops else 'note'}: {finding}", file=sys.stderr)
    stops = any(finding.stops for finding in found)
    if stops:
        _fail("nothing was changed")
    return stops


def _deploy(
    options: argparse.Namespace, environ: Mapping[str, str], given: Mapping[str, str], *, region: str
) -> dict[str, str] | None:
    """The outputs of all stacks; None where the deployment failed."""
    with tempfile.TemporaryDirectory(prefix="chatkit-lambda-") as folder:
        outputs = Path(folder) / "outputs.json"
        command = [*shlex.split(options.cdk), "deploy", "--all", "--no-notices", "--outputs-file", str(outputs)]
        command += ["--require-approval", "never"] if options.yes else []
        command += [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        done = subprocess.run(command, check=False, cwd=ROOT, env=_environment(environ, region))  # noqa: S603 - our own
        if done.returncode != 0:
            return None
        stacks = json.loads(outputs.read_text(encoding="utf-8"))
    return {name: value for stack in stacks.values() for name, value in stack.items()}


def _environment(environ: Mapping[str, str], region: str) -> dict[str, str]:
    """The CDK deploys to the region that was checked, and is told no key."""
    inherited = {name: value for name, value in environ.items() if name != KEY_VARIABLE}
    own = {"AWS_REGION": region, "CDK_DISABLE_VERSION_CHECK": "1", "CDK_DISABLE_CLI_TELEMETRY": "true"}
    return {**inherited, **own}


def _is_confirmed(options: argparse.Namespace) -> bool:
    if options.confirm is not None:
        return options.confirm == options.stage
    if not sys.stdin.isatty():
        _say(f"There is no terminal at which to confirm it; CONFIRM={options.stage} does.")
        return False
    try:
        return input(f"Type {options.stage} to go on: ").strip() == options.stage
    except EOFError:
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description="Deploys and removes a stage.")
    commands = parser.add_subparsers(dest="command", required=True)
    deploy = commands.add_parser("up", help="check, deploy, put the OpenAI key, print what a page needs")
    deploy.add_argument("--stage", required=True)
    deploy.add_argument("--cdk", required=True, help="the CDK's command line, as it is called")
    deploy.add_argument("--yes", action="store_true", help="do not ask before permissions are changed")
    deploy.add_argument("-c", dest="context", action="append", default=[], metavar="NAME=VALUE", help="a setting")
    destroy = commands.add_parser("down", help="remove a stage")
    destroy.add_argument("--stage", required=True)
    destroy.add_argument("--confirm", metavar="STAGE", help="the stage once more, instead of being asked")
    return parser


def _say(line: str) -> None:
    print(line, flush=True)


def _fail(sentence: str) -> None:
    print(f"chatkit-lambda: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

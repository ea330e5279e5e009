"""What must be so before a stage is deployed, and how to get there. Pure: `probing` asks the machine and the account."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from infra.package import PYTHON_VERSION

NEEDED_NODE: Final = (18, 0)
"""The `engines` of the CDK's command line in the version that the Makefile pins (its package.json)."""
NEEDED_BOOTSTRAP: Final = 6
"""What `DefaultStackSynthesizer` demands for assets in files
(https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html#bootstrapping-version)."""
LEFT_TO_OTHERS: Final = 100
"""How many concurrent calls an account must leave unreserved
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html)."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be found out, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What is missing, and how to get it."""

    what: str
    how: str
    stops: bool = True
    """Whether nothing can be deployed before; otherwise it is worth knowing."""

    def __str__(self) -> str:
        return f"{self.what}\n    {self.how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is so on this machine, and in the account. `Unknown` is not missing: who deploys may not be allowed to look."""

    stage: str
    cdk: str
    """The CDK's command line, as it is called."""
    context_problems: tuple[str, ...] = ()
    region: str | None
    account: str | Unknown
    """The account's number, or why there is none."""
    bootstrap: int | Unknown | None
    """The version of the region's bootstrap; None where there is none."""
    node: tuple[int, ...] | None
    has_npx: bool
    has_compiler: bool
    """Whether there is a Python that compiles the package's bytecode."""
    stacks: Mapping[str, str] | Unknown = field(default_factory=dict[str, str])
    """The statuses of the stage's stacks that there are, by their names."""
    has_key: bool | Unknown = False
    """Whether the stage's OpenAI secret holds a key. Without a stack there is no secret, and so none."""
    is_key_offered: bool
    """Whether the environment has one."""
    can_ask: bool
    """Whether somebody sits at a terminal."""
    is_approved: bool
    """Whether changes of permissions are deployed without being asked about."""
    wanted_concurrency: int | None = None
    """How many concurrent calls the stage sets aside; None sets none aside."""
    free_concurrency: int | Unknown | None = None
    """How many the account has not set aside yet; None where nobody asked."""


def findings(facts: Facts) -> list[Finding]:
    """All that is missing, what stops the deployment first."""
    found = [*_on_this_machine(facts), *_in_the_account(facts), *_to_ask(facts)]
    return sorted(found, key=lambda finding: not finding.stops)


def _on_this_machine(facts: Facts) -> Iterator[Finding]:
    for problem in facts.context_problems:
        yield Finding(f"Setting: {problem}.", 'Give settings as CONTEXT="-c name=value -c name=value".')
    if facts.node is None:
        yield Finding("Node.js is missing, which the CDK needs.", "`make setup` brings it; call `make deploy`.")
    elif facts.node[:2] < NEEDED_NODE:
        yield Finding(
            f"Node.js is {'.'.join(map(str, facts.node))}, and the CDK needs {NEEDED_NODE[0]} or newer.",
            "`make setup` brings one; call `make deploy`, which looks there first.",
        )
    if facts.node is not None and not facts.has_npx:
        yield Finding("npx is missing, which fetches the CDK's command line.", "Install npm beside your Node.js.")
    if not facts.has_compiler:
        yield Finding(
            f"There is no Python {PYTHON_VERSION} on this machine: the functions are shipped without bytecode and start "
            "about twice as slowly.",
            f"`.venv/bin/uv python install {PYTHON_VERSION}` brings one.",
            stops=False,
        )


def where(region: str | None, account: str | Unknown) -> Iterator[Finding]:
    """What is missing to know where a stage is: a region, or an account."""
    if region is None:
        yield Finding(
            "No region is chosen; the CDK would take us-east-1 without a word.",
            "Set AWS_REGION (export AWS_REGION=eu-west-1), or `aws configure set region eu-west-1`.",
        )
    if isinstance(account, Unknown):
        yield Finding(
            f"No AWS account: {account.reason}.",
            "Sign in (`aws configure`, `aws sso login`, or AWS_PROFILE=...); `aws sts get-caller-identity` must answer.",
        )


def _in_the_account(facts: Facts) -> Iterator[Finding]:
    yield from where(facts.region, facts.account)
    if facts.region is not None and not isinstance(facts.account, Unknown):
        yield from _in_the_region(facts, account=facts.account, region=facts.region)


def _in_the_region(facts: Facts, *, account: str, region: str) -> Iterator[Finding]:
    bootstrap = f"{facts.cdk} bootstrap aws://{account}/{region}"
    if isinstance(facts.bootstrap, Unknown):
        yield Finding(
            f"Whether {region} is bootstrapped for the CDK is not known: {facts.bootstrap.reason}.",
            f"If the deployment complains of it: {bootstrap}",
            stops=False,
        )
    elif facts.bootstrap is None:
        yield Finding(f"{region} of account {account} is not bootstrapped for the CDK.", f"Once: {bootstrap}")
    elif facts.bootstrap < NEEDED_BOOTSTRAP:
        yield Finding(
            f"The CDK's bootstrap of {region} has version {facts.bootstrap}, and {NEEDED_BOOTSTRAP} is needed.",
            f"Renew it: {bootstrap}",
        )
    if not isinstance(facts.stacks, Unknown):
        yield from _stacks(facts.stacks)
    yield from _concurrency(facts)


def _stacks(stacks: Mapping[str, str]) -> Iterator[Finding]:
    for name, status in sorted(stacks.items()):
        # A change set that nobody has executed is in no one's way.
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            yield Finding(
                f"The stack {name} is being changed ({status}).",
                "Wait until it is done: CloudFormation's console shows how far it is.",
            )
        elif status == "UPDATE_ROLLBACK_FAILED":
            yield Finding(
                f"The stack {name} could not take its last change back ({status}).",
                f"Mend the cause, then: aws cloudformation continue-update-rollback --stack-name {name}",
            )


def _concurrency(facts: Facts) -> Iterator[Finding]:
    wanted, free = facts.wanted_concurrency, facts.free_concurrency
    if wanted is None or not isinstance(free, int) or free - wanted >= LEFT_TO_OTHERS:
        return
    yield Finding(
        f"{wanted} concurrent calls cannot be set aside: the account has {free} left, and {LEFT_TO_OTHERS} must stay "
        "unreserved.",
        "Ask AWS for more (Service Quotas: Lambda, concurrent executions), or set fewer aside: the settings "
        "attachment_concurrency and chat_concurrency, each of which may be none.",
    )


def _to_ask(facts: Facts) -> Iterator[Finding]:
    if not facts.can_ask and not facts.is_approved:
        yield Finding(
            "There is no terminal at which to ask whether permissions may be changed.",
            "Give YES=1 where that was decided before (the list of permissions is tests/infra/test_permissions.py).",
        )
    if facts.has_key is False and not facts.is_key_offered and not facts.can_ask:
        yield Finding(
            "The OpenAI key is missing, and there is no terminal at which to ask for it.",
            "Set OPENAI_API_KEY: it goes to Secrets Manager, and nowhere else.",
        )

"""`docs/costs.md` says what `make cost` does, and every thing that costs while nobody calls is on its list."""

import json
import re
from datetime import date
from typing import Any

import pytest

from infra.config import Config
from infra.costs import design
from infra.costs.__main__ import report
from infra.costs.bill import PRICES, Price, by_service, read_prices, table
from tests.infra.conftest import ROOT, Stage
from tests.infra.reading import text

PAGE = (ROOT / "docs" / "costs.md").read_text("utf-8")
DEV = Config.from_context({"stage": "dev"}.get)

STANDING = {"AWS::SecretsManager::Secret": design.SECRETS}
"""What each stage has of what costs by the month."""
OPTIONAL = {
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::KMS::Key",
    "AWS::WAFv2::WebACL",
}
"""What costs by the month where it is chosen: in the list of what may be added."""
FREE = re.compile(
    r"AWS::(ApiGateway|IAM|Lambda|Events|EventSchemas|SQS|SNS|S3|CloudFront|CertificateManager|Logs|Budgets)::\w+"
    r"|AWS::DynamoDB::GlobalTable|AWS::SecretsManager::(RotationSchedule|ResourcePolicy)|AWS::WAFv2::WebACLAssociation"
    r"|AWS::CDK::Metadata|AWS::Route53::RecordSet"
)
"""What costs nothing but by its use, or by the bytes in it."""


FREE_METRICS = 50
"""On each of an account's first three dashboards (https://aws.amazon.com/cloudwatch/pricing/)."""


def templates(stage: Stage) -> list[dict[str, Any]]:
    """Those of all the stage's stacks, however many there are."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(stage.assembly.glob("*.template.json"))]


def test_the_page_has_the_tables_that_are_computed() -> None:
    """To the cent. Where something has changed, `make cost` prints what to put into the page."""
    assert report() in PAGE


def test_the_page_tells_the_counts() -> None:
    """What is measured is told as it is counted with."""
    turn = design.ANSWER_SECONDS + design.OVERHEAD_SECONDS + design.COLD_SECONDS
    for told in (
        f"{design.ANSWER_CHARACTERS:,} characters in {design.ANSWER_SECONDS} s",
        f"{design.TURN_WRITES} units for the turn, {design.COUNTER_WRITES:g} for limits, {design.SESSION_WRITES:g} for ",
        f"{design.HISTORY_READS} units of history, {design.START_READS} of thread and session, {design.OPENING_READS:g} for",
        f"{design.STREAM_BYTES / 1000:g} KB: each delta",
        f"| stored | {design.STORED_BYTES / 1000:.1f} KB |",
        f"{design.CHAT_CALLS:g} calls; {turn:.1f} s of a turn",
        f"{design.API_CALLS:g} calls by the REST API",
        f"| events | {design.EVENTS:g} |",
        f"{design.CHAT_LOG_BYTES / 1000:g} KB for a turn, {design.OTHER_LOG_BYTES / 1000:g} KB for other calls",
    ):
        assert told in PAGE


def test_every_price_says_where_it_is_from() -> None:
    """One region, one day; each with a page of AWS's, and with who stated the number, or that nobody was asked."""
    found = json.loads(PRICES.read_text("utf-8"))
    assert (found["region"], found["currency"]) == ("us-east-1", "USD")
    assert date.fromisoformat(found["written"])
    for price in found["prices"].values():
        assert price["price"] > 0
        assert price["per"] >= 1
        assert re.match(r"https://aws\.amazon\.com/[\w/-]+/pricing/", price["page"])
        assert set(price) == {"price", "per", "unit", "page", "stated", "by"}
        assert price["by"] is None or price["by"].startswith("https://")
        assert price["by"] is not None or price["stated"] is None


def test_every_price_is_used_or_told() -> None:
    """No line is without its price."""
    used = {line.price for line in (*design.lines(1, DEV), *design.standing(), *design.choices(DEV))}
    assert used <= set(read_prices())


def test_ten_times_the_messages_cost_no_more_than_ten_times() -> None:
    """What stands is shared, and so are the readings of secrets; all else grows with the messages."""
    prices = read_prices()
    totals = [sum(by_service(design.lines(messages, DEV), prices).values()) for messages in (0, 10**3, 10**5, 10**7)]
    assert totals[0] == 0
    assert totals == sorted(totals)
    assert totals[3] <= 100 * totals[2] <= 10_000 * totals[1]


def test_a_price_is_for_so_many_units() -> None:
    """Dollars for each `per`."""
    assert Price(0.2, 1_000_000).of(5_000_000) == pytest.approx(1.0)


def test_less_memory_costs_less() -> None:
    """The configuration counts: the chat function's memory is most of the bill."""
    small = Config.from_context({"stage": "dev", "chat_memory": "512"}.get)
    prices = read_prices()
    halved, whole = (by_service(design.lines(10**6, config), prices)["Lambda"] for config in (small, DEV))
    assert halved < 0.6 * whole
    assert table(small, prices) != table(DEV, prices)


def test_all_that_costs_while_nobody_calls_is_listed(dev: Stage, prod: Stage) -> None:
    """Each resource of either stage is counted among what stands, is told of as a choice, or costs nothing by itself."""
    for stage in (dev, prod):
        kinds = [found["Type"] for template in templates(stage) for found in template["Resources"].values()]
        for kind in set(kinds):
            if kind in STANDING:
                assert kinds.count(kind) == STANDING[kind]
            else:
                assert kind in OPTIONAL or FREE.fullmatch(kind), f"{kind}: what does it cost when nobody calls?"


def test_the_page_tells_what_prod_has_of_what_costs(dev: Stage, prod: Stage) -> None:
    """Alarms are paid by the metrics that they look at; stage dev has none."""
    assert not _found(dev, "AWS::CloudWatch::Alarm")
    found = _found(prod, "AWS::CloudWatch::Alarm")
    metrics = sum(len([one for one in alarm.get("Metrics", [{}]) if "Expression" not in one]) for alarm in found)
    prices = read_prices()
    alarms, dashboard, key = (prices[f"{name}_month"].of(1) for name in ("alarm", "dashboard", "kms_key"))
    assert f"{len(found)} alarms on {metrics} metrics (USD {metrics * alarms:.2f}, as" in PAGE
    assert f"may show (USD {dashboard:.2f}) and their key (USD {key:.2f}, and" in PAGE
    assert len(_found(prod, "AWS::KMS::Key")) == 1
    (board,) = _found(prod, "AWS::CloudWatch::Dashboard")
    shown = json.loads(text(board["DashboardBody"]))["widgets"]
    assert sum(isinstance(row[0], str) for widget in shown for row in widget["properties"]["metrics"]) > FREE_METRICS


def _found(stage: Stage, kind: str) -> list[dict[str, Any]]:
    resources = [found for template in templates(stage) for found in template["Resources"].values()]
    return [found["Properties"] for found in resources if found["Type"] == kind]


def test_nothing_waits_for_calls(dev: Stage, prod: Stage) -> None:
    """No capacity is provisioned that is paid for unused: of the table, of a function, of the API's cache."""
    for stage in (dev, prod):
        whole = json.dumps(templates(stage))
        for name in (
            "ProvisionedConcurrency",
            "ReadCapacityUnits",
            "WriteProvisionedThroughputSettings",
            "CacheClusterEnabled",
        ):
            assert f'"{name}' not in whole
        assert '"PAY_PER_REQUEST"' in whole

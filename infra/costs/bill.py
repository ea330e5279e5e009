"""Prices what `design` counts, and writes the table of `docs/costs.md`. Pure, but for reading the price file."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from infra.config import Config
from infra.costs import design

PRICES: Final = Path(__file__).with_name("prices.json")
MONTHS: Final = (1_000, 100_000, 10_000_000)
"""Messages in a month."""


@dataclass(frozen=True, slots=True)
class Price:
    """So many dollars for so many units."""

    dollars: float
    per: float

    def of(self, amount: float) -> float:
        """In dollars."""
        return amount * self.dollars / self.per


def read_prices(path: Path = PRICES) -> dict[str, Price]:
    """The price file's prices, by their names."""
    found = cast("Mapping[str, Any]", json.loads(path.read_text(encoding="utf-8"))["prices"])
    return {name: Price(float(price["price"]), float(price["per"])) for name, price in found.items()}


def by_service(lines: Iterable[design.Line], prices: Mapping[str, Price]) -> dict[str, float]:
    """Dollars for each service, in the lines' order."""
    found: dict[str, float] = {}
    for line in lines:
        found[line.service] = found.get(line.service, 0) + prices[line.price].of(line.amount)
    return found


def table(config: Config, prices: Mapping[str, Price], months: Sequence[int] = MONTHS) -> str:
    """The Markdown table: a row for each service, a column for each number of messages."""
    bills = [by_service(design.lines(messages, config), prices) for messages in months]
    idle = sum(by_service(design.standing(), prices).values())
    rows = [(service, [bill[service] for bill in bills]) for service in bills[0]]
    rows.append(("when nobody calls", [idle] * len(months)))
    totals = [sum(bill.values()) + idle for bill in bills]
    rest = [prices["rest_request"].of(messages * design.CHAT_CALLS) for messages in months]
    lines = [
        "| USD a month | " + " | ".join(f"{messages:,} messages" for messages in months) + " |",
        "| --- |" + " ---: |" * len(months),
        *(_row(name, values) for name, values in rows),
        _row("**in all**", totals, mark="**"),
        _row("the chat by the REST API instead of the Function URL", rest, mark="+"),
        _row(
            "in all, for 1,000 messages",
            [total / messages * 1000 for total, messages in zip(totals, months, strict=True)],
        ),
    ]
    return "\n".join(lines) + "\n"


def standing_table(config: Config, prices: Mapping[str, Price]) -> str:
    """The Markdown tables of what a stage costs when nobody calls, and of what may be added to that."""
    bill = by_service(design.standing(), prices)
    lines = ["| when nobody calls | USD a month |", "| --- | ---: |"]
    lines += [f"| {name} | {_money(value)} |" for name, value in bill.items()]
    lines += [
        f"| **in all** | **{_money(sum(bill.values()))}** |",
        "",
        "| what may be added | USD a month |",
        "| --- | ---: |",
    ]
    lines += [f"| {name} | {_money(value)} |" for name, value in by_service(design.choices(config), prices).items()]
    return "\n".join(lines) + "\n"


def _row(name: str, values: Iterable[float], mark: str = "") -> str:
    closing = mark if mark == "**" else ""
    return f"| {name} | " + " | ".join(f"{mark}{_money(value)}{closing}" for value in values) + " |"


def _money(value: float) -> str:
    """To the cent; what is less is said to be less."""
    return "<0.01" if 0 < value < 0.005 else f"{value:,.2f}"

"""`python -m infra.costs`, behind `make cost`: the tables of `docs/costs.md`, for stage dev."""

import sys
from typing import Final

from infra.config import Config
from infra.costs.bill import read_prices, standing_table, table

STAGE: Final = {"stage": "dev"}


def report() -> str:
    """What is printed."""
    config, prices = Config.from_context(STAGE.get), read_prices()
    return f"{table(config, prices)}\n{standing_table(config, prices)}"


if __name__ == "__main__":
    sys.stdout.write(report())

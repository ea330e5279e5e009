"""The dashboard of one stage: what its operator looks at first."""

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.constructs.measures import (
    DAY,
    each_of_stage,
    of_function,
    of_queue,
    of_rest_api,
    of_stage,
    of_table,
    of_table_call,
)

CALLS: Final = ("BatchGetItem", "BatchWriteItem", "GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem")
"""Every kind of call that the functions make to the table."""

_WIDTH: Final = 8
"""Of 24 columns: three graphs stand beside each other."""


class StageDashboard(Construct):
    """Rows from what users notice down to what stands behind it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: str,
        functions: Mapping[str, str],
        queues: Mapping[str, str],
        table_name: str,
        api_name: str,
    ) -> None:
        """`functions` and `queues`: their names on AWS, by what a person calls them."""
        super().__init__(scope, construct_id)
        self._stage = stage
        self._functions = functions
        self._table = table_name
        self._api = api_name
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"chatkit-{stage}",
            default_interval=None,
            start="-PT24H",
            widgets=[
                self._turns(),
                self._calls(),
                [self._times(name) for name in ("chat", "api")] + [self._key_age()],
                self._table_row(),
                [self._rest_api(), self._queues(queues), self._stream_age()],
            ],
        )

    def _turns(self) -> list[cloudwatch.IWidget]:
        waits = [
            of_stage(self._stage, name, statistic=statistic, label=f"{label} {statistic}")
            for name, label in (("TimeToFirstByte", "first byte"), ("TimeToFirstText", "first text"))
            for statistic in ("p50", "p95")
        ]
        tokens = [
            each_of_stage(self._stage, name, ("model", "outcome"), label=label)
            for name, label in (("InputTokens", "input"), ("CachedTokens", "cached"), ("OutputTokens", "output"))
        ]
        return [
            _graph("Turns by outcome", [each_of_stage(self._stage, "Turns", ("outcome",))], stacked=True),
            _graph("How long users wait (ms)", waits),
            _graph("Tokens", tokens),
        ]

    def _calls(self) -> list[cloudwatch.IWidget]:
        def each(name: str, statistic: str = "Sum") -> list[cloudwatch.IMetric]:
            return [of_function(aws, name, statistic=statistic, label=label) for label, aws in self._functions.items()]

        return [
            _graph("Invocations", each("Invocations")),
            _graph("Errors and throttles", each("Errors"), right=each("Throttles")),
            _graph("Concurrent executions", each("ConcurrentExecutions", "Maximum")),
        ]

    def _times(self, function: str) -> cloudwatch.IWidget:
        durations = [
            of_function(self._functions[function], "Duration", statistic=statistic, label=statistic)
            for statistic in ("p50", "p95", "p99")
        ]
        return _graph(f"Duration of the {function} function (ms)", durations)

    def _key_age(self) -> cloudwatch.IWidget:
        age = of_stage(self._stage, "TokenKeyAge", statistic="Maximum")
        days = cloudwatch.MathExpression(expression=f"age / {DAY}", using_metrics={"age": age}, label="days")
        return _graph("Age of the key for client tokens", [days])

    def _table_row(self) -> list[cloudwatch.IWidget]:
        consumed = [
            of_table(self._table, f"Consumed{kind}CapacityUnits", label=kind.lower()) for kind in ("Read", "Write")
        ]
        throttles = [of_table(self._table, f"{kind}ThrottleEvents", label=kind.lower()) for kind in ("Read", "Write")]
        errors = [of_table_call(self._table, "SystemErrors", call) for call in CALLS]
        return [
            _graph("Table: consumed units", consumed),
            _graph("Table: throttles", throttles),
            _graph("Table: system errors", errors),
        ]

    def _rest_api(self) -> cloudwatch.IWidget:
        answers = [of_rest_api(self._api, self._stage, name, label=name) for name in ("4XXError", "5XXError")]
        count = of_rest_api(self._api, self._stage, "Count", label="requests")
        return _graph("REST API: errors, and requests", answers, right=[count])

    def _queues(self, queues: Mapping[str, str]) -> cloudwatch.IWidget:
        return _graph("Notes of failures that wait", [of_queue(aws, label=label) for label, aws in queues.items()])

    def _stream_age(self) -> cloudwatch.IWidget:
        age = of_function(self._functions["thread"], "IteratorAge", statistic="Maximum", label="milliseconds")
        limits = each_of_stage(self._stage, "LimitReached", ("limit", "of"))
        return _graph("Age of the table's stream; limits reached", [age], right=[limits])


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    *,
    right: Sequence[cloudwatch.IMetric] = (),
    stacked: bool = False,
) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(  # pyright: ignore[reportReturnType] - a fault of jsii: see constructs/function
        title=title,
        left=list(left),
        right=list(right),
        stacked=stacked,
        width=_WIDTH,
        left_y_axis=cloudwatch.YAxisProps(min=0),
    )

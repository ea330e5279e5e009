"""The metrics that alarms and the dashboard look at: AWS's own, and those that the functions write (docs/model.md)."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from functions.metrics import NAMESPACE
from infra.constructs.alarms import PERIOD

DAY: Final = 86_400
"""Seconds."""


def of_function(
    function_name: str, name: str, *, statistic: str = "Sum", label: str | None = None
) -> cloudwatch.Metric:
    """A function's, over all of its versions
    (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html)."""
    return _metric("AWS/Lambda", name, {"FunctionName": function_name}, statistic, label)


def of_table(table_name: str, name: str, *, statistic: str = "Sum", label: str | None = None) -> cloudwatch.Metric:
    """A table's (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html)."""
    return _metric("AWS/DynamoDB", name, {"TableName": table_name}, statistic, label)


def of_table_call(table_name: str, name: str, operation: str) -> cloudwatch.Metric:
    """A table's, of one kind of call."""
    return _metric("AWS/DynamoDB", name, {"TableName": table_name, "Operation": operation}, "Sum", operation)


def of_queue(queue_name: str, *, label: str | None = None) -> cloudwatch.Metric:
    """How many notes wait in a queue."""
    return _metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": queue_name}, "Maximum", label)


def of_rest_api(
    api_name: str, stage: str, name: str, *, statistic: str = "Sum", label: str | None = None
) -> cloudwatch.Metric:
    """A REST API's (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html)."""
    return _metric("AWS/ApiGateway", name, {"ApiName": api_name, "Stage": stage}, statistic, label)


def of_stage(
    stage: str, name: str, *, statistic: str = "Sum", label: str | None = None, outcome: str | None = None
) -> cloudwatch.Metric:
    """One that the functions write, counted by the stage, or by stage and outcome."""
    dimensions = {"stage": stage, **({} if outcome is None else {"outcome": outcome})}
    return _metric(NAMESPACE, name, dimensions, statistic, label)


def each_of_stage(
    stage: str, name: str, by: tuple[str, ...], *, statistic: str = "Sum", label: str = ""
) -> cloudwatch.MathExpression:
    """One that the functions write, a line for each value of the dimensions `by`, whatever these are.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
    """
    schema = ",".join([NAMESPACE, "stage", *by])
    found = f"SEARCH('{{{schema}}} MetricName=\"{name}\" stage=\"{stage}\"', '{statistic}')"
    return cloudwatch.MathExpression(expression=found, using_metrics={}, label=label, period=PERIOD)


def _metric(
    namespace: str, name: str, dimensions: dict[str, str], statistic: str, label: str | None, period: Duration = PERIOD
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions,
        statistic=statistic,
        label=label,
        period=period,
    )

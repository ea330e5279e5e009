"""What tells an operator how a stage does: dashboard, alarms, a budget. It holds nothing, and can be deleted at any time."""

from collections.abc import Iterator
from typing import Any, Final

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import Config
from infra.constructs.alarms import PERIOD, AlarmTopic, Watch, add_alarm
from infra.constructs.budget import add_budget
from infra.constructs.dashboard import StageDashboard
from infra.constructs.function import ServiceFunction
from infra.constructs.measures import DAY, of_function, of_queue, of_rest_api, of_stage, of_table
from infra.functions.chat import CHAT_TIMEOUT
from infra.stacks.chat import ChatStack
from infra.stacks.data import DataStack

FACING_USERS: Final = ("chat", "api")
"""Whose throttled calls are lost; all others are called again."""
NEAR_THE_END: Final = 0.9
"""Of the time that a turn has: one that takes so long is about to be cut off."""
FIRST_BYTE_MILLISECONDS: Final = 2_000
"""What nineteen of twenty users should not wait for: two or three round trips to the table."""
SERVER_ERRORS: Final = 5
"""Of the REST API's, in a period."""
STREAM_AGE_MILLISECONDS: Final = 3_600_000
"""An hour, of the 24 that the table's stream holds a record for."""
ROTATION_DAYS: Final = 3
"""How many days late a rotation may be."""
FAILED_PER_CENT: Final = 25
FEW_TURNS: Final = 10
"""In a period; of fewer, some may well fail."""


class OperationsStack(Stack):
    """Watches the other two."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, data: DataStack, chat: ChatStack, **stack: Any
    ) -> None:
        super().__init__(scope, construct_id, description="chatkit-lambda: dashboard and alarms", **stack)
        self._config = config
        self._stage: str = config.stage
        self._table = data.table.table_name
        self._api = chat.rest.rest_api_name
        # All that there are: what is added to the chat stack is watched, too.
        found = chat.node.find_all()
        self._functions = {
            each.node.id.lower(): each.function.function_name for each in found if isinstance(each, ServiceFunction)
        }
        self._queues = {
            each.node.path.partition("/")[2].replace("/", "-").lower(): each.queue_name
            for each in found
            if isinstance(each, sqs.Queue)
        }
        budget = config.monthly_budget_usd
        self._topic = AlarmTopic(self, "Alarms", email=config.alarm_email, budgets=budget is not None).topic
        for watch in self._watches():
            add_alarm(self, watch, topic=self._topic, stage=self._stage)
        StageDashboard(
            self,
            "Overview",
            stage=self._stage,
            functions=self._functions,
            queues=self._queues,
            table_name=self._table,
            api_name=self._api,
        )
        if budget is not None:
            add_budget(self, "Budget", stage=self._stage, dollars=budget, topic=self._topic)
        CfnOutput(
            self, "AlarmTopicArn", value=self._topic.topic_arn, description="Where alarms are heard; subscribe here"
        )

    def _watches(self) -> Iterator[Watch]:
        yield from self._functions_fail()
        yield from self._notes_wait()
        yield from self._users_notice()
        yield from self._things_behind()

    def _functions_fail(self) -> Iterator[Watch]:
        for label, name in self._functions.items():
            yield Watch(
                f"{label}-errors",
                of_function(name, "Errors"),
                1,
                f"The {label} function has raised, or was ended by Lambda. Read its log's lines of level ERROR.",
                "a-function-has-errors",
            )
        for label in FACING_USERS:
            yield Watch(
                f"{label}-throttles",
                of_function(self._functions[label], "Throttles"),
                1,
                f"Calls of the {label} function were refused: users have seen a failure. Raise the limit that was met.",
                "calls-are-throttled",
            )

    def _notes_wait(self) -> Iterator[Watch]:
        for label, name in self._queues.items():
            yield Watch(
                f"{label}-notes",
                of_queue(name),
                1,
                "Work was given up, and noted in this queue. Mend the cause, then hand the work over again.",
                "notes-of-failures-wait",
            )

    def _users_notice(self) -> Iterator[Watch]:
        yield Watch(
            "first-byte",
            of_stage(self._stage, "TimeToFirstByte", statistic="p95"),
            FIRST_BYTE_MILLISECONDS,
            "One user in twenty waits long before an answer begins. Look at the table's throttles and latency.",
            "answers-begin-late",
            periods=3,
            is_percentile=True,
        )
        yield Watch(
            "turns-at-fault",
            of_stage(self._stage, "Turns", outcome="internal"),
            1,
            "A turn has failed by a fault of the code. Find its line `a turn failed` in the chat function's log.",
            "turns-fail",
        )
        yield Watch(
            "turns-failed",
            self._failed_share(),
            FAILED_PER_CENT,
            "Many turns fail. See by which outcome on the dashboard, and what the log gives as the reason.",
            "turns-fail",
            periods=2,
        )
        yield Watch(
            "chat-duration",
            of_function(self._functions["chat"], "Duration", statistic="Maximum"),
            (CHAT_TIMEOUT.to_milliseconds() - self._config.deadline_margin_seconds * 1000) * NEAR_THE_END,
            "A turn has taken almost all of the time that it has. What calls the model or a tool for so long?",
            "turns-take-too-long",
        )
        yield Watch(
            "rest-errors",
            of_rest_api(self._api, self._stage, "5XXError"),
            SERVER_ERRORS,
            "The REST API has answered several requests with 5xx. Its access log names the routes.",
            "the-rest-api-fails",
        )

    def _things_behind(self) -> Iterator[Watch]:
        yield Watch(
            "table-throttles",
            cloudwatch.MathExpression(
                expression="reads + writes",
                using_metrics={
                    "reads": of_table(self._table, "ReadThrottleEvents"),
                    "writes": of_table(self._table, "WriteThrottleEvents"),
                },
                label="throttled",
                period=PERIOD,
            ),
            1,
            "The table has refused reads or writes. One user or tenant may do too much, or growth was too sudden.",
            "the-table-throttles",
        )
        yield Watch(
            "token-key-age",
            of_stage(self._stage, "TokenKeyAge", statistic="Maximum"),
            (self._config.token_key_days + ROTATION_DAYS) * DAY,
            "The key for client tokens was not rotated in time. Read the rotation function's log, then rotate it.",
            "the-rotation-fails",
        )
        yield Watch(
            "stream-age",
            of_function(self._functions["thread"], "IteratorAge", statistic="Maximum"),
            STREAM_AGE_MILLISECONDS,
            "Deletions wait for an hour: the stream keeps them for 24. Read the thread function's log.",
            "deletions-wait",
        )
        yield Watch(
            "chat-concurrency",
            of_function(self._functions["chat"], "ConcurrentExecutions", statistic="Maximum"),
            self._config.chat_concurrency_alarm,
            "More answers run at once than you expect: success, or somebody who spends your money. Find out which.",
            "more-answers-run-than-expected",
        )

    def _failed_share(self) -> cloudwatch.MathExpression:
        """Per cent of all turns; 0 where there are few."""
        good = {name: of_stage(self._stage, "Turns", outcome=name) for name in ("completed", "stopped")}
        share = "100 * (turns - FILL(completed, 0) - FILL(stopped, 0)) / turns"
        return cloudwatch.MathExpression(
            expression=f"IF(turns >= {FEW_TURNS}, {share}, 0)",
            using_metrics={"turns": of_stage(self._stage, "Turns"), **good},
            label="failed (%)",
            period=PERIOD,
        )

"""The operations stack's promises, read from its template; and that what it watches is really written."""

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from functions.engine.assistant import AssistantContext
from functions.engine.quotas import Quotas
from functions.engine.results import RequestContext
from functions.errors import LimitReached
from functions.ids import IdFactory
from functions.limits import Limits
from functions.metrics import NAMESPACE, Metrics
from functions.protocol.events import ThreadStreamEvent
from functions.protocol.items import UserMessageItem
from functions.protocol.threads import ThreadMetadata
from functions.runtime.loop import run
from functions.wiring import Wiring
from infra.constructs.budget import TAG
from infra.constructs.dashboard import CALLS
from infra.functions.chat import CHAT_TIMEOUT
from infra.stacks.operations import NEAR_THE_END
from tests.infra.conftest import ROOT, Stage
from tests.infra.reading import of_type, only, path_of, text
from tests.support.assistants import CannedModel, ScriptedAssistant
from tests.support.chat import Chat, message_input
from tests.support.memory_counters import MemoryCounters
from tests.support.streams import text_stream

AWS_METRICS = {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", ("FunctionName",)): {
        "ConcurrentExecutions",
        "Duration",
        "Errors",
        "Invocations",
        "IteratorAge",
        "Throttles",
    },
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    ("AWS/DynamoDB", ("TableName",)): {
        "ConsumedReadCapacityUnits",
        "ConsumedWriteCapacityUnits",
        "ReadThrottleEvents",
        "WriteThrottleEvents",
    },
    ("AWS/DynamoDB", ("Operation", "TableName")): {"SystemErrors"},
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    ("AWS/SQS", ("QueueName",)): {"ApproximateNumberOfMessagesVisible"},
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    ("AWS/ApiGateway", ("ApiName", "Stage")): {"4XXError", "5XXError", "Count"},
}
"""What AWS's services write, as far as it is watched: by namespace and dimensions."""

Watched = set[tuple[str, tuple[str, ...], str]]


def template_of(stage: Stage, name: str = "operations") -> dict[str, Any]:
    """A stack's template, as it lies in the assembly."""
    (path,) = stage.assembly.glob(f"chatkit-*-{name}.template.json")
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def operations(prod: Stage) -> dict[str, Any]:
    """The operations stack of stage `prod`, as it is without any choice."""
    return template_of(prod)


def alarms(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The alarms' properties, by their names without the stage."""
    found = (alarm["Properties"] for alarm in of_type(template, "AWS::CloudWatch::Alarm").values())
    return {alarm["AlarmName"].removeprefix("chatkit-prod-"): alarm for alarm in found}


def dashboard(template: dict[str, Any]) -> dict[str, Any]:
    """The dashboard, read as CloudWatch reads it."""
    return json.loads(text(only(template, "AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"]))


def metric(namespace: str, name: str, dimensions: list[dict[str, Any]]) -> tuple[str, tuple[str, ...], str]:
    return namespace, tuple(sorted(dimension["Name"] for dimension in dimensions)), name


def watched_by_alarms(template: dict[str, Any]) -> Watched:
    """Every metric of an alarm."""
    found: Watched = set()
    for alarm in alarms(template).values():
        if "MetricName" in alarm:
            found.add(metric(alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"]))
        for part in alarm.get("Metrics", []):
            if "MetricStat" in part:
                one = part["MetricStat"]["Metric"]
                found.add(metric(one["Namespace"], one["MetricName"], one["Dimensions"]))
    return found


def watched_by_dashboard(template: dict[str, Any]) -> Watched:
    """Every metric of a graph, and every one that a graph searches for."""
    found: Watched = set()
    for widget in dashboard(template)["widgets"]:
        for row in widget["properties"]["metrics"]:
            match row:
                case [{"expression": expression}] if expression.startswith("SEARCH"):
                    searched = re.fullmatch(
                        r"""SEARCH\('\{(.*)\} MetricName="(\w+)" stage="prod"', 'Sum'\)""", expression
                    )
                    assert searched, expression
                    namespace, *names = searched[1].split(",")
                    found.add((namespace, tuple(sorted(names)), searched[2]))
                case [{"expression": _}]:
                    pass  # of metrics that stand beside it
                case [namespace, name, *rest]:
                    found.add((namespace, tuple(sorted(rest[:-1:2] if len(rest) % 2 else rest[::2])), name))
                case _:
                    pytest.fail(f"not a graph's metric: {row}")
    return found


async def answer(
    thread: ThreadMetadata, message: UserMessageItem | None, context: AssistantContext
) -> AsyncIterator[ThreadStreamEvent]:
    async for event in context.answer(model="gpt-5.2", instructions="i"):
        yield event


@pytest.fixture(scope="module")
def written() -> Watched:
    """What the functions write: in a turn, where a limit is reached, and when a token is issued."""
    lines: list[str] = []
    metrics = Metrics(stage="prod", write=lines.append)
    *events, last = text_stream("Hello")
    usage = {"input_tokens": 1, "output_tokens": 1}
    model = CannedModel([*events, {**last, "response": {**last["response"], "usage": usage}}])
    chat = Chat(assistant=ScriptedAssistant(answer), model=model)
    chat.metrics = metrics
    chat.stream("threads.create", {"input": message_input("Hi")})

    limits = Limits.parse("user.messages_per_minute=1")
    quotas = Quotas(counters=MemoryCounters(), limits=limits, ids=IdFactory(), now=chat.now, metrics=metrics)
    run(quotas.admit(RequestContext(user="alice")))
    with pytest.raises(LimitReached):
        run(quotas.admit(RequestContext(user="alice")))

    wiring: Any = Wiring.__new__(Wiring)
    wiring.__dict__["_metrics"] = metrics
    wiring._tell_key_age(1.0)

    definitions = [each for line in lines for each in json.loads(line)["_aws"]["CloudWatchMetrics"]]
    return {
        (each["Namespace"], tuple(sorted(names)), one["Name"])
        for each in definitions
        for names in each["Dimensions"]
        for one in each["Metrics"]
    }


def test_all_that_is_watched_is_written(operations: dict[str, Any], written: Watched) -> None:
    """No graph stays empty, and no alarm silent, for a name that nobody writes: neither this code nor AWS."""
    watched = watched_by_alarms(operations) | watched_by_dashboard(operations)
    ours = {one for one in watched if one[0] == NAMESPACE}
    assert len(ours) > 8
    assert ours <= written
    for namespace, dimensions, name in watched - ours:
        assert name in AWS_METRICS[namespace, dimensions]


def test_what_must_be_watched_has_an_alarm(operations: dict[str, Any], prod: Stage) -> None:
    """Errors of each function, notes in each queue, throttles, times, the table, the REST API, the key, the cost guard."""
    found = alarms(operations)
    names = {path_of(each).partition("/")[0].lower() for each in of_type(prod.chat, "AWS::Lambda::Function").values()}
    assert {name.removesuffix("-errors") for name in found if name.endswith("-errors")} == names | {"rest"}
    queues = of_type(prod.chat, "AWS::SQS::Queue")
    assert len([name for name in found if name.endswith("-notes")]) == len(queues) >= 2
    assert {
        "chat-throttles", "api-throttles", "chat-duration", "first-byte", "turns-at-fault", "turns-failed", "rest-errors",
        "table-throttles", "token-key-age", "stream-age", "chat-concurrency",
    } <= set(found)  # fmt: skip
    assert found["chat-duration"]["Threshold"] == (CHAT_TIMEOUT.to_milliseconds() - 10_000) * NEAR_THE_END
    assert found["token-key-age"]["Threshold"] > 30 * 86_400
    assert (found["first-byte"]["ExtendedStatistic"], found["first-byte"]["EvaluateLowSampleCountPercentile"]) == (
        "p95",
        "ignore",
    )


def test_every_alarm_says_what_to_do(operations: dict[str, Any]) -> None:
    """In words, and where more is said: a section of docs/operations.md that is there."""
    page = (ROOT / "docs/operations.md").read_text()
    headings = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    }
    for name, alarm in alarms(operations).items():
        words, _, section = alarm["AlarmDescription"].rpartition(" docs/operations.md#")
        assert len(words) > 40, name
        assert section in headings, name
        assert f"`{name}`" in page or name.endswith(("-errors", "-notes", "-throttles")), name


def test_silence_is_no_alarm_and_every_alarm_is_heard(operations: dict[str, Any]) -> None:
    """Where nobody calls, nothing is measured, and all is well; the end of an alarm is told, too."""
    (topic,) = of_type(operations, "AWS::SNS::Topic")
    for alarm in alarms(operations).values():
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]


def test_alarms_are_encrypted_and_travel_by_tls(operations: dict[str, Any]) -> None:
    """With a key that CloudWatch may use, which it may not that of AWS; and no other account may speak here."""
    topic = only(operations, "AWS::SNS::Topic")["Properties"]
    (key,) = of_type(operations, "AWS::KMS::Key")
    assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": [key, "Arn"]}
    used = only(operations, "AWS::KMS::Key")["Properties"]["KeyPolicy"]["Statement"][1:]
    assert [(each["Principal"], set(each["Action"])) for each in used] == [
        ({"Service": "cloudwatch.amazonaws.com"}, {"kms:Decrypt", "kms:GenerateDataKey"})
    ]
    tls, *allowed = only(operations, "AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]["Statement"]
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    (speaks,) = allowed
    assert (speaks["Action"], speaks["Principal"]) == ("sns:Publish", {"Service": "cloudwatch.amazonaws.com"})
    assert speaks["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_nobody_hears_and_nothing_is_budgeted_unless_asked_for(operations: dict[str, Any]) -> None:
    """No address and no sum is made up."""
    assert of_type(operations, "AWS::SNS::Subscription") == {}
    assert of_type(operations, "AWS::Budgets::Budget") == {}


def test_an_address_and_a_budget(synthesise: Callable[..., Stage]) -> None:
    """The address is asked to confirm; the budget is of what bears the tag, and speaks where alarms do."""
    stage = synthesise(operations="true", alarm_email="ops@example.com", monthly_budget_usd="50")
    template = template_of(stage)
    subscription = only(template, "AWS::SNS::Subscription")["Properties"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")
    resource = only(template, "AWS::Budgets::Budget")
    budget = resource["Properties"]["Budget"]
    assert (budget["BudgetLimit"], budget["TimeUnit"]) == ({"Amount": 50, "Unit": "USD"}, "MONTHLY")
    assert budget["CostFilters"] == {"TagKeyValue": ["user:project$chatkit-lambda"]}
    assert TAG == ("project", "chatkit-lambda")
    (topic,) = of_type(template, "AWS::SNS::Topic")
    told = resource["Properties"]["NotificationsWithSubscribers"]
    assert {each["Notification"]["NotificationType"] for each in told} == {"ACTUAL", "FORECASTED"}
    assert all(each["Subscribers"] == [{"SubscriptionType": "SNS", "Address": {"Ref": topic}}] for each in told)
    (policy,) = of_type(template, "AWS::SNS::TopicPolicy")
    assert policy in resource["DependsOn"]
    speaks = only(template, "AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]["Statement"][-1]
    assert speaks["Principal"] == {"Service": ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]}


def test_dev_has_no_alarms_unless_asked_for(dev: Stage) -> None:
    """They would cost money while nobody calls."""
    assert list(dev.assembly.glob("*-operations.template.json")) == []


def test_a_turn_that_is_ended_early_is_heard_of_too(synthesise: Callable[..., Stage]) -> None:
    """However long before Lambda's time is up it is brought to its end: it has run beyond the alarm's threshold by then."""
    stage = synthesise(operations="true", deadline_margin_seconds="300")
    (alarm,) = (
        alarm["Properties"]
        for alarm in of_type(template_of(stage), "AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["AlarmName"] == "chatkit-dev-chat-duration"
    )
    assert alarm["Threshold"] < CHAT_TIMEOUT.to_milliseconds() - 300_000


def test_the_guard_is_the_stages_choice(synthesise: Callable[..., Stage], dev: Stage) -> None:
    """How many answers at once are an alarm, and beyond how many they are refused."""
    stage = synthesise(operations="true", chat_concurrency_alarm="40", chat_concurrency="50")
    found = of_type(template_of(stage), "AWS::CloudWatch::Alarm").values()
    (guard,) = (alarm for alarm in found if alarm["Properties"]["AlarmName"] == "chatkit-dev-chat-concurrency")
    assert guard["Properties"]["Threshold"] == 40

    def reserved(template: dict[str, Any]) -> list[Any]:
        functions = of_type(template, "AWS::Lambda::Function").values()
        return [
            function["Properties"].get("ReservedConcurrentExecutions")
            for function in functions
            if path_of(function).startswith("Chat/")
        ]

    assert reserved(stage.chat) == [50]
    assert reserved(dev.chat) == [None]


def test_the_dashboard_shows_what_an_operator_asks_first(operations: dict[str, Any]) -> None:
    """Calls, failures, times, turns, tokens, table, queues, REST API, concurrency and the key's age."""
    shown = dashboard(operations)
    names = {name for _, _, name in watched_by_dashboard(operations)}
    assert {
        "Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions", "IteratorAge", "Turns", "InputTokens",
        "OutputTokens", "TimeToFirstByte", "TimeToFirstText", "TokenKeyAge", "LimitReached", "SystemErrors",
        "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents",
        "ApproximateNumberOfMessagesVisible", "4XXError", "5XXError",
    } <= names  # fmt: skip
    durations = json.dumps([each for each in shown["widgets"] if "chat function" in each["properties"]["title"]])
    assert all(f'"{statistic}"' in durations for statistic in ("p50", "p95", "p99"))
    assert all(each["x"] + each["width"] <= 24 for each in shown["widgets"])


def test_every_kind_of_call_to_the_table_is_shown(prod: Stage) -> None:
    """Those that the roles allow; transactions need no action of their own, but those of their parts."""
    actions = {
        action.removeprefix("dynamodb:")
        for policy in of_type(prod.chat, "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.startswith("dynamodb:")
    }
    of_stream = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
    in_transactions = {"ConditionCheckItem", "DeleteItem"}
    assert actions - of_stream - in_transactions | {"TransactWriteItems"} == set(CALLS)


def test_nothing_in_it_holds_data(operations: dict[str, Any]) -> None:
    """It can be deleted at any time: nothing stays behind, and nothing else is in it."""
    kinds = {resource["Type"] for resource in operations["Resources"].values()}
    assert kinds == {
        "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::KMS::Key", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy",
    }  # fmt: skip
    assert all(resource.get("DeletionPolicy", "Delete") == "Delete" for resource in operations["Resources"].values())


def test_the_queries_of_the_page_ask_for_what_is_logged() -> None:
    """Each message that a query names is one that the functions log; each number is one of a turn's metrics."""
    page = (ROOT / "docs/operations.md").read_text()
    queries = re.findall(r"^```\n(# .+?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(queries) >= 8
    sources = "".join(path.read_text() for path in (ROOT / "functions").rglob("*.py"))
    asked = "".join(queries)
    messages = re.findall(r'message = "([^"]+)"', asked)
    assert len(messages) >= 3
    for said in (*messages, "what a thread has left was not deleted", "A step of the rotation was not done"):
        assert f'"{said}"' in sources
    for field in ("reason", "place", "error", "request_id", "status", "code", "limit", "of"):
        assert f'"{field}"' in sources
    for name in ("Turns", "TimeToFirstByte", "TimeToFirstText", "InputTokens", "CachedTokens", "OutputTokens"):
        assert name in asked
        assert f'"{name}"' in sources

"""The chat stack's promises, read from its template."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.errors import BodyTooLarge
from functions.limits import DEFAULT_LIMITS
from functions.local.events import BINARY_TYPES
from functions.settings import Names, RotationSettings, Settings
from infra.package import EXEC_WRAPPER
from tests.infra.conftest import ROOT, Stage
from tests.infra.reading import of_type, only, path_of, text

FIFTEEN_MINUTES = 900


def functions(stage: Stage) -> dict[str, dict[str, Any]]:
    """The functions' properties, by the constructs' names."""
    found = of_type(stage.chat, "AWS::Lambda::Function").values()
    return {path_of(function).partition("/")[0]: function["Properties"] for function in found}


def served(stage: Stage) -> dict[str, dict[str, Any]]:
    """The functions that share their settings: all but the rotation function."""
    return {name: function for name, function in functions(stage).items() if name != "Rotation"}


def methods(stage: Stage) -> dict[tuple[str, str], dict[str, Any]]:
    """The REST API's methods' properties, by method and path."""
    resources = of_type(stage.chat, "AWS::ApiGateway::Resource")

    def path(resource_id: Any) -> str:
        if "Ref" not in resource_id:
            return ""
        properties = resources[resource_id["Ref"]]["Properties"]
        return f"{path(properties['ParentId'])}/{properties['PathPart']}"

    found = (method["Properties"] for method in of_type(stage.chat, "AWS::ApiGateway::Method").values())
    return {(method["HttpMethod"], path(method["ResourceId"])): method for method in found}


def test_the_functions_run_on_arm_and_python_3_13(dev: Stage) -> None:
    """Every function has the same runtime, and one package serves them all, but for the one that looks into files."""
    found = functions(dev)
    assert set(found) == {"Chat", "Api", "Thread", "Attachment", "Sweep", "Rotation"}
    for name, function in found.items():
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert (function["Code"] == found["Chat"]["Code"]) is (name != "Attachment")


def test_the_handlers_are_where_the_functions_look(dev: Stage) -> None:
    """Each handler is a `handler` in a module of the package."""
    for function in functions(dev).values():
        module, _, name = function["Handler"].rpartition(".")
        assert name == "handler"
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file()


def test_the_functions_are_started_by_the_exec_wrapper(dev: Stage) -> None:
    """Lambda runs our start script, which is in the package and can be executed."""
    for function in functions(dev).values():
        assert function["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == f"/var/task/{EXEC_WRAPPER}"
    assert (ROOT / EXEC_WRAPPER).read_text().startswith("#!/bin/sh\n")


def test_a_turn_may_take_fifteen_minutes(dev: Stage) -> None:
    """The chat function has all the time that Lambda gives, the api function as much as API Gateway waits."""
    found = functions(dev)
    assert (found["Chat"]["Timeout"], found["Chat"]["MemorySize"]) == (FIFTEEN_MINUTES, 1024)
    assert (found["Api"]["Timeout"], found["Api"]["MemorySize"]) == (29, 512)
    assert (found["Thread"]["Timeout"], found["Thread"]["MemorySize"]) == (FIFTEEN_MINUTES, 512)


def test_logs_are_json_and_expire(dev: Stage, prod: Stage) -> None:
    """Each function writes JSON to a log group of its own; every log group expires, later in prod."""
    for stage, days in ((dev, 14), (prod, 90)):
        groups = of_type(stage.chat, "AWS::Logs::LogGroup")
        assert {group["Properties"]["RetentionInDays"] for group in groups.values()} == {days}
        used = [function["LoggingConfig"] for function in functions(stage).values()]
        assert {config["LogFormat"] for config in used} == {"JSON"}
        assert len({config["LogGroup"]["Ref"] for config in used} & set(groups)) == len(used)


def test_no_tracing(dev: Stage) -> None:
    """X-Ray stays passive: no function starts a trace, and no role may send one."""
    assert all("TracingConfig" not in function for function in functions(dev).values())
    assert "xray:" not in json.dumps(dev.chat)


def test_the_functions_accept_their_environment(dev: Stage, prod: Stage) -> None:
    """`Settings` reads what each function is given, and knows every variable but Lambda's own; the rotation function has
    its secret, and nothing else."""
    names = {value for name, value in vars(Names).items() if not name.startswith("_")}
    for stage, name in ((dev, "dev"), (prod, "prod")):
        for function in served(stage).values():
            variables = {key: text(value) for key, value in function["Environment"]["Variables"].items()}
            settings = Settings.from_environ(variables)
            assert (settings.stage, settings.identity, settings.log_level) == (name, ("iam",), "INFO")
            assert (settings.deadline_margin_seconds, settings.retention_days) == (10, None)
            assert settings.limits == DEFAULT_LIMITS
            assert set(variables) <= names | {"AWS_LAMBDA_EXEC_WRAPPER"}
        rotation = functions(stage)["Rotation"]["Environment"]["Variables"]
        assert set(rotation) == {Names.TOKEN_SECRET_ID, Names.LOG_LEVEL, "AWS_LAMBDA_EXEC_WRAPPER"}
        own = RotationSettings.from_environ({key: text(value) for key, value in rotation.items()})
        assert "TokenSecret" in own.token_secret_id
        assert own.log_level == "INFO"


def test_no_variable_holds_a_secret(dev: Stage, prod: Stage) -> None:
    """Variables name secrets by their ARNs; no template resolves one."""
    for stage in (dev, prod):
        for function in functions(stage).values():
            named = {Names.TOKEN_SECRET_ID, Names.OPENAI_SECRET_ID} & set(function["Environment"]["Variables"])
            assert named
            for name in named:
                assert set(function["Environment"]["Variables"][name]) == {"Fn::ImportValue"}
        assert "{{resolve:" not in json.dumps([stage.data, stage.chat])


def test_what_is_chosen_is_passed_on(synthesise: Callable[..., Stage]) -> None:
    """A model behind another address, and every other choice, reaches the functions."""
    stage = synthesise(
        openai_base_url="https://proxy.example/v1",
        token_seconds="120",
        session_seconds="7200",
        refresh_grace_seconds="0",
        deadline_margin_seconds="20",
        retention_days="30",
        limits="user.messages_per_day=5",
        log_level="WARNING",
    )
    for function in served(stage).values():
        variables = function["Environment"]["Variables"]
        assert variables[Names.OPENAI_BASE_URL] == "https://proxy.example/v1"
        assert variables[Names.TOKEN_SECONDS] == "120"
        assert variables[Names.SESSION_SECONDS] == "7200"
        assert variables[Names.REFRESH_GRACE_SECONDS] == "0"
        assert variables[Names.DEADLINE_MARGIN_SECONDS] == "20"
        assert variables[Names.RETENTION_DAYS] == "30"
        assert variables[Names.LIMITS] == "user.messages_per_day=5"
        assert (variables[Names.LOG_LEVEL], function["LoggingConfig"]["ApplicationLogLevel"]) == ("WARNING", "WARN")


def test_the_function_url_streams(dev: Stage) -> None:
    """The chat function's URL streams, on the alias, and leaves CORS and the caller's check to the function."""
    url = only(dev.chat, "AWS::Lambda::Url")["Properties"]
    assert (url["InvokeMode"], url["AuthType"], url["Qualifier"]) == ("RESPONSE_STREAM", "NONE", "live")
    assert "Cors" not in url
    chat = dev.chat["Resources"][url["TargetFunctionArn"]["Fn::GetAtt"][0]]
    assert chat["Properties"]["Handler"] == "functions.handlers.chat.handler"


def test_the_function_url_may_be_called(dev: Stage) -> None:
    """A public Function URL needs two permissions; both are there, both for calls by that URL alone."""
    found = [p["Properties"] for p in of_type(dev.chat, "AWS::Lambda::Permission").values()]
    public = {p["Action"]: p for p in found if p["Principal"] == "*"}
    assert set(public) == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    assert public["lambda:InvokeFunctionUrl"]["FunctionUrlAuthType"] == "NONE"
    assert public["lambda:InvokeFunction"]["InvokedViaFunctionUrl"] is True
    assert len([p for p in found if p["Principal"] == "*"]) == 2
    aliases = of_type(dev.chat, "AWS::Lambda::Alias")
    assert all(p["FunctionName"]["Ref"] in aliases for p in found if "SourceAccount" not in p)


def test_the_routes(dev: Stage) -> None:
    """These are all routes of the REST API; only a call with an AWS signature may name a user."""
    assert {route: method["AuthorizationType"] for route, method in methods(dev).items()} == {
        ("POST", "/chatkit"): "NONE",
        ("OPTIONS", "/chatkit"): "NONE",
        ("ANY", "/api/{proxy+}"): "NONE",
        ("ANY", "/api/chatkit/{proxy+}"): "NONE",
        ("POST", "/api/chatkit/start"): "AWS_IAM",
        ("OPTIONS", "/api/chatkit/start"): "NONE",
    }


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/api/chatkit/entities", ("ANY", "/api/chatkit/{proxy+}")),
        ("OPTIONS", "/api/chatkit/entities", ("ANY", "/api/chatkit/{proxy+}")),
        ("GET", "/api/chatkit/entities/ada/preview", ("ANY", "/api/chatkit/{proxy+}")),
        ("POST", "/api/chatkit/upload", ("ANY", "/api/chatkit/{proxy+}")),
        ("GET", "/api/chatkit/attachments/atc_1", ("ANY", "/api/chatkit/{proxy+}")),
        ("GET", "/api/health", ("ANY", "/api/{proxy+}")),
        ("POST", "/api/chatkit/start", ("POST", "/api/chatkit/start")),
        ("POST", "/chatkit", ("POST", "/chatkit")),
    ],
)
def test_where_a_call_goes(dev: Stage, method: str, path: str, route: tuple[str, str]) -> None:
    """Of the routes that take a call, API Gateway takes the one that names the most of its path."""

    def takes(candidate: tuple[str, str]) -> bool:
        fixed = candidate[1].removesuffix("{proxy+}")
        fits = path == fixed if fixed == candidate[1] else path.startswith(fixed) and path != fixed
        return fits and candidate[0] in {method, "ANY"}

    assert max(filter(takes, methods(dev)), key=lambda found: len(found[1].removesuffix("{proxy+}"))) == route


def test_the_rest_api_streams_the_chat(dev: Stage) -> None:
    """The chat routes stream: the mode, the address that it needs, and a timeout that API Gateway takes."""
    for (_, path), method in methods(dev).items():
        integration = method["Integration"]
        uri = text(integration["Uri"])
        if path == "/chatkit":
            assert integration["ResponseTransferMode"] == "STREAM"
            assert uri.endswith(":lambda:path/2021-11-15/functions/<ChatLive5F7F4D10>/response-streaming-invocations")
            assert integration["TimeoutInMillis"] == FIFTEEN_MINUTES * 1000
        else:
            assert "ResponseTransferMode" not in integration
            assert uri.endswith(":lambda:path/2015-03-31/functions/<ApiLive7AE1C96A>/invocations")
            assert integration["TimeoutInMillis"] == 29_000
        assert integration["Type"] == "AWS_PROXY"


def test_the_rest_api_is_regional(dev: Stage) -> None:
    """A regional API: an edge-optimised one would cut a stream that is silent for 30 s."""
    assert only(dev.chat, "AWS::ApiGateway::RestApi")["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


def test_the_rest_api_is_throttled_and_logged(dev: Stage, prod: Stage) -> None:
    """Every method has a rate and a burst; calls are logged, without bodies, headers or query strings."""
    for stage, name, rate, burst in ((dev, "dev", 20, 40), (prod, "prod", 200, 400)):
        properties = only(stage.chat, "AWS::ApiGateway::Stage")["Properties"]
        assert properties["StageName"] == name
        (settings,) = properties["MethodSettings"]
        assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
        assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (rate, burst)
        assert (settings["LoggingLevel"], settings["DataTraceEnabled"]) == ("ERROR", False)
        logged = json.loads(properties["AccessLogSetting"]["Format"])
        assert {"requestId", "status", "route", "latency"} <= set(logged)
        assert not any(
            word in json.dumps(logged).lower() for word in ("header", "querystring", "authorization", "$context.path")
        )
        assert "Variables" not in properties
        assert "TracingEnabled" not in properties


def test_pages_can_read_the_gateways_own_errors(dev: Stage) -> None:
    """What API Gateway refuses by itself (429, 5xx) carries a CORS header, so that a page sees the status."""
    found = {
        response["Properties"]["ResponseType"]: response["Properties"]["ResponseParameters"]
        for response in of_type(dev.chat, "AWS::ApiGateway::GatewayResponse").values()
    }
    assert set(found) == {"DEFAULT_4XX", "DEFAULT_5XX", "REQUEST_TOO_LARGE"}
    for headers in found.values():
        assert headers["gatewayresponse.header.Access-Control-Allow-Origin"] == "method.request.header.Origin"
        assert headers["gatewayresponse.header.Cache-Control"] == "'no-store'"
        assert headers["gatewayresponse.header.X-Content-Type-Options"] == "'nosniff'"


def test_a_file_that_is_too_large_for_the_gateway_is_explained(dev: Stage) -> None:
    """It never reaches the function: the gateway says in its place how large files go."""
    (response,) = (
        response["Properties"]
        for response in of_type(dev.chat, "AWS::ApiGateway::GatewayResponse").values()
        if response["Properties"]["ResponseType"] == "REQUEST_TOO_LARGE"
    )
    body = json.loads(response["ResponseTemplates"]["application/json"])
    assert body["code"] == BodyTooLarge.code
    assert "4,500,000" in body["message"]
    assert "two-phase" in body["message"]
    # A template's variables begin so.
    assert not {"$", "#"} & set(body["message"])


def test_files_reach_the_function_as_they_are(dev: Stage) -> None:
    """The REST API takes multipart bodies for binary, as the local stack does, and nothing else."""
    assert only(dev.chat, "AWS::ApiGateway::RestApi")["Properties"]["BinaryMediaTypes"] == sorted(BINARY_TYPES)


@pytest.mark.parametrize(("choice", "roles"), [("true", 1), ("false", 0)])
def test_the_accounts_log_role_can_be_left_alone(synthesise: Callable[..., Stage], choice: str, roles: int) -> None:
    """API Gateway's log role, one per account and region, is set unless the account keeps its own."""
    stage = synthesise(api_gateway_log_role=choice)
    assert len(of_type(stage.chat, "AWS::ApiGateway::Account")) == roles
    assert stage.findings() == []


def test_the_outputs_say_where_to_call(dev: Stage) -> None:
    """The addresses that a page and a server need are outputs of the stacks."""
    assert {"ChatUrl", "ChatRestUrl", "ApiUrl", "StartArn", "DeletionFailuresUrl", "UploadFailuresUrl"} <= set(
        dev.chat["Outputs"]
    )
    assert {"TableName", "BucketName", "TokenSecretArn", "OpenAISecretArn"} <= set(dev.data["Outputs"])
    assert text(dev.chat["Outputs"]["StartArn"]["Value"]).endswith("/dev/POST/api/chatkit/start")

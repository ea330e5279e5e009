"""The rotation of the key for client tokens, and a new OpenAI key: real functions, on ministack's Secrets Manager."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jwt
import pytest
from awslambdaric import lambda_runtime_hooks_runner

from functions.errors import Unauthenticated
from functions.identity.keys import REMEMBERED_SECONDS, RETIRED_AFTER_SECONDS, OneKey, SigningKey
from functions.identity.tokens import ClientTokens
from functions.local import resources, samples
from functions.local.function import Function
from functions.local.ministack import Credentials
from functions.local.rotation import STEPS, RotationFailed, begin, rotate, step_event
from functions.local.samples import HANDLERS, FunctionName
from functions.settings import Names, Settings
from functions.wiring import Wiring
from tests.support.ministack import Ministack
from tests.support.ministack import ministack as ministack  # the fixture
from tests.support.page import Page
from tests.support.turn_stack import ORIGIN, TurnStack, turn_stack

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

VISITORS: Final = 3
"""Pages that sign in, ask and are answered, again and again."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clients(ministack: Ministack) -> Iterator[resources.Clients]:
    """The local stack's resources, with a key that was never rotated."""
    credentials = Credentials(access_key=ministack.key, secret_key=ministack.key)
    clients = resources.Clients.connect(endpoint=ministack.endpoint, credentials=credentials)
    resources.create(clients, origins=(ORIGIN,), model_key="sk-first")
    yield clients
    clients.secrets_manager.delete_secret(SecretId=resources.TOKEN_SECRET, ForceDeleteWithoutRecovery=True)
    clients.close()


@pytest.fixture
def aws(ministack: Ministack) -> dict[str, str]:
    """The variables that lead to ministack."""
    return {
        "AWS_ENDPOINT_URL": ministack.endpoint,
        "AWS_ACCESS_KEY_ID": ministack.key,
        "AWS_SECRET_ACCESS_KEY": ministack.key,
        "AWS_REGION": ministack.region,
        "AWS_DEFAULT_REGION": ministack.region,
    }


@pytest.fixture
def wiring(clients: resources.Clients, aws: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    """A function's parts, in this process."""
    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("snapshot_restore_py._after_restore_registry", [])
    settings = Settings(
        stage="local",
        table_name=resources.TABLE,
        bucket_name=resources.BUCKET,
        token_secret_id=resources.TOKEN_SECRET,
        openai_secret_id=resources.OPENAI_SECRET,
        openai_base_url=None,
        allowed_origins=(ORIGIN,),
        identity=("local",),
    )
    wiring = Wiring(settings)
    yield wiring
    wiring._secrets._client.close()


def key_in(client: "SecretsManagerClient", stage: str) -> SigningKey:
    """The key of the token secret's version in a stage."""
    answer = client.get_secret_value(SecretId=resources.TOKEN_SECRET, VersionStage=stage)
    return SigningKey.from_secret(answer["SecretString"])


@asynccontextmanager
async def function(name: FunctionName, environment: dict[str, str], log: list[str]) -> AsyncIterator[Function]:
    """A function whose processes have not started yet."""
    base = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
    running = Function(name, HANDLERS[name], environment, base_environment=base, log=log.append)
    try:
        yield running
    finally:
        await running.close()


async def test_the_rotation_function_rotates_the_key(clients: resources.Clients, aws: dict[str, str]) -> None:
    """Its process needs the secret's name and nothing else; each step may come twice, and the log shows no key."""
    client, log = clients.secrets_manager, list[str]()
    first = key_in(client, "AWSCURRENT")
    version = begin(client)
    async with function("rotation", {**aws, Names.TOKEN_SECRET_ID: resources.TOKEN_SECRET}, log) as rotation:
        for step in STEPS:
            assert key_in(client, "AWSCURRENT") == first
            for _ in range(2):
                assert (await rotation.invoke(step_event(step, version))).result == b"null"
    second = key_in(client, "AWSCURRENT")
    assert second != first
    assert key_in(client, "AWSPREVIOUS") == first
    assert not [line for line in log for key in (first, second) if key.key in line]


async def test_a_rotation_too_early_changes_nothing(clients: resources.Clients, aws: dict[str, str]) -> None:
    """The second one right behind the first is refused at its first step; the log says when there can be another."""
    client, log = clients.secrets_manager, list[str]()
    async with function("rotation", {**aws, Names.TOKEN_SECRET_ID: resources.TOKEN_SECRET}, log) as rotation:
        current = await rotate(client, rotation)
        with pytest.raises(RotationFailed, match=r"^createSecret failed \(InternalError\)"):
            await rotate(client, rotation)
    assert key_in(client, "AWSCURRENT").kid == current
    assert "createSecret: tokens of the key before the current one may still be good" in "".join(log)


async def visit(stack: TurnStack, page: Page) -> None:
    """A question and its whole answer."""
    reading = await page.create("How are you?").end()
    assert reading.failure is None
    assert "error" not in reading.types
    assert [item["type"] for item in reading.done.values()] == ["user_message", "assistant_message"]


class Crowd:
    """Visitors who come again and again, each with a new token."""

    def __init__(self, stack: TurnStack) -> None:
        self._stack = stack
        self._begun = [0] * VISITORS
        self._served = [0] * VISITORS
        self._leaving = False
        self._changed = asyncio.Condition()

    async def come(self, number: int) -> None:
        """One of them."""
        while not self._leaving:
            self._begun[number] += 1
            await visit(self._stack, await self._stack.page())
            async with self._changed:
                self._served[number] = self._begun[number]
                self._changed.notify_all()

    async def round(self) -> None:
        """Returns when each has begun after now, and been served."""
        wanted = [begun + 1 for begun in self._begun]
        async with self._changed:
            await self._changed.wait_for(lambda: all(s >= w for s, w in zip(self._served, wanted, strict=True)))

    def leave(self) -> None:
        """Those who are there are served, and none comes again."""
        self._leaving = True


async def answered(chat: Function, token: str) -> bool:
    """Whether a function's fresh process answers a question."""
    answer = await chat.invoke(samples.thread_opening(token, now=0.0))
    said = b"".join([chunk async for chunk in answer.body])
    return answer.status == 200 and b"assistant_message" in said and b'"type":"error"' not in said


async def test_a_whole_rotation_under_load(tmp_path: Path) -> None:
    """Pages sign in and chat all the while, and no request fails, whichever of the keys a function knows."""
    log: list[str] = []
    async with AsyncExitStack() as ending, asyncio.timeout(110):
        stack = await ending.enter_async_context(turn_stack(tmp_path))
        clients = stack.ground.connect()
        ending.callback(clients.close)
        client = clients.secrets_manager
        environment = {**stack.ground.environment, "SSL_CERT_DIR": str(tmp_path)}
        old = key_in(client, "AWSCURRENT")
        rotation = await ending.enter_async_context(function("rotation", environment, log))
        crowd = Crowd(stack)
        async with asyncio.TaskGroup() as visitors:
            for number in range(VISITORS):
                visitors.create_task(crowd.come(number))
            await crowd.round()
            version = await asyncio.to_thread(begin, client)
            for step in STEPS:
                await rotation.invoke(step_event(step, version))
                await crowd.round()
            crowd.leave()
        new = key_in(client, "AWSCURRENT")
        assert new != old
        # What each of them is given by functions that have just started, and by ones that sign with the new key already.
        chat = await ending.enter_async_context(function("chat", environment, log))
        api = await ending.enter_async_context(function("api", environment, log))
        begun = await api.invoke(samples.token_request("alice", now=0.0))
        fresh = samples.token_of(json.loads(begun.result or b"{}"))
        assert jwt.get_unverified_header(fresh)["kid"] == old.kid
        ahead = ClientTokens(keys=OneKey(new)).issue("alice").client_secret
        for token in (fresh, ahead):
            await visit(stack, Page(stack.http, token=token, origin=ORIGIN))
            assert await answered(chat, token)
        assert not [line for line in log for key in (old, new) if key.key in line]


async def test_a_snapshot_forgets_what_it_knew(wiring: Wiring, clients: resources.Clients) -> None:
    """A process that starts from a snapshot (SnapStart) reads the keys as they are now, over connections of its own."""
    client = clients.secrets_manager
    token = wiring._tokens.issue("alice").client_secret
    kept = SigningKey.generate()
    client.put_secret_value(SecretId=resources.TOKEN_SECRET, SecretString=SigningKey.generate().to_secret())
    client.put_secret_value(SecretId=resources.TOKEN_SECRET, SecretString=kept.to_secret())
    client.put_secret_value(SecretId=resources.OPENAI_SECRET, SecretString="sk-second")
    ahead = ClientTokens(keys=OneKey(kept)).issue("alice").client_secret
    assert wiring._tokens.verify(token).user == "alice"
    lambda_runtime_hooks_runner.run_after_restore()
    assert wiring._tokens.verify(ahead).user == "alice"
    with pytest.raises(Unauthenticated):
        wiring._tokens.verify(token)
    assert wiring._secrets.text(resources.OPENAI_SECRET) == "sk-second"


async def test_functions_pick_the_keys_up_within_minutes(
    wiring: Wiring, clients: resources.Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a restart: the token's key takes over when all know it, the OpenAI key as soon as it is read."""
    client, now = clients.secrets_manager, [_now(clients)]
    monkeypatch.setattr(wiring._secrets, "_clock", lambda: now[0])
    monkeypatch.setattr(wiring._tokens, "_clock", lambda: now[0])
    monkeypatch.setattr(wiring._tokens._keys, "_clock", lambda: now[0])
    assert wiring._openai is not None
    old = key_in(client, "AWSCURRENT")
    assert wiring._openai._api_key() == "sk-first"
    assert jwt.get_unverified_header(wiring._tokens.issue("alice").client_secret)["kid"] == old.kid
    new = SigningKey.generate()
    client.put_secret_value(SecretId=resources.TOKEN_SECRET, SecretString=new.to_secret())
    client.put_secret_value(SecretId=resources.OPENAI_SECRET, SecretString="sk-second")
    now[0] += REMEMBERED_SECONDS - 60
    assert wiring._openai._api_key() == "sk-first"
    now[0] += 60
    assert wiring._openai._api_key() == "sk-second"
    both = [ClientTokens(keys=OneKey(key), clock=lambda: now[0]).issue("alice") for key in (old, new)]
    assert [wiring._tokens.verify(token.client_secret).user for token in both] == ["alice"] * 2
    now[0] += RETIRED_AFTER_SECONDS
    assert jwt.get_unverified_header(wiring._tokens.issue("alice").client_secret)["kid"] == new.kid


def _now(clients: resources.Clients) -> float:
    """By the clock of the Secrets Manager, which knows whole seconds."""
    return clients.secrets_manager.get_secret_value(SecretId=resources.TOKEN_SECRET)["CreatedDate"].timestamp()

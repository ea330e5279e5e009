"""The rotation's four steps: their order, their repetition, and what is refused."""

import json
import logging
from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

import pytest

from functions.errors import InternalError
from functions.identity.keys import FINISH_SECONDS, RETIRED_AFTER_SECONDS, SigningKey
from functions.identity.rotation import KeyRotation
from functions.identity.secret_versions import SecretVersions
from tests.support.secrets_manager import SECRET, FakeSecretsManager

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
FIRST = SigningKey(kid="1", key="k" * 64)


class World:
    """A Secrets Manager, a rotation function, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.manager = FakeSecretsManager(clock=lambda: self.now)
        self.manager.put(FIRST.to_secret())
        self.tried: list[SigningKey] = []
        self.rotation = self.function()

    def function(self) -> KeyRotation:
        client: Any = self.manager
        return KeyRotation(
            secret=SecretVersions(client=client, secret_id=SECRET),
            secret_id=SECRET,
            try_out=self.tried.append,
            clock=lambda: self.now,
        )

    def step(self, step: object, version: object, secret_id: object = SECRET) -> None:
        self.rotation.run({"Step": step, "SecretId": secret_id, "ClientRequestToken": version})

    def rotate(self) -> SigningKey:
        version = self.manager.rotate()
        for step in STEPS:
            self.step(step, version)
        return self.key("AWSCURRENT")

    def key(self, stage: str) -> SigningKey:
        text = self.manager.text_in(stage)
        assert text is not None
        return SigningKey.from_secret(text)


@pytest.fixture
def world() -> World:
    """A secret with one key, for which rotation is on."""
    return World()


def refused(world: World, step: object, version: object, match: str, secret_id: object = SECRET) -> None:
    before = (world.manager.text_in("AWSCURRENT"), world.manager.text_in("AWSPREVIOUS"))
    with pytest.raises(InternalError, match=match):
        world.step(step, version, secret_id)
    assert (world.manager.text_in("AWSCURRENT"), world.manager.text_in("AWSPREVIOUS")) == before


def test_a_rotation_makes_a_new_key_current(world: World) -> None:
    """The four steps leave a new key, which was tried out, and the old one as the previous one."""
    new = world.rotate()
    assert new.kid != FIRST.kid
    assert new.key != FIRST.key
    assert len(new.key) == 64
    assert world.tried == [new]
    assert world.key("AWSPREVIOUS") == FIRST


def test_nothing_changes_before_the_last_step(world: World) -> None:
    """Until it is finished, functions read what they read before."""
    version = world.manager.rotate()
    for step in STEPS[:3]:
        world.step(step, version)
        assert world.key("AWSCURRENT") == FIRST
        assert world.manager.text_in("AWSPREVIOUS") is None


def test_each_step_may_come_again(world: World) -> None:
    """Two calls of a step do what one does, also when the function was started anew in between."""
    version = world.manager.rotate()
    made = None
    for step in STEPS:
        for _ in range(2):
            world.step(step, version)
            made = made or world.key("AWSPENDING")
            world.rotation = world.function()
    assert world.key("AWSCURRENT") == made
    assert world.key("AWSPREVIOUS") == FIRST


@pytest.mark.parametrize("broken_off", range(4))
def test_a_rotation_that_broke_off_begins_again(world: World, broken_off: int) -> None:
    """Secrets Manager begins with the first step again: the key that was made is kept."""
    version = world.manager.rotate()
    for step in STEPS[: broken_off + 1]:
        world.step(step, version)
    made = world.key("AWSPENDING")
    assert world.manager.rotate() == version or broken_off == 3
    for step in STEPS:
        world.step(step, version)
    assert world.key("AWSCURRENT") == made


@pytest.mark.parametrize("order", [order for order in product(STEPS, repeat=3) if len(set(order)) == 3], ids="-".join)
def test_steps_in_any_order(world: World, order: tuple[str, ...]) -> None:
    """Out of order, a step is done or refused; the current key is the first one, or one that was made in a first step."""
    version = world.manager.rotate()
    done: list[str] = []
    for step in order:
        if step == "createSecret" or "createSecret" in done:
            world.step(step, version)
            done.append(step)
        else:
            refused(world, step, version, "has no value")
    if "createSecret" in done and "finishSecret" in done:
        assert world.key("AWSCURRENT") != FIRST
        assert world.key("AWSPREVIOUS") == FIRST
    else:
        assert world.key("AWSCURRENT") == FIRST


def test_two_first_steps_at_the_same_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that was put first counts, though both found none."""
    version = world.manager.rotate()
    real = world.manager.put_secret_value

    def put(**arguments: Any) -> Any:
        monkeypatch.undo()
        world.step("createSecret", version)
        return real(**arguments)

    monkeypatch.setattr(world.manager, "put_secret_value", put)
    world.step("createSecret", version)
    made = world.key("AWSPENDING")
    world.step("finishSecret", version)
    assert world.key("AWSCURRENT") == made


def test_a_secret_without_rotation_is_left_alone(world: World) -> None:
    """Whoever calls the function is not Secrets Manager."""
    version = world.manager.rotate()
    world.manager.is_rotated = False
    for step in STEPS:
        refused(world, step, version, "the secret has no rotation")


def test_a_version_that_is_not_pending_is_left_alone(world: World) -> None:
    """Neither one that does not exist, nor one whose time is over."""
    world.rotate()
    previous = next(v for v, stages in world.manager.describe_secret(SecretId=SECRET)["VersionIdsToStages"].items()
                    if "AWSPREVIOUS" in stages)  # fmt: skip
    for step, version in product(STEPS, (previous, "version-unknown")):
        refused(world, step, version, f"{step}: version {version} is not AWSPENDING")


@pytest.mark.parametrize("step", [None, "", "deleteSecret", "createsecret", 5, ["createSecret"]])
def test_an_unknown_step_is_refused(world: World, step: object) -> None:
    """The field is named, and nothing is asked."""
    world.manager.calls.clear()
    refused(world, step, "version-1", "^Step: must be one of createSecret, setSecret, testSecret, finishSecret$")
    assert world.manager.calls == []


@pytest.mark.parametrize("secret_id", [None, "", f"{SECRET}x", "tokens", 5])
def test_another_secret_is_refused(world: World, secret_id: object) -> None:
    """The function rotates one secret, whatever its role may do."""
    refused(world, "createSecret", world.manager.rotate(), "^SecretId: must be the secret", secret_id)


@pytest.mark.parametrize("version", [None, 5, ["v"]])
def test_an_event_without_a_version_is_refused(world: World, version: object) -> None:
    """The field is named."""
    refused(world, "createSecret", version, "^ClientRequestToken: must be the id of a version")


def test_a_second_rotation_waits(world: World) -> None:
    """While tokens of the key before may be good, the first step is refused and says for how long; the last step too."""
    second = world.rotate()
    world.now += RETIRED_AFTER_SECONDS - 90
    version = world.manager.rotate()
    refused(world, "createSecret", version, "may still be good; rotate in 90 seconds")
    world.now += 90
    for step in STEPS:
        world.step(step, version)
    assert world.key("AWSPREVIOUS") == second


def test_a_key_put_by_hand_during_a_rotation_is_not_dropped(world: World) -> None:
    """An operator's key has become current since the first step: its tokens' predecessors are still good."""
    version = world.manager.rotate()
    world.step("createSecret", version)
    world.manager.put(SigningKey(kid="hand", key="h" * 64).to_secret())
    refused(world, "finishSecret", version, "finishSecret: tokens of the key before the current one")
    assert world.key("AWSPREVIOUS") == FIRST


def test_after_a_leak_the_next_rotation_need_not_wait(world: World) -> None:
    """Where an operator has taken the previous key away, there is nobody to wait for."""
    world.rotate()
    world.manager.unlabel("AWSPREVIOUS")
    second = world.key("AWSCURRENT")
    world.rotate()
    assert world.key("AWSPREVIOUS") == second


@pytest.mark.parametrize("step", ["createSecret", "finishSecret"])
def test_a_rotation_that_took_too_long_is_given_up(world: World, step: str) -> None:
    """Functions count from when a key was made: one that was not finished in time is dropped, and the next one is new."""
    version = world.manager.rotate()
    world.step("createSecret", version)
    dropped = world.key("AWSPENDING")
    world.now += FINISH_SECONDS
    refused(world, step, version, f"{step}: version {version} is too old")
    refused(world, step, version, "is not AWSPENDING")
    assert world.rotate() != dropped


def test_a_rotation_may_take_its_time(world: World) -> None:
    """Just short of the limit, it is finished."""
    version = world.manager.rotate()
    world.step("createSecret", version)
    world.now += FINISH_SECONDS - 1
    world.step("finishSecret", version)
    assert world.key("AWSPREVIOUS") == FIRST


def test_secrets_manager_tries_the_function_out(world: World) -> None:
    """When rotation is set up, the third step comes alone, with a copy of the current version: it passes, and such a copy
    never becomes current."""
    version = world.manager.rotate(text=FIRST.to_secret())
    world.step("testSecret", version)
    assert world.tried == [FIRST]
    refused(world, "finishSecret", version, "finishSecret: the pending version holds the key that is current")


def test_a_key_that_does_not_work_is_not_made_current(world: World) -> None:
    """The third step fails where the key is none, or where tokens cannot be signed with it."""
    version = world.manager.rotate(text='{"kid": "2", "key": "short"}')
    for step in STEPS[1:]:
        refused(world, step, version, "`key` must have at least 32 characters")


def test_a_secret_without_a_current_version_is_refused(world: World) -> None:
    """There is nothing that the new key could take over from."""
    version = world.manager.rotate()
    world.manager.unlabel("AWSCURRENT")
    with pytest.raises(InternalError, match="the secret has no current version"):
        world.step("createSecret", version)


def test_an_outage_changes_nothing(world: World) -> None:
    """What could not be done is told without what was sent."""
    version = world.manager.rotate()
    world.step("createSecret", version)
    world.manager.is_down = True
    for step in STEPS:
        refused(world, step, version, r"^Secrets Manager could not be called: \w+ \(EndpointConnectionError\)$")
    world.manager.is_down = False
    world.step("finishSecret", version)
    assert world.key("AWSPREVIOUS") == FIRST


def test_what_aws_refuses_is_told_by_its_code(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operation and the code, and nothing else."""
    version = world.manager.rotate()
    world.step("createSecret", version)
    describe = world.manager.describe_secret

    def stale(**arguments: Any) -> Any:
        monkeypatch.undo()
        answer = describe(**arguments)
        world.manager.put(SigningKey(kid="hand", key="h" * 64).to_secret())
        return answer

    monkeypatch.setattr(world.manager, "describe_secret", stale)
    refused_by_aws = r"^Secrets Manager refused UpdateSecretVersionStage \(InvalidParameterException\)$"
    with pytest.raises(InternalError, match=refused_by_aws) as caught:
        world.step("finishSecret", version)
    assert caught.value.__suppress_context__


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that the functions say."""
    with caplog.at_level(logging.DEBUG, "functions"):
        yield caplog


def test_the_log_names_keys_and_shows_none(world: World, log: pytest.LogCaptureFixture) -> None:
    """An operator can follow a rotation by the keys' names."""
    first = world.rotate()
    world.now += RETIRED_AFTER_SECONDS
    second = world.rotate()
    world.step("finishSecret", world.manager.rotate()[:-1] + "2")
    lines = [vars(record) for record in log.records]
    assert [line["msg"] for line in lines] == [
        *("A key was made", "A new key is current") * 2,
        "The rotation has been finished before",
    ]
    assert [line["kid"] for line in lines[:4]] == [first.kid, first.kid, second.kid, second.kid]
    everything = str(lines)
    assert not [key for key in (FIRST, first, second) if key.key in everything]


def test_the_log_says_why_a_step_was_not_done(world: World, log: pytest.LogCaptureFixture) -> None:
    """One line, as an error: Secrets Manager keeps no more than that it failed."""
    world.rotate()
    log.clear()
    refused(world, "createSecret", world.manager.rotate(), "rotate in 8460 seconds")
    (record,) = log.records
    assert record.levelno == logging.ERROR
    assert vars(record)["reason"].endswith("rotate in 8460 seconds")


def test_keys_are_new() -> None:
    """No two have a name or a key in common, and what is written is read."""
    keys = [SigningKey.generate() for _ in range(50)]
    assert len({key.kid for key in keys}) == len({key.key for key in keys}) == 50
    assert [SigningKey.from_secret(key.to_secret()) for key in keys] == keys
    assert set(json.loads(keys[0].to_secret())) == {"kid", "key"}
    assert all(one.key not in repr(other) for one, other in pairwise(keys))
    assert keys[0].key not in repr(keys[0])

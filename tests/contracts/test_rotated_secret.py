"""What the rotation asks of Secrets Manager, on every adapter: the tests' own, moto, ministack."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.secretsmanager.models import secretsmanager_backends

from functions.identity.keys import SecretVersion
from functions.identity.secret_versions import SecretVersions
from tests.support.secrets_manager import SECRET, FakeSecretsManager

REGION = "us-east-1"
ACCOUNT = "123456789012"


@dataclass
class World:
    """A secret that holds `first`, for which rotation is on."""

    secret: SecretVersions
    begin: Callable[[], str]
    """Makes an empty pending version, as Secrets Manager does."""
    put: Callable[[str], object]
    """Makes a new version current, as an operator does."""
    keeps_what_is_filled: bool = True
    """The stand-ins take a second value for a version; Secrets Manager keeps the first."""

    def texts(self) -> dict[str, str]:
        """The texts of the versions, by their stages, without those in none."""
        found: dict[str, str] = {}
        for version, stages in self.secret.state().stages.items():
            value = self.secret.version(version)
            found |= dict.fromkeys(stages, value.text if value else "")
        return found


def memory() -> World:
    manager = FakeSecretsManager(clock=time.time)
    manager.put("first")
    client: Any = manager
    return World(SecretVersions(client=client, secret_id=SECRET), manager.rotate, manager.put)


def moto() -> World:
    client = boto3.client("secretsmanager", region_name=REGION, aws_access_key_id="t", aws_secret_access_key="t")
    client.create_secret(Name="tokens", SecretString="first")
    stored: Any = secretsmanager_backends[ACCOUNT][REGION].secrets["tokens"]
    stored.rotation_requested = True
    stored.rotation_enabled = True

    def begin() -> str:
        # Its RotateSecret wants a function to call.
        version = str(uuid.uuid4())
        stored.versions[version] = {
            "createdate": int(time.time()),
            "version_id": version,
            "version_stages": ["AWSPENDING"],
        }
        return version

    put = lambda text: client.put_secret_value(SecretId="tokens", SecretString=text)  # noqa: E731
    return World(SecretVersions(client=client, secret_id="tokens"), begin, put, keeps_what_is_filled=False)


def on_ministack(arguments: dict[str, Any]) -> World:
    client = boto3.client("secretsmanager", **arguments)
    name = f"tokens-{uuid.uuid4()}"
    client.create_secret(Name=name, SecretString="first")
    client.rotate_secret(SecretId=name, RotationLambdaARN="arn:aws:lambda:us-east-1:000000000000:function:rotation")
    for version, stages in client.describe_secret(SecretId=name)["VersionIdsToStages"].items():
        if "AWSPREVIOUS" in stages:
            client.update_secret_version_stage(SecretId=name, VersionStage="AWSPREVIOUS", RemoveFromVersionId=version)

    def begin() -> str:
        version = str(uuid.uuid4())
        client.put_secret_value(SecretId=name, ClientRequestToken=version, VersionStages=["AWSPENDING"])
        return version

    put = lambda text: client.put_secret_value(SecretId=name, SecretString=text)  # noqa: E731
    return World(SecretVersions(client=client, secret_id=name), begin, put, keeps_what_is_filled=False)


@pytest.fixture(params=["memory", "moto", "ministack"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each adapter in turn."""
    if request.param == "memory":
        yield memory()
    elif request.param == "moto":
        with mock_aws():
            yield moto()
    else:
        world = on_ministack(request.getfixturevalue("ministack").client_arguments())
        yield world
        world.secret._client.close()


def test_a_rotation_moves_the_stages(world: World) -> None:
    """The pending version is empty, then filled, then current; the one that was current is the previous one."""
    first = world.secret.state().version_in("AWSCURRENT")
    assert first is not None
    assert world.texts() == {"AWSCURRENT": "first"}
    version = world.begin()
    assert world.secret.state().version_in("AWSPENDING") == version
    assert world.secret.version(version) is None
    assert world.texts() == {"AWSCURRENT": "first", "AWSPENDING": ""}
    world.secret.fill(version, "second")
    assert world.texts() == {"AWSCURRENT": "first", "AWSPENDING": "second"}
    world.secret.make_current(version, instead_of=first)
    texts = world.texts()
    assert (texts["AWSCURRENT"], texts["AWSPREVIOUS"]) == ("second", "first")


def test_rotations_follow_each_other(world: World) -> None:
    """The previous version is always the one before, and the pending one may stay where it was."""
    for before, text in (("first", "second"), ("second", "third")):
        current = world.secret.state().version_in("AWSCURRENT")
        assert current is not None
        version = world.begin()
        world.secret.fill(version, text)
        world.secret.make_current(version, instead_of=current)
        texts = world.texts()
        assert (texts["AWSCURRENT"], texts["AWSPREVIOUS"]) == (text, before)


def test_a_version_says_when_it_was_made(world: World) -> None:
    """In seconds since 1970, to a second."""
    before = time.time()
    version = world.begin()
    world.secret.fill(version, "second")
    made = world.secret.version(version)
    assert made is not None
    assert isinstance(made, SecretVersion)
    assert before - 1 <= made.made_at <= time.time() + 1


def test_a_version_keeps_its_first_value(world: World) -> None:
    """A second value for the same version is no error, and has no effect."""
    version = world.begin()
    world.secret.fill(version, "second")
    world.secret.fill(version, "third")
    if world.keeps_what_is_filled:
        assert world.texts()["AWSPENDING"] == "second"


def test_a_rotation_is_given_up(world: World) -> None:
    """The version is in no stage any more, and nothing else has changed."""
    version = world.begin()
    world.secret.fill(version, "second")
    world.secret.abandon(version)
    assert world.texts() == {"AWSCURRENT": "first"}
    assert not world.secret.state().stages.get(version)


def test_the_state_tells_of_rotation(world: World) -> None:
    """Whether it is on, and which versions there are."""
    assert world.secret.state().is_rotated
    assert world.secret.state().version_in("AWSPREVIOUS") is None
    world.put("by hand")
    assert {"AWSCURRENT": "by hand", "AWSPREVIOUS": "first"}.items() <= world.texts().items()

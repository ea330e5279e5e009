"""Starts from a snapshot: what is asked of Lambda, and where."""

from collections.abc import Callable

import pytest

from infra.constructs.function import WITHOUT_SNAP_START
from tests.infra.conftest import Stage
from tests.infra.reading import of_type, path_of


@pytest.fixture(scope="module")
def snapped(synthesise: Callable[..., Stage]) -> Stage:
    return synthesise(snap_start="true")


def test_it_costs_money_and_so_is_a_choice(dev: Stage, prod: Stage) -> None:
    """A snapshot is paid for while nobody calls: without the choice, none is made."""
    for stage in (dev, prod):
        assert not any(
            "SnapStart" in one["Properties"] for one in of_type(stage.chat, "AWS::Lambda::Function").values()
        )


def test_the_chat_functions_versions_are_started_from_snapshots(snapped: Stage) -> None:
    """Where the region can, which CloudFormation finds out; everywhere else the function starts as it always has."""
    found = {
        path_of(function): function["Properties"]["SnapStart"]["ApplyOn"]
        for function in of_type(snapped.chat, "AWS::Lambda::Function").values()
        if "SnapStart" in function["Properties"]
    }
    assert list(found) == ["Chat/Function"]
    condition, where_it_can, elsewhere = found["Chat/Function"]["Fn::If"]
    assert (where_it_can, elsewhere) == ("PublishedVersions", "None")
    assert snapped.chat["Conditions"][condition] == {
        "Fn::And": [
            {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws"]},
            {"Fn::Not": [{"Fn::Or": [{"Fn::Equals": [{"Ref": "AWS::Region"}, name]} for name in WITHOUT_SNAP_START]}]},
        ]
    }
    assert snapped.findings() == []


def test_nothing_stands_in_its_way(snapped: Stage) -> None:
    """Snapshots are made of published versions alone, and of no function with a file system, more than 512 MB of disk or
    provisioned concurrency."""
    (function,) = (
        one["Properties"]
        for one in of_type(snapped.chat, "AWS::Lambda::Function").values()
        if path_of(one) == "Chat/Function"
    )
    assert not {"FileSystemConfigs", "EphemeralStorage", "ImageUri"} & set(function)
    for alias in of_type(snapped.chat, "AWS::Lambda::Alias").values():
        assert "ProvisionedConcurrencyConfig" not in alias["Properties"]
        assert set(alias["Properties"]["FunctionVersion"]) == {"Fn::GetAtt"}


def test_the_choice_makes_a_new_version(dev: Stage, snapped: Stage) -> None:
    """A snapshot is taken of a version when it is published, so that there has to be one."""
    versions = [
        {name for name, one in of_type(stage.chat, "AWS::Lambda::Version").items() if name.startswith("Chat")}
        for stage in (dev, snapped)
    ]
    assert versions[0] != versions[1]

"""An upgrade from each release that was made replaces nothing that holds data, and nothing in its way.

`releases/VERSION/STAGE.json` is what a release deployed: the template of the data stack, and what the chat stack imports of
it. A new one is recorded when it is released: `RECORD_RELEASE=0.2.0 .venv/bin/pytest tests/infra/test_upgrades.py`. None is
ever changed afterwards.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import Stage

RELEASES = Path(__file__).parent / "releases"
STAGES = ("dev", "prod")
RECORDED = sorted(path.name for path in RELEASES.iterdir() if path.is_dir())

REPLACED_BY = {
    "AWS::DynamoDB::GlobalTable": ("TableName", "KeySchema", "LocalSecondaryIndexes"),
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"),
    "AWS::S3::Bucket": ("BucketName", "BucketNamePrefix", "BucketNamespace", "ObjectLockEnabled"),
    "AWS::SecretsManager::Secret": ("Name",),
}
"""What holds data, and the properties that CloudFormation cannot change without making a new one
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/: "Update requires: Replacement")."""
GENERATED = ("GenerateSecretString", "SecretString")
"""A change of these makes CloudFormation write another value into a secret that is there: whoever was signed in is not any
more, and a key that an operator has put is lost."""


def stateful(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What holds data, by logical ids."""
    return {name: found for name, found in template["Resources"].items() if found["Type"] in REPLACED_BY}


def exports(template: dict[str, Any]) -> set[str]:
    """The names under which a stack's values are there for others."""
    return {output["Export"]["Name"] for output in template["Outputs"].values() if "Export" in output}


def imports(found: Any) -> Iterator[str]:
    """The names that a template imports."""
    if isinstance(found, dict):
        if "Fn::ImportValue" in found:
            yield found["Fn::ImportValue"]
        for value in found.values():
            yield from imports(value)
    elif isinstance(found, list):
        for value in found:
            yield from imports(value)


@pytest.fixture(params=[(version, stage) for version in RECORDED for stage in STAGES], ids="-".join)
def released(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """A stage's name, and what a release deployed as it."""
    version, stage = request.param
    return stage, json.loads((RELEASES / version / f"{stage}.json").read_text("utf-8"))


@pytest.fixture
def now(released: tuple[str, dict[str, Any]], dev: Stage, prod: Stage) -> Stage:
    """The same stage, as it is now."""
    return {"dev": dev, "prod": prod}[released[0]]


def replaced(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What of a template's stateful resources an upgrade to another would replace, and by what."""
    found: list[str] = []
    for name, old in stateful(before).items():
        new = after["Resources"].get(name)
        if new is None or new["Type"] != old["Type"]:
            found.append(name)
            continue
        properties = old["Properties"], new["Properties"]
        kept = (*REPLACED_BY[old["Type"]], *GENERATED)
        found += [f"{name}.{one}" for one in kept if properties[0].get(one) != properties[1].get(one)]
        if _key_types(properties[0]) != _key_types(properties[1]):
            found.append(f"{name}.AttributeDefinitions")
    return found


def _key_types(properties: dict[str, Any]) -> dict[str, str]:
    """A key's type is part of the key; further attributes may come and go."""
    types = {one["AttributeName"]: one["AttributeType"] for one in properties.get("AttributeDefinitions", ())}
    return {one["AttributeName"]: types.get(one["AttributeName"], "") for one in properties.get("KeySchema", ())}


def test_nothing_that_holds_data_is_replaced(released: tuple[str, dict[str, Any]], now: Stage) -> None:
    """Table, bucket and secrets have the logical ids that they had, and what cannot be changed is not."""
    assert len(stateful(released[1]["data"])) >= 4
    assert replaced(released[1]["data"], now.data) == []


CHANGES = {
    "moved": ("OpenAISecret", None, None),
    "named": ("Bucket", "BucketName", "conversations"),
    "another key": ("Table", "KeySchema", [{"AttributeName": "id", "KeyType": "HASH"}]),
    "another type": (
        "Table",
        "AttributeDefinitions",
        [{"AttributeName": n, "AttributeType": "B"} for n in ("pk", "sk")],
    ),
    "another secret": ("TokenSecret", "GenerateSecretString", {}),
    "emptied": ("OpenAISecret", "SecretString", "sk-"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_replacement_is_noticed(prod: Stage, name: str) -> None:
    """The check bites: each change that would lose data is named."""
    start, property_, value = CHANGES[name]
    after = json.loads(json.dumps(prod.data))
    [logical] = [one for one in stateful(after) if re.fullmatch(rf"{start}([0-9A-F]{{8}})?", one)]
    if property_ is None:
        after["Resources"][f"Moved{logical}"] = after["Resources"].pop(logical)
    else:
        after["Resources"][logical]["Properties"][property_] = value
    found = replaced(prod.data, after)
    assert found
    assert all(one.partition(".")[0] == logical for one in found)


def test_what_outlived_its_stack_still_does(released: tuple[str, dict[str, Any]], now: Stage) -> None:
    """No upgrade makes data go with a stack that it would have outlived before, or with a replacement."""
    for name, found in stateful(released[1]["data"]).items():
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            assert found[policy] in {"Retain", "Delete"}
            assert stateful(now.data)[name][policy] in {"Retain", found[policy]}


def test_nothing_that_is_in_use_is_taken_away(released: tuple[str, dict[str, Any]], now: Stage) -> None:
    """The data stack is changed first, while the old chat stack still imports of it: CloudFormation refuses to drop what is
    imported, and the deployment would be stuck."""
    assert set(released[1]["imports"]) <= exports(now.data)


def test_releases_are_whole() -> None:
    """Each has both stages, and is named by its version."""
    assert RECORDED
    for version in RECORDED:
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert {path.name for path in (RELEASES / version).iterdir()} == {f"{stage}.json" for stage in STAGES}


if "RECORD_RELEASE" in os.environ:

    def test_record(dev: Stage, prod: Stage) -> None:
        """No test: writes down what is deployed now, as that version."""
        folder = RELEASES / os.environ["RECORD_RELEASE"]
        folder.mkdir()
        for name, stage in zip(STAGES, (dev, prod), strict=True):
            content = {"data": stage.data, "imports": sorted(set(imports(stage.chat)))}
            (folder / f"{name}.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", "utf-8")

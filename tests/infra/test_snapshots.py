"""What is deployed, in full: each stack's template is as it is written down in `snapshots/`, but for hashes.

A change is seen in a review as what it does to CloudFormation. Where it is meant, the snapshots are written anew:
`RECORD_SNAPSHOTS=true .venv/bin/pytest tests/infra/test_snapshots.py`.
"""

import difflib
import json
import os
import re
from pathlib import Path

import pytest

from tests.infra.conftest import Stage

SNAPSHOTS = Path(__file__).parent / "snapshots"
HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])|[0-9a-f]{32}(?![0-9a-f])")
"""Of an asset, and of a function's version or an API's deployment: they follow from what is not in the template."""
LINES = 60
"""How much of a difference is shown."""


def written(stage: Stage) -> dict[str, str]:
    """Each stack's template as it is written down."""
    found: dict[str, str] = {}
    for path in sorted(stage.assembly.glob("*.template.json")):
        content = json.dumps(json.loads(path.read_text("utf-8")), indent=1, sort_keys=True)
        found[path.name.removesuffix(".template.json")] = HASH.sub("(hash)", content) + "\n"
    return found


@pytest.fixture(params=["dev", "prod"])
def stage(request: pytest.FixtureRequest, dev: Stage, prod: Stage) -> Stage:
    """Either stage."""
    return {"dev": dev, "prod": prod}[request.param]


def test_what_is_deployed_is_what_is_written_down(stage: Stage) -> None:
    """To the letter, but for hashes; the difference is shown."""
    for name, now in written(stage).items():
        path = SNAPSHOTS / f"{name}.json"
        before = path.read_text("utf-8") if path.exists() else ""
        lines = difflib.unified_diff(before.splitlines(), now.splitlines(), "written down", "now", lineterm="", n=2)
        shown = "\n".join(list(lines)[:LINES])
        if shown and os.environ.get("RECORD_SNAPSHOTS") == "true":
            path.parent.mkdir(exist_ok=True)
            path.write_text(now, "utf-8")
        else:
            assert not shown, f"{name} is another (RECORD_SNAPSHOTS=true writes it down anew):\n{shown}"


def test_no_stack_is_written_down_that_is_gone(dev: Stage, prod: Stage) -> None:
    """Each snapshot is of a stack that there is."""
    assert {path.stem for path in SNAPSHOTS.glob("*.json")} == {*written(dev), *written(prod)}


def test_hashes_are_masked() -> None:
    """Those of assets and versions, and no names."""
    version = "ChatFunctionCurrentVersionE9E95219" + "0b0a29dfc8de6d1d0a23144328ddb897"
    assert HASH.sub("(hash)", version) == "ChatFunctionCurrentVersionE9E95219(hash)"
    assert HASH.sub("(hash)", "a" * 64 + ".zip") == "(hash).zip"
    assert HASH.sub("(hash)", "ExportsOutputRefTableCD117FA1D18A8047") == "ExportsOutputRefTableCD117FA1D18A8047"

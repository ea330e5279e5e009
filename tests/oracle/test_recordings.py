"""Every recorded response, by HTTP through the official mapping and through ours: the same, but for the improvements."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.recorded import agents, mended_annotation, replayed
from tests.oracle.recorded_improvements import IMPROVEMENTS, settled
from tests.support.model_server import ModelServer
from tests.support.streams import own_streams, recording_cases, recordings

pytestmark = pytest.mark.integration


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A stand-in for the API; and the official mapping with its citation fault mended."""
    monkeypatch.setattr(agents, "_convert_annotation", mended_annotation)
    with ModelServer() as running:
        yield running


@pytest.mark.parametrize("path", [*recording_cases(), *(pytest.param(p, id=f"own-{p.stem}") for p in own_streams())])
def test_a_response_becomes_what_the_official_mapping_makes_of_it(server: ModelServer, path: Path) -> None:
    """Items, texts, annotations, tasks, pictures and failures are equal, event by event, but for named improvements."""
    replay, _ = settled(asyncio.run(replayed(path, server)))
    # The failures first: they say why events are missing.
    assert replay.ours.failure == replay.official.failure
    assert replay.ours.events == replay.official.events
    assert replay.ours.left == replay.official.left


@pytest.mark.skipif(not recordings(), reason="recorded streams of the Responses API are not here")
def test_each_improvement_occurs(server: ModelServer) -> None:
    """A difference that no stream shows any more is no difference: it must leave the list."""
    occurred: set[str] = set()
    for path in [*recordings(), *own_streams()]:
        _, used = settled(asyncio.run(replayed(path, server)))
        occurred |= {improvement.name for improvement in used}
    assert occurred == {improvement.name for improvement in IMPROVEMENTS}


def test_the_citation_fault_is_still_there(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the official mapping no longer raises at a streamed citation, this suite must stop mending it."""
    path = next((path for path in recordings() if path.stem == "file-search-citations"), None)
    if path is None:
        pytest.skip("recorded streams of the Responses API are not here")
    monkeypatch.undo()
    assert asyncio.run(replayed(path, server)).official.failure == "ValidationError"

"""What is done behind an answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

from functions.runtime import afterwards, loop
from functions.runtime.client import StreamingRuntimeClient

POSTS = ("post_invocation_result", "post_invocation_error")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was done, in order: posts, and works that were registered in between."""
    steps: list[str] = []
    monkeypatch.setattr(afterwards, "_works", [])
    for name in POSTS:
        monkeypatch.setattr(LambdaRuntimeClient, name, lambda *_, name=name: steps.append(name))
    yield steps
    loop.close()


def work(steps: list[str], name: str, error: Exception | None = None) -> afterwards.Work:
    async def run() -> None:
        steps.append(name)
        if error is not None:
            raise error

    return run


def post(name: str, *arguments: Any) -> None:
    getattr(StreamingRuntimeClient("127.0.0.1:9"), name)(*arguments)


def test_it_comes_behind_each_answer(done: list[str]) -> None:
    """Also behind an error; in the order in which it was asked for."""
    afterwards.after_each_invocation(work(done, "first"))
    afterwards.after_each_invocation(work(done, "second"))
    post("post_invocation_result", "id", "{}")
    post("post_invocation_error", "id", "{}", "")
    assert done == [POSTS[0], "first", "second", POSTS[1], "first", "second"]


def test_it_is_done_where_the_answer_could_not_be_given(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What has happened has happened; the failure ends the process all the same."""

    def gone(*_: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(LambdaRuntimeClient, "post_invocation_result", gone)
    afterwards.after_each_invocation(work(done, "work"))
    with pytest.raises(ConnectionResetError):
        post("post_invocation_result", "id", "{}")
    assert done == ["work"]


def test_what_fails_is_logged_and_the_rest_is_done(done: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """Without the exception's text."""
    afterwards.after_each_invocation(work(done, "first", ValueError("a secret")))
    afterwards.after_each_invocation(work(done, "second"))
    post("post_invocation_result", "id", "{}")
    assert done == [POSTS[0], "first", "second"]
    (record,) = caplog.records
    assert vars(record)["error"] == "ValueError"
    assert "a secret" not in str(vars(record))

"""Sessions on the local stack, over HTTP: the real functions, in processes of their own."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("local-sessions")]

MESSAGE = {"content": [{"type": "input_text", "text": "Hi"}], "attachments": [], "inference_options": {}}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own."""
    with running_stack(tmp_path_factory.mktemp("state")) as stack:
        yield stack


def post(stack: Stack, path: str, body: Any, *, token: str | None = None, accept: str = "*/*") -> tuple[int, bytes]:
    """Status and body."""
    try:
        return 200, stack.post(path, body, token=token, accept=accept)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def threads(stack: Stack, token: str) -> list[Any]:
    status, body = post(stack, "/chatkit", {"type": "threads.list", "params": {}}, token=token)
    assert status == 200
    return json.loads(body)["data"]


def test_a_session_from_its_start_to_its_end(stack: Stack) -> None:
    """A token is renewed, the renewed one is good; after the sign-out no token of the session opens or renews anything."""
    first = stack.token("carol")
    status, body = post(stack, "/api/chatkit/refresh", {"currentClientSecret": first})
    assert status == 200
    second = json.loads(body)["client_secret"]
    create = {"type": "threads.create", "params": {"input": MESSAGE}}
    status, stream = post(stack, "/chatkit", create, token=second, accept="text/event-stream")
    assert status == 200
    assert b"thread.created" in stream
    (thread,) = threads(stack, second)

    assert post(stack, "/api/chatkit/logout", {"currentClientSecret": second}) == (200, b"{}")

    replays = [
        {"type": "threads.list", "params": {}},
        {"type": "threads.get_by_id", "params": {"thread_id": thread["id"]}},
        {"type": "threads.delete", "params": {"thread_id": thread["id"]}},
        {"type": "threads.update", "params": {"thread_id": thread["id"], "title": "mine"}},
    ]
    for token in (first, second):
        assert post(stack, "/api/chatkit/refresh", {"currentClientSecret": token})[0] == 401
        for replay in replays:
            assert post(stack, "/chatkit", replay, token=token)[0] == 401
        status, stream = post(stack, "/chatkit", create, token=token, accept="text/event-stream")
        (event,) = [json.loads(frame[6:]) for frame in stream.split(b"\n\n") if frame.startswith(b"data: ")]
        assert (status, event["type"], event["allow_retry"]) == (200, "error", False)
    # Nothing has come of it, and a new session finds all as it was.
    assert threads(stack, stack.token("carol")) == [thread]


def test_a_tenants_user_is_another_user(stack: Stack) -> None:
    """The same name in two tenants, and without one, has three histories."""

    def token(**body: str) -> str:
        return json.loads(stack.post("/api/chatkit/start", {"user": "dave", **body}))["client_secret"]

    everybody = [token(), token(tenant="acme"), token(tenant="globex")]
    create = {"type": "threads.create", "params": {"input": MESSAGE}}
    for one in everybody:
        assert threads(stack, one) == []
        stack.post("/chatkit", create, token=one, accept="text/event-stream")
    found = [thread["id"] for one in everybody for thread in threads(stack, one)]
    assert len(found) == len(set(found)) == 3
    for one in everybody[1:]:
        body = {"type": "threads.get_by_id", "params": {"thread_id": found[0]}}
        assert post(stack, "/chatkit", body, token=one)[0] == 404

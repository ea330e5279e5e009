"""Attacks on the local stack, over HTTP: each is refused, tells nothing, and changes nothing.

`tests/support/attack_cases.py` lists them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from functions.identity.base import owner
from tests.support.attack import STRANGERS, Attack
from tests.support.attack_cases import ATTACKS
from tests.support.attack_target import SECRET, Ids, Target, asked, connected, forger, send, settled, snapshot, started
from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("attacks")]


@dataclass(frozen=True)
class Scene:
    """A stack with a user, Alice, and what strangers know of her."""

    stack: Stack
    alice: str
    """A good token of Alice's."""
    ids: Ids
    stored: Callable[[], Any]
    """All that is stored, but for the strangers' own."""
    before: Any
    """The same, before the first attack."""
    targets: Mapping[str, Target]
    """By stranger."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One stack for all attacks."""
    with running_stack(tmp_path_factory.mktemp("state")) as stack, connected(stack) as clients:
        ids = settled(stack, "alice")
        forge = forger(stack, clients)
        alice, signed_out = forge(), started(stack, "alice")
        stack.post("/api/chatkit/logout", {"currentClientSecret": signed_out})
        targets = {
            name: Target(
                ids=ids,
                own=settled(stack, **session),
                token=started(stack, **session),
                alice=alice,
                signed_out=signed_out,
                forge=forge,
            )
            for name, session in STRANGERS.items()
        }
        strangers = [owner(**session) for session in STRANGERS.values()]

        def stored() -> Any:
            return snapshot(clients, without=strangers)

        yield Scene(stack, alice, ids, stored, stored(), targets)
        faults = [line for line in stack.output if "a request failed" in line or "Traceback" in line]
        assert faults == []


def test_alice_sees_what_is_attacked(scene: Scene) -> None:
    """What the attacks ask for is there, and Alice may do with it what strangers may not."""
    assert SECRET in str(scene.before)
    for kind, params in (
        ("threads.get_by_id", {"thread_id": scene.ids.thread}),
        ("items.list", {"thread_id": scene.ids.tool_thread}),
        ("attachments.get_preview", {"attachment_id": scene.ids.sent_attachment}),
    ):
        answer = send(scene.stack, asked(kind, scene.alice, **params))
        assert (answer.status, SECRET.encode() in answer.body) == (200, True)


@pytest.mark.parametrize(("group", "attack"), ATTACKS, ids=[f"{group}-{attack.name}" for group, attack in ATTACKS])
def test_an_attack(scene: Scene, group: str, attack: Attack) -> None:
    """It is refused in the words that what does not exist is refused in, and Alice has what she had."""
    target = scene.targets[attack.stranger]

    sent, about_nothing = attack.sent(target), attack.sent(target.of_nothing())
    answer = send(scene.stack, sent)

    assert answer.status < 500, answer
    assert answer.is_refusal != attack.is_answered, answer
    assert not attack.statuses or answer.status in attack.statuses, answer
    assert SECRET.encode() not in answer.body
    if about_nothing != sent:
        assert answer.told == send(scene.stack, about_nothing).told
    assert scene.stored() == scene.before

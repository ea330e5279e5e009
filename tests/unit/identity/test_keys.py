"""The key ring: which key signs, which keys are taken, and how often Secrets Manager is asked."""

from typing import Any

import pytest

from functions.errors import InternalError
from functions.identity.keys import (
    FINISH_SECONDS,
    REMEMBERED_SECONDS,
    RETIRED_AFTER_SECONDS,
    SIGNS_AFTER_SECONDS,
    KeyRing,
    OneKey,
    SigningKey,
)
from functions.identity.secrets_manager import RENEWAL_SECONDS, RETRY_SECONDS, Secrets
from functions.settings import MAX_REFRESH_GRACE_SECONDS, MAX_TOKEN_SECONDS
from tests.support.secrets_manager import SECRET, FakeSecretsManager

OLD = SigningKey(kid="old", key="o" * 64)
NEW = SigningKey(kid="new", key="n" * 64)
READ_CURRENT = "GetSecretValue AWSCURRENT"
READ_PREVIOUS = "GetSecretValue AWSPREVIOUS"


class World:
    """A Secrets Manager that holds a key of long ago, and functions, by a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.manager = FakeSecretsManager(clock=lambda: self.now)
        self.manager.put(OLD.to_secret())
        self.now += 30 * 86_400

    def ring(self) -> KeyRing:
        """A function's, which has just started."""
        client: Any = self.manager
        secrets = Secrets(client=client, clock=lambda: self.now)
        return KeyRing(secrets=secrets, secret_id=SECRET, clock=lambda: self.now)

    def asked(self) -> list[str]:
        """What Secrets Manager was asked since this was called last."""
        calls = list(self.manager.calls)
        self.manager.calls.clear()
        return calls


@pytest.fixture
def world() -> World:
    """A key that has signed for a month."""
    return World()


def test_the_times_fit_each_other() -> None:
    """A key is known to all before it signs, and goes when its last token has expired."""
    assert SIGNS_AFTER_SECONDS > FINISH_SECONDS + REMEMBERED_SECONDS
    assert RETIRED_AFTER_SECONDS > SIGNS_AFTER_SECONDS + MAX_TOKEN_SECONDS + MAX_REFRESH_GRACE_SECONDS
    # As docs/deploy.md tells them.
    assert (REMEMBERED_SECONDS, FINISH_SECONDS) == (5 * 60, 10 * 60)
    assert (SIGNS_AFTER_SECONDS, RETIRED_AFTER_SECONDS) == (16 * 60, 141 * 60)


def test_a_start_costs_one_request(world: World) -> None:
    """The current key is all that is read, and it is used for five minutes."""
    ring = world.ring()
    for _ in range(3):
        assert ring.find("old") == ring.signing() == OLD
        world.now += 99
    assert world.asked() == [READ_CURRENT]
    world.now += 3
    assert ring.find("old") == OLD
    assert world.asked() == [READ_CURRENT]


def test_a_new_key_is_taken_before_it_signs(world: World) -> None:
    """At first the key before signs, on every function; then the new one does; later the old one is not taken any more."""
    knowing_old = world.ring()
    assert knowing_old.signing() == OLD
    world.manager.put(NEW.to_secret())
    made_at = world.now
    knowing_new = world.ring()
    for elapsed, signing in ((0, OLD), (299, OLD), (SIGNS_AFTER_SECONDS - 1, OLD), (SIGNS_AFTER_SECONDS, NEW)):
        world.now = made_at + elapsed
        for ring in (knowing_old, knowing_new, world.ring()):
            assert ring.signing() == signing
            assert (ring.find("old"), ring.find("new")) == (OLD, NEW)
    for elapsed, found in ((RETIRED_AFTER_SECONDS - 1, OLD), (RETIRED_AFTER_SECONDS, None)):
        world.now = made_at + elapsed
        for ring in (knowing_old, knowing_new, world.ring()):
            assert (ring.find("old"), ring.find("new")) == (found, NEW)
            assert ring.signing() == NEW


def test_the_age_of_the_key_is_told_whenever_the_secret_was_read(world: World) -> None:
    """By who signs, once for each reading: not for each token, and not by who verifies alone."""
    ages: list[float] = []
    client: Any = world.manager
    secrets = Secrets(client=client, clock=lambda: world.now)
    ring = KeyRing(secrets=secrets, secret_id=SECRET, clock=lambda: world.now, tell_age=ages.append)
    ring.find(OLD.kid)
    assert ages == []
    ring.signing()
    ring.signing()
    assert ages == [30 * 86_400]
    world.now += REMEMBERED_SECONDS
    ring.signing()
    assert ages == [30 * 86_400, 30 * 86_400 + REMEMBERED_SECONDS]


def test_the_only_key_signs_at_once() -> None:
    """A stage that has just been deployed has no key before."""
    fresh = World()
    fresh.now -= 30 * 86_400
    ring = fresh.ring()
    assert ring.signing() == OLD
    assert fresh.asked() == [READ_CURRENT, READ_PREVIOUS]
    assert ring.find("old") == OLD
    assert fresh.asked() == []


def test_a_key_that_leaked_is_out_within_five_minutes(world: World) -> None:
    """Where an operator has taken the stage away from it, the new key signs at once, and the old one is forgotten."""
    rings = [world.ring()]
    assert rings[0].signing() == OLD
    world.manager.put(NEW.to_secret())
    rings.append(world.ring())
    assert rings[1].signing() == OLD
    world.manager.unlabel("AWSPREVIOUS")
    rings.append(world.ring())
    assert (rings[2].signing(), rings[2].find("old")) == (NEW, None)
    # A function that has not read it yet reads it for the first token that it has signed.
    assert rings[0].find("new") == NEW
    world.now += REMEMBERED_SECONDS
    assert [(ring.signing(), ring.find("old")) for ring in rings] == [(NEW, None)] * 3


def test_the_previous_key_is_read_when_it_is_named(world: World) -> None:
    """Not at the start; and once in five minutes."""
    world.manager.put(NEW.to_secret())
    ring = world.ring()
    assert ring.find("new") == NEW
    assert world.asked() == [READ_CURRENT]
    assert [ring.find("old") for _ in range(3)] == [OLD] * 3
    assert world.asked() == [READ_PREVIOUS]


def test_what_is_to_last_is_recalled_until_the_next_rotation(world: World) -> None:
    """A cookie of the key before is good long after its tokens are not; of the one before that it is not."""
    world.manager.put(NEW.to_secret())
    world.now += 29 * 86_400
    ring = world.ring()
    assert ring.find("old") is None
    assert (ring.recall("old"), ring.recall("new"), ring.recall("made-up")) == (OLD, NEW, None)
    assert ring.signing() == NEW
    newest = SigningKey(kid="newest", key="x" * 64)
    world.manager.put(newest.to_secret())
    world.now += REMEMBERED_SECONDS
    assert (ring.recall("old"), ring.recall("new"), ring.recall("newest")) == (None, NEW, newest)


def test_what_was_taken_away_is_not_recalled(world: World) -> None:
    """A key that has leaked is out for cookies too."""
    world.manager.put(NEW.to_secret())
    world.manager.unlabel("AWSPREVIOUS")
    assert world.ring().recall("old") is None


def test_names_of_cookies_that_are_made_up(world: World) -> None:
    """They reach Secrets Manager no more often than those of tokens: the key before is read once in five minutes."""
    world.manager.put(NEW.to_secret())
    world.now += 29 * 86_400
    ring = world.ring()
    for number in range(1_000):
        assert ring.recall(f"made-up-{number}") is None
        world.now += 0.1
    assert len(world.asked()) <= 2 + 100 / RENEWAL_SECONDS


def test_names_that_are_made_up_do_not_reach_secrets_manager(world: World) -> None:
    """However many come, there is one request in ten seconds; the previous key is not looked for long after its time."""
    ring = world.ring()
    for number in range(1_000):
        assert ring.find(f"made-up-{number}") is None
        world.now += 0.1
    asked = world.asked()
    assert len(asked) <= 1 + 100 / RENEWAL_SECONDS
    assert set(asked) == {READ_CURRENT}


def test_names_that_are_made_up_during_a_rotation(world: World) -> None:
    """Nor then; and both keys are found all the while."""
    world.manager.put(NEW.to_secret())
    ring = world.ring()
    for number in range(1_000):
        assert ring.find(f"made-up-{number}") is None
        assert (ring.find("old"), ring.find("new")) == (OLD, NEW)
        world.now += 0.1
    assert len(world.asked()) <= 2 + 100 / RENEWAL_SECONDS


def test_names_that_are_made_up_before_the_first_rotation() -> None:
    """Where there is no previous key, it is looked for twice a minute at most."""
    fresh = World()
    fresh.now -= 30 * 86_400
    ring = fresh.ring()
    for number in range(1_000):
        assert ring.find(f"made-up-{number}") is None
        fresh.now += 0.1
    assert len(fresh.asked()) <= 1 + 100 / RENEWAL_SECONDS + 1 + 100 / RETRY_SECONDS


def test_two_keys_put_by_hand_one_after_the_other(world: World) -> None:
    """A function that knew the first one finds both others, by one early reading."""
    ring = world.ring()
    assert ring.find("old") == OLD
    world.manager.put(SigningKey(kid="between", key="b" * 64).to_secret())
    world.manager.put(NEW.to_secret())
    assert ring.find("between") == SigningKey(kid="between", key="b" * 64)
    assert ring.find("new") == NEW
    assert ring.find("old") is None


def test_an_outage_leaves_everybody_signed_in(world: World) -> None:
    """What is known is used on; for a name that is not known, nobody waits twice."""
    world.manager.put(NEW.to_secret())
    ring = world.ring()
    assert (ring.find("old"), ring.find("new")) == (OLD, NEW)
    world.manager.is_down = True
    world.now += REMEMBERED_SECONDS
    world.asked()
    for _ in range(3):
        assert (ring.find("old"), ring.find("new"), ring.signing()) == (OLD, NEW, OLD)
    assert sorted(world.asked()) == [READ_CURRENT, READ_PREVIOUS]
    assert ring.find("made-up") is None
    assert world.asked() == [READ_CURRENT]


def test_an_outage_at_the_start_is_told(world: World) -> None:
    """Without any key there is nothing to check a token with."""
    world.manager.is_down = True
    ring = world.ring()
    for act in (ring.signing, lambda: ring.find("old")):
        with pytest.raises(InternalError, match=r"cannot be read \(EndpointConnectionError\)"):
            act()


def test_a_previous_secret_that_is_no_key_is_passed_over(world: World) -> None:
    """An operator's slip, which is mended: the good key signs, and other names are unknown."""
    world.manager.put("oops")
    world.manager.put(NEW.to_secret())
    ring = world.ring()
    assert (ring.signing(), ring.find("new"), ring.find("old")) == (NEW, NEW, None)


def test_a_current_secret_that_is_no_key_is_told(world: World) -> None:
    """An operator must mend it, and reads so."""
    world.manager.put("oops")
    world.manager.unlabel("AWSPREVIOUS")
    with pytest.raises(InternalError, match="the token secret is not JSON"):
        world.ring().signing()
    with pytest.raises(InternalError, match="the token secret is not JSON"):
        world.ring().find("old")


def test_one_key_is_found_by_its_name() -> None:
    """And signs."""
    keys = OneKey(OLD)
    assert (keys.signing(), keys.find("old"), keys.find("new")) == (OLD, OLD, None)
    assert (keys.recall("old"), keys.recall("new")) == (OLD, None)

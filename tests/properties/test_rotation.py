"""Whatever happens in whatever order: nobody's token becomes invalid by a rotation, and no old key stays good."""

import json
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.errors import InternalError, Unauthenticated
from functions.identity.base import ClientToken
from functions.identity.keys import (
    FINISH_SECONDS,
    REMEMBERED_SECONDS,
    RETIRED_AFTER_SECONDS,
    SIGNS_AFTER_SECONDS,
    KeyRing,
    OneKey,
    SigningKey,
)
from functions.identity.rotation import KeyRotation, Step
from functions.identity.secret_versions import SecretVersions
from functions.identity.secrets_manager import RENEWAL_SECONDS, Secrets
from functions.identity.tokens import ClientTokens
from functions.settings import MAX_TOKEN_SECONDS
from tests.support.secrets_manager import SECRET, FakeSecretsManager

STEPS: tuple[Step, ...] = ("createSecret", "setSecret", "testSecret", "finishSecret")
FUNCTIONS = 3
EDGES = (FINISH_SECONDS, SIGNS_AFTER_SECONDS, RETIRED_AFTER_SECONDS)
"""So long after a version was made, something is otherwise than before."""


class Rotations(RuleBasedStateMachine):
    """Three functions that read the key when it suits them, a rotation that may break off anywhere, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_800_000_000.0
        self.manager = FakeSecretsManager(clock=lambda: self.now)
        self.secrets: list[Secrets] = []
        self.functions: list[ClientTokens] = []
        self.tried: list[SigningKey] = []
        self.issued: list[ClientToken] = []
        self.version: str | None = None
        """Of the rotation that is under way, or was the last one."""
        self.current: list[SigningKey] = []
        """Every key that has been current, in order."""
        self.replaced_at: list[float] = []
        """When each of them but the last was replaced."""

    @initialize(seconds=st.sampled_from([60, 600, MAX_TOKEN_SECONDS]))
    def begin(self, seconds: int) -> None:
        """A first key, made by Secrets Manager, and functions whose tokens last as long as the stage says."""
        self.manager.put(SigningKey.generate().to_secret())
        self.notice()
        for _ in range(FUNCTIONS):
            self.secrets.append(self.reader())
            ring = KeyRing(secrets=self.secrets[-1], secret_id=SECRET, clock=self.clock)
            self.functions.append(ClientTokens(keys=ring, seconds=seconds, clock=self.clock))

    def clock(self) -> float:
        return self.now

    def reader(self) -> Secrets:
        client: Any = self.manager
        return Secrets(client=client, clock=self.clock)

    @rule(seconds=st.integers(1, 30) | st.sampled_from([RENEWAL_SECONDS, REMEMBERED_SECONDS - 1, REMEMBERED_SECONDS]))
    def wait(self, seconds: int) -> None:
        """Time goes by."""
        self.now += seconds

    @rule(edge=st.sampled_from(EDGES), nudge=st.integers(-20, 1), stage=st.sampled_from(["AWSCURRENT", "AWSPENDING"]))
    def wait_until(self, edge: int, nudge: int, stage: str) -> None:
        """Time goes by, up to where it matters."""
        made_at = self.manager.made_at(stage)
        if made_at is not None:
            self.now = max(self.now, made_at + edge + nudge)

    @rule(nudge=st.integers(-2, 0))
    def wait_for_a_token(self, nudge: int) -> None:
        """Up to where the last token expires."""
        if self.issued:
            self.now = max(self.now, self.issued[-1].expires_at + nudge)

    @rule()
    def rotate(self) -> None:
        """Secrets Manager begins a rotation, or goes on with one that broke off."""
        self.version = self.manager.rotate()

    @rule()
    def try_the_function_out(self) -> None:
        """Secrets Manager does so with a copy of the current key, and leaves it where it is, if all goes wrong."""
        self.version = self.manager.rotate(text=self.manager.text_in("AWSCURRENT"))

    @rule()
    def put_by_hand(self) -> None:
        """An operator makes a new key current, at a time when a rotation might."""
        made_at = self.manager.made_at("AWSCURRENT") or 0.0
        if self.manager.text_in("AWSPREVIOUS") is None or self.now >= made_at + RETIRED_AFTER_SECONDS:
            self.manager.put(SigningKey.generate().to_secret())
            self.notice()

    @precondition(lambda self: self.version is not None)
    @rule(step=st.sampled_from(STEPS))
    def step(self, step: Step) -> None:
        """Any step, at any time, as often as it likes: it is done or refused."""
        assert self.version is not None
        client: Any = self.manager
        rotation = KeyRotation(
            secret=SecretVersions(client=client, secret_id=SECRET),
            secret_id=SECRET,
            try_out=self.tried.append,
            clock=self.clock,
        )
        with suppress(InternalError):
            rotation.run({"Step": step, "SecretId": SECRET, "ClientRequestToken": self.version})
        self.notice()

    @rule()
    def rotate_wholly(self) -> None:
        """All four steps, one behind the other."""
        self.rotate()
        for step in STEPS:
            self.step(step)

    def notice(self) -> None:
        """Keeps a list of the keys that were current."""
        text = self.manager.text_in("AWSCURRENT")
        assert text is not None
        key = SigningKey.from_secret(text)
        if not self.current or key != self.current[-1]:
            if self.current:
                self.replaced_at.append(self.now)
            self.current.append(key)

    @rule()
    def issue(self) -> None:
        """Each function gives a page a token."""
        for tokens in self.functions:
            self.issued.append(tokens.issue("alice"))

    @rule()
    def use(self) -> None:
        """A token is good until it expires, whichever function is asked and whatever it knows, and not for longer."""
        for token, tokens in product(self.issued, self.functions):
            if self.now < token.expires_at:
                assert tokens.verify(token.client_secret).user == "alice"
            else:
                with pytest.raises(Unauthenticated):
                    tokens.verify(token.client_secret)
        self.issued = [token for token in self.issued if self.now < token.expires_at]

    @rule(function=st.integers(0, FUNCTIONS - 1))
    def start_anew(self, function: int) -> None:
        """A function's process is replaced, or comes from a snapshot."""
        self.secrets[function].forget()

    @rule(kid=st.text(max_size=8))
    def make_up(self, kid: str) -> None:
        """Somebody makes up a key and its name, and tries it on each function."""
        self.refuse(SigningKey(kid=kid, key="f" * 64))

    @rule()
    def use_an_old_key(self) -> None:
        """Whoever has got hold of a key that was replaced signs with it for ever: when its time is over, nobody takes it.

        Its successor was made before it was replaced, and what a function knows is five minutes old at most.
        """
        for key, replaced_at in zip(self.current, self.replaced_at, strict=False):
            if self.now >= replaced_at + RETIRED_AFTER_SECONDS + REMEMBERED_SECONDS:
                self.refuse(key)

    def refuse(self, key: SigningKey) -> None:
        forged = ClientTokens(keys=OneKey(key), seconds=10**9, clock=self.clock).issue("alice").client_secret
        for tokens in self.functions:
            with pytest.raises(Unauthenticated):
                tokens.verify(forged)

    @invariant()
    def keys_differ(self) -> None:
        """No key comes back."""
        assert len({json.dumps([key.kid, key.key]) for key in self.current}) == len(self.current)


TestRotations = Rotations.TestCase
TestRotations.settings = settings(
    max_examples=100, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

"""The rotation of the key that signs client tokens: the four steps that Secrets Manager asks for, as rules.

Secrets Manager makes an empty version in the stage `AWSPENDING` and calls the rotation function with that version's id, once
for each step (https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html). It may
call a step again, and begins at the first one again where one has failed; so each looks at what is there before it acts.

When a rotation is let through, and when the keys are used, is told in `keys.py`.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, cast, get_args

from functions.errors import InternalError
from functions.identity.keys import FINISH_SECONDS, RETIRED_AFTER_SECONDS, SecretVersion, SigningKey

Step = Literal["createSecret", "setSecret", "testSecret", "finishSecret"]

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
PREVIOUS: Final = "AWSPREVIOUS"

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SecretState:
    """What a secret's versions are."""

    is_rotated: bool
    """Whether Secrets Manager has a rotation function for it."""
    stages: Mapping[str, frozenset[str]]
    """By version id; a version in no stage is not listed."""

    def version_in(self, stage: str) -> str | None:
        """The id of the version in a stage."""
        return next((version for version, stages in self.stages.items() if stage in stages), None)


class RotatedSecret(Protocol):
    """The secret that is rotated. Each method raises `InternalError` where Secrets Manager refuses or fails."""

    def state(self) -> SecretState:
        """Its versions."""
        ...

    def version(self, version_id: str) -> SecretVersion | None:
        """One version; None where it has no value yet."""
        ...

    def fill(self, version_id: str, text: str) -> None:
        """Gives the pending version its value; it keeps the one that it has, where it has one."""
        ...

    def make_current(self, version_id: str, *, instead_of: str) -> None:
        """Makes one version current, and the one that is current the previous one."""
        ...

    def abandon(self, version_id: str) -> None:
        """Takes the pending version out of its stage: the next rotation begins with a new one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    step: Step
    version: str
    state: SecretState


class KeyRotation:
    """Serves Secrets Manager's calls."""

    def __init__(
        self,
        *,
        secret: RotatedSecret,
        secret_id: str,
        try_out: Callable[[SigningKey], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`try_out` raises where tokens cannot be signed and verified with a key; `clock` gives seconds since 1970."""
        self._secret = secret
        self._secret_id = secret_id
        self._try_out = try_out
        self._clock = clock

    def run(self, event: Mapping[str, Any]) -> None:
        """Performs the step that the event asks for; does nothing where it was done before.

        Raises `InternalError` for whatever must not be done: Secrets Manager takes the rotation for failed, and the key
        that was current stays it.
        """
        try:
            self._run(event)
        except InternalError as error:
            # Secrets Manager's own record says no more than that it failed.
            _log.error("A step of the rotation was not done", extra={"reason": str(error)})
            raise

    def _run(self, event: Mapping[str, Any]) -> None:
        step, version = self._asked_for(event)
        state = self._secret.state()
        if not state.is_rotated:
            raise InternalError("the secret has no rotation: Secrets Manager would not have called")
        stages = state.stages.get(version, frozenset[str]())
        if CURRENT in stages:
            _log.info("The rotation has been finished before", extra={"step": step, "version": version})
            return
        if PENDING not in stages:
            raise InternalError(f"{step}: version {version} is not {PENDING}")
        self._perform(_Call(step=step, version=version, state=state))

    def _asked_for(self, event: Mapping[str, Any]) -> tuple[Step, str]:
        step, version = event.get("Step"), event.get("ClientRequestToken")
        if step not in get_args(Step):
            raise InternalError(f"Step: must be one of {', '.join(get_args(Step))}")
        if event.get("SecretId") != self._secret_id:
            raise InternalError("SecretId: must be the secret that this function rotates")
        if not isinstance(version, str):
            raise InternalError("ClientRequestToken: must be the id of a version")
        return cast("Step", step), version

    def _perform(self, call: _Call) -> None:
        match call.step:
            case "createSecret":
                self._create(call)
            case "setSecret":
                # There is no other place where the key has to be set: whoever needs it reads this secret.
                self._pending_key(call)
            case "testSecret":
                self._try_out(self._pending_key(call))
            case "finishSecret":
                self._finish(call)

    def _create(self, call: _Call) -> None:
        made = self._secret.version(call.version)
        if made is not None:
            self._check_it_is_fresh(call, made)
            return
        self._check_overlap(call)
        key = SigningKey.generate()
        self._secret.fill(call.version, key.to_secret())
        _log.info("A key was made", extra={"version": call.version, "kid": key.kid})

    def _finish(self, call: _Call) -> None:
        made = self._value_of(call.version)
        self._check_it_is_fresh(call, made)
        current = self._check_overlap(call)
        key = SigningKey.from_secret(made.text)
        # When a rotation is set up, Secrets Manager tries the third step with a copy of the current version.
        if key.kid == SigningKey.from_secret(self._value_of(current).text).kid:
            raise InternalError("finishSecret: the pending version holds the key that is current")
        self._secret.make_current(call.version, instead_of=current)
        _log.info("A new key is current", extra={"version": call.version, "kid": key.kid, "instead_of": current})

    def _pending_key(self, call: _Call) -> SigningKey:
        return SigningKey.from_secret(self._value_of(call.version).text)

    def _value_of(self, version_id: str) -> SecretVersion:
        version = self._secret.version(version_id)
        if version is None:
            raise InternalError(f"version {version_id} has no value")
        return version

    def _check_it_is_fresh(self, call: _Call, made: SecretVersion) -> None:
        """The functions count from when a version was made, so it becomes current soon after, or never."""
        if self._clock() - made.made_at >= FINISH_SECONDS:
            self._secret.abandon(call.version)
            raise InternalError(f"{call.step}: version {call.version} is too old; the next rotation makes a new one")

    def _check_overlap(self, call: _Call) -> str:
        """The current version's id. Raises where tokens of the one before it may still be good: nobody would know their
        key any more."""
        current = call.state.version_in(CURRENT)
        if current is None:
            raise InternalError("the secret has no current version")
        left = self._value_of(current).made_at + RETIRED_AFTER_SECONDS - self._clock()
        if left > 0 and call.state.version_in(PREVIOUS) is not None:
            raise InternalError(
                f"{call.step}: tokens of the key before the current one may still be good; rotate in {left:.0f} seconds"
            )
        return current

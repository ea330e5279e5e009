"""What a turn costs and how long its user waits: measured where the model's events pass by, written when the turn ends.

| metric | unit | of |
| --- | --- | --- |
| `InputTokens`, `OutputTokens` | Count | all responses of one model in the turn |
| `CachedTokens`, `ReasoningTokens` | Count | those of the input that were cached, those of the output that were thoughts |
| `Responses` | Count | how often the model was asked |
| `TimeToFirstEvent`, `TimeToFirstText` | Milliseconds | from the turn's beginning; of the turn's first model |
| `TurnDuration` | Milliseconds | the turn; likewise |
| `TimeToFirstByte` | Milliseconds | from the turn's beginning to the first bytes: thread and message are stored |
| `Turns` | Count | 1 for each turn |

The dimensions are `stage`, `model` (`none` in a turn without one) and `outcome`: `completed`, `stopped` where the reader
left, else the reason of the failure. Where the user has a tenant, the same is counted by `stage`, `model` and `tenant`,
too. A turn with two models (the answer's and the title's) writes two lines.

What alarms and the dashboard watch is counted by few dimensions alone: the first byte and the first text by `stage`, `Turns`
by `stage`, and by `stage` and `outcome`. The last two of the table are counted so and not otherwise. A request that failed
before its turn began is counted among `Turns` where it is not itself to blame.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NamedTuple, cast

from functions.engine.closing import closing
from functions.errors import RequestError
from functions.metrics import Metric, Metrics, View
from functions.model.base import Model, ResponseEvent
from functions.model.failures import TERMINAL_EVENTS

USAGE_KEY: Final = "_usage"
"""Where a thread's metadata holds what its newest turn has cost: by model, the fields of `Usage`."""
NO_MODEL: Final = "none"

COMPLETED: Final = "completed"
STOPPED: Final = "stopped"
INTERNAL: Final = "internal"

_ONE_TURN: Final = {"Turns": Metric(1)}
_TEXT_EVENTS: Final = frozenset({"response.output_text.delta", "response.refusal.delta"})


@dataclass(slots=True)
class Usage:
    """Tokens, as the API reported them."""

    responses: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0

    def add(self, reported: Mapping[str, Any]) -> None:
        """Adds a response's `usage` (https://platform.openai.com/docs/api-reference/responses/object)."""
        self.input_tokens += _count(reported, "input_tokens")
        self.cached_tokens += _count(reported.get("input_tokens_details"), "cached_tokens")
        self.output_tokens += _count(reported, "output_tokens")
        self.reasoning_tokens += _count(reported.get("output_tokens_details"), "reasoning_tokens")

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return {name: getattr(self, name) for name in self.__slots__}


class Measured(NamedTuple):
    """What was measured of a turn, at its end."""

    duration: float
    first_byte: float | None
    """When the first bytes left: thread and message were stored."""
    first_event: float | None
    """When the turn's first model gave its first event; None where it gave none."""
    first_text: float | None
    """When it gave its first text. All of these in milliseconds from the turn's beginning."""
    usage: Mapping[str, Usage]
    """By model, in the order in which they were asked."""


class Meter:
    """Measures one turn."""

    def __init__(
        self,
        *,
        metrics: Metrics | None,
        clock: Callable[[], float],
        request_id: str = "",
        tenant: str | None = None,
    ) -> None:
        """`clock` gives seconds that never step back; the turn begins now. Without `metrics` nothing is written."""
        self._tenant = tenant
        self._metrics = metrics
        self._clock = clock
        self._began = clock()
        self._request_id = request_id
        self._first_byte: float | None = None
        self._first_event: float | None = None
        self._first_text: float | None = None
        self._by_model: dict[str, Usage] = {}

    @property
    def usage(self) -> dict[str, dict[str, int]]:
        """What was reported so far, by model; a model that reported nothing is missing."""
        return {model: usage.as_dict() for model, usage in self._by_model.items() if usage.input_tokens}

    @property
    def tokens(self) -> int:
        """Input and output of all models so far."""
        return sum(usage.input_tokens + usage.output_tokens for usage in self._by_model.values())

    def answers(self) -> None:
        """To be called when the first bytes are about to leave."""
        self._first_byte = self._clock()

    def asked(self, model: str) -> Usage:
        """To be called for each response; what it costs is to be added to what is returned."""
        usage = self._by_model.setdefault(model, Usage())
        usage.responses += 1
        return usage

    def saw(self, model: str, event: ResponseEvent) -> bool:
        """Looks at a model's early events; False once there is nothing more to see."""
        if model != next(iter(self._by_model)):
            return False
        if self._first_event is None:
            self._first_event = self._clock()
        if self._first_text is None and event.get("type") in _TEXT_EVENTS:
            self._first_text = self._clock()
        return self._first_text is None

    def write(self, outcome: str) -> None:
        """Writes the turn's metrics: one line for each model."""
        if self._metrics is None:
            return
        times = {
            "TimeToFirstEvent": self._milliseconds(self._first_event),
            "TimeToFirstText": self._milliseconds(self._first_text),
            "TurnDuration": self._milliseconds(self._clock()),
        }
        seen = {"TimeToFirstByte": self._milliseconds(self._first_byte), "TimeToFirstText": times["TimeToFirstText"]}
        views = [
            View(("stage",), {**_ONE_TURN, **{name: metric for name, metric in seen.items() if metric is not None}}),
            View(("stage", "outcome"), _ONE_TURN),
        ]
        for model, usage in (self._by_model or {NO_MODEL: Usage()}).items():
            metrics = {name: metric for name, metric in times.items() if metric is not None}
            if usage.responses:
                metrics |= {
                    "Responses": Metric(usage.responses),
                    "InputTokens": Metric(usage.input_tokens),
                    "CachedTokens": Metric(usage.cached_tokens),
                    "OutputTokens": Metric(usage.output_tokens),
                    "ReasoningTokens": Metric(usage.reasoning_tokens),
                }
            self._metrics.put(
                metrics,
                dimensions={"model": model, "outcome": outcome},
                properties={"request_id": self._request_id or None},
                tenant=self._tenant,
                views=views,
            )
            times, views = {}, []  # those of the turn, not of every model in it

    def measured(self) -> Measured:
        """All that was measured until now, as it is written, too."""

        def value(moment: float | None) -> float | None:
            metric = self._milliseconds(moment)
            return None if metric is None else metric.value

        return Measured(
            duration=value(self._clock()) or 0.0,
            first_byte=value(self._first_byte),
            first_event=value(self._first_event),
            first_text=value(self._first_text),
            usage=self._by_model,
        )

    def _milliseconds(self, moment: float | None) -> Metric | None:
        return None if moment is None else Metric(round((moment - self._began) * 1000, 1), "Milliseconds")


def count_unbegun(metrics: Metrics | None, error: Exception) -> None:
    """Counts a request that failed before its turn began; what only the request was to blame for is not counted."""
    is_ours = not isinstance(error, RequestError) or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if metrics is not None and is_ours:
        views = [View(("stage",), _ONE_TURN), View(("stage", "outcome"), _ONE_TURN)]
        metrics.put({}, dimensions={"outcome": outcome_of(error)}, views=views)


def outcome_of(error: Exception) -> str:
    """What a failure makes of a turn."""
    return error.reason if isinstance(error, RequestError) else INTERNAL


class MeteredModel:
    """A `Model` whose responses are counted."""

    def __init__(self, model: Model, meter: Meter) -> None:
        self._model = model
        self._meter = meter

    async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[ResponseEvent]:
        """See `Model`."""
        name = str(body.get("model"))
        usage = self._meter.asked(name)
        is_early = True
        async with closing(self._model.stream(body)) as events:
            async for event in events:
                if is_early:
                    is_early = self._meter.saw(name, event)
                if event.get("type") in TERMINAL_EVENTS:
                    _add(usage, event)
                yield event


def _add(usage: Usage, event: ResponseEvent) -> None:
    response: Any = event.get("response")
    reported: Any = cast("Mapping[str, Any]", response).get("usage") if isinstance(response, Mapping) else None
    if isinstance(reported, Mapping):
        usage.add(cast("Mapping[str, Any]", reported))


def _count(counts: Any, name: str) -> int:
    """A count of tokens; 0 where other servers with the same API do not report it."""
    value: Any = cast("Mapping[str, Any]", counts).get(name) if isinstance(counts, Mapping) else None
    return value if isinstance(value, int) and value > 0 else 0

"""The state machine of a turn, drawn from the table that the code uses. `python -m tests.support.turn_diagram` prints it."""

from collections import defaultdict

from functions.engine.turn_states import TRANSITIONS, TurnState


def diagram() -> str:
    """A Mermaid `stateDiagram-v2`: an arrow from each state to each that follows it, with the signals that lead there."""
    lines = ["stateDiagram-v2", f"    [*] --> {TurnState.NONE}"]
    for state, signals in TRANSITIONS.items():
        arrows: dict[TurnState, list[str]] = defaultdict(list)
        for signal, after in signals.items():
            arrows[after].append(signal)
        lines += [f"    {state} --> {after} : {', '.join(names)}" for after, names in arrows.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(diagram(), end="")

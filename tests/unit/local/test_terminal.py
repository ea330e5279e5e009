"""What the commands say."""

import io

from functions.local.terminal import Terminal


def test_progress_and_logs_go_apart() -> None:
    """Progress is output; the log, with the name of who wrote it, is not."""
    out, err = io.StringIO(), io.StringIO()
    times = iter([10.0, 11.26])
    terminal = Terminal(out=out, err=err, clock=lambda: next(times))

    with terminal.step("the thing"):
        terminal.log("chat", "hello")

    assert out.getvalue() == "  starting the thing\n  ready    the thing (1.3 s)\n"
    assert err.getvalue() == "chat      | hello\n"


def test_quiet() -> None:
    """A quiet terminal keeps progress to itself, and still tells of failures."""
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(out=out, err=err, quiet=True)

    terminal.say("progress")
    terminal.fail("it is broken")

    assert out.getvalue() == ""
    assert err.getvalue() == "chatkit-lambda: it is broken\n"


def test_nobody_listens() -> None:
    """A closed output stops nothing."""
    out = io.StringIO()
    out.close()

    Terminal(out=out).say("hello")

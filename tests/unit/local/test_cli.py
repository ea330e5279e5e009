"""The command line: usage and errors."""

import pytest

from functions.local.cli import main
from functions.local.samples import HANDLERS


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["serve", "--help"],
        ["invoke", "--help"],
        ["chat", "--help"],
        ["rotate-key", "--help"],
        ["smoke", "--help"],
        ["api-key", "--help"],
        ["user", "--help"],
        ["user", "export", "--help"],
        ["user", "erase", "--help"],
    ],
)
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every command explains itself, and each subcommand with examples."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "chatkit-lambda" in shown
    assert arguments == ["--help"] or "examples:" in shown
    assert "?." not in shown


def test_a_sample_may_be_run_by_every_function(capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever its file lies; the help names them all."""
    with pytest.raises(SystemExit):
        main(["invoke", "--help"])
    shown = capsys.readouterr().out
    assert f"{{{','.join(HANDLERS)}}}" in shown


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["serve", "--port", "x"], ["serve", "now"], ["invoke"], ["invoke", "a", "--function", "x"], ["chat"]],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage ends with 2, and says how it is used."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: chatkit-lambda" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["serve"], {"PORT": "many"}, "setting PORT: must be a number"),
        (["serve", "--state-dir", __file__], {}, "setting STATE_DIR: must be a directory"),
        (["invoke", "events/chat/none.json"], {}, "events/chat/none.json cannot be read (No such file or directory)"),
        (["invoke", __file__], {}, "names no function"),
        (["chat", "Hi", "--url", "here"], {}, "'here' is not an address"),
        (["rotate-key", "--url", "here"], {}, "'here' is not an address"),
    ],
)
def test_failures_are_one_sentence(
    arguments: list[str],
    environment: dict[str, str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be done is told in one line, and ends with 1."""
    for name in ("PORT", "STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert main(arguments) == 1

    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""

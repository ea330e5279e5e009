"""Exceptions in the log: where, not what."""

from functions.runtime.failures import describe

SECRET = "what the user wrote"


def raised(error: Exception, *, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except type(error) as caught:
        return caught


def raised_while_handling(first: Exception, second: Exception, *, is_hidden: bool = False) -> Exception:
    try:
        raise first
    except type(first):
        try:
            if is_hidden:
                raise second from None
            raise second
        except type(second) as caught:
            return caught


def test_type_and_place_are_told_and_the_text_is_not() -> None:
    """The description names the type and the frames, and holds nothing of the message."""
    text = describe(raised(KeyError(SECRET)))
    assert text.startswith("builtins.KeyError")
    assert "test_failures.py" in text
    assert SECRET not in text


def test_causes_and_members_are_told() -> None:
    """A cause, what was being handled, and every member of a group appear by type."""
    group = ExceptionGroup(SECRET, [OSError(SECRET), raised(TypeError(SECRET), cause=EOFError(SECRET))])
    text = describe(raised_while_handling(ValueError(SECRET), group))
    for kind in ("ExceptionGroup", "of which: builtins.OSError", "of which: builtins.TypeError"):
        assert kind in text
    assert "caused by: builtins.EOFError" in text
    assert "raised while handling: builtins.ValueError" in text
    assert SECRET not in text


def test_a_suppressed_context_is_left_out() -> None:
    """What `from None` hides stays hidden."""
    assert "ValueError" not in describe(raised_while_handling(ValueError(), KeyError(), is_hidden=True))


def test_a_circle_ends() -> None:
    """Exceptions that name each other as cause are each told once."""
    first, second = KeyError(), OSError()
    first.__cause__, second.__cause__ = second, first
    assert describe(first).count("KeyError") == 1


def test_a_large_group_is_cut() -> None:
    """Of very many exceptions the first ten are told, and that there are more."""
    text = describe(ExceptionGroup("", [OSError() for _ in range(100)]))
    assert text.count("builtins.OSError") == 9
    assert text.endswith("... and more")

"""The local stack's settings."""

from pathlib import Path

import pytest

from functions.errors import SettingError
from functions.local.settings import NO_KEY, LocalSettings


def test_defaults() -> None:
    """With an empty environment the page is on port 8787, data is in `.local`, and a script answers."""
    settings = LocalSettings.from_environ({})

    assert (settings.port, settings.state_dir, settings.log_level) == (8787, Path(".local"), "INFO")
    assert settings.model_key is None


def test_the_command_line_goes_before_the_environment() -> None:
    """An option beats its variable."""
    environ = {"PORT": "1", "STATE_DIR": "/one"}

    settings = LocalSettings.from_environ(environ, port="2", state_dir="/two")

    assert (settings.port, settings.state_dir) == (2, Path("/two"))


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"PORT": "http"}, "PORT"),
        ({"PORT": "65536"}, "PORT"),
        ({"PORT": "-1"}, "PORT"),
        ({"PORT": "\uff18"}, "PORT"),
        ({"STATE_DIR": __file__}, "STATE_DIR"),
        ({"OPENAI_BASE_URL": "localhost:1"}, "OPENAI_BASE_URL"),
        ({"RETENTION_DAYS": "0"}, "RETENTION_DAYS"),
        ({"RETENTION_DAYS": "3651"}, "RETENTION_DAYS"),
        ({"RETENTION_DAYS": "9" * 5_000}, "RETENTION_DAYS"),
        ({"RETENTION_DAYS": "a month"}, "RETENTION_DAYS"),
        ({"LIMITS": "user.threads=many"}, "LIMITS"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
    ],
)
def test_what_is_wrong_is_named(environ: dict[str, str], name: str) -> None:
    """A wrong value stops the start with the variable's name."""
    with pytest.raises(SettingError, match=f"^setting {name}: ") as raised:
        LocalSettings.from_environ(environ)

    assert raised.value.name == name


def test_a_retention_is_passed_on() -> None:
    """Days are read as the functions read them; without, threads are kept for ever."""
    assert LocalSettings.from_environ({"RETENTION_DAYS": " 30 "}).retention_days == "30"
    assert LocalSettings.from_environ({"RETENTION_DAYS": ""}).retention_days is None


def test_limits_are_passed_on() -> None:
    """As the functions read them; without, nothing is limited."""
    assert LocalSettings.from_environ({"LIMITS": " user.threads=5 "}).limits == "user.threads=5"
    assert LocalSettings.from_environ({}).limits is None


def test_a_model_server_of_ones_own_needs_no_key() -> None:
    """`OPENAI_BASE_URL` alone means that a model answers."""
    assert LocalSettings.from_environ({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}).model_key == NO_KEY


def test_the_key_is_not_shown() -> None:
    """The settings' own text does not hold the key."""
    settings = LocalSettings.from_environ({"OPENAI_API_KEY": "sk-secret"})

    assert settings.model_key == "sk-secret"
    assert "sk-secret" not in repr(settings)


def test_children_inherit_nothing_of_aws() -> None:
    """No profile, key or region of the developer, and no model key, reaches a child process."""
    environ = {"AWS_PROFILE": "work", "AWS_SECRET_ACCESS_KEY": "x", "OPENAI_API_KEY": "y", "PATH": "/bin"}

    inherited = LocalSettings.from_environ(environ).inherited

    assert inherited["PATH"] == "/bin"
    assert not {name for name in inherited if name.startswith(("AWS_", "OPENAI_"))}


def test_this_machine_is_never_reached_through_a_proxy() -> None:
    """A proxy is passed on, with this machine added to what it is not for."""
    inherited = LocalSettings.from_environ({"HTTPS_PROXY": "http://proxy", "NO_PROXY": "intern"}).inherited

    assert inherited["HTTPS_PROXY"] == "http://proxy"
    assert inherited["NO_PROXY"] == inherited["no_proxy"] == "intern,127.0.0.1,localhost"


def test_what_functions_are_told_of_identities_is_handed_on() -> None:
    """Whoever tries a kind of identity on a laptop sets what a deployment has; the functions check it."""
    environ = {
        "IDENTITY": "oidc",
        "OIDC_ISSUER": "http://127.0.0.1:9000",
        "SESSION_SECONDS": "600",
        "OIDC_AUDIENCE": " ",
    }
    assert LocalSettings.from_environ(environ).identity == {
        "IDENTITY": "oidc",
        "OIDC_ISSUER": "http://127.0.0.1:9000",
        "SESSION_SECONDS": "600",
    }
    assert LocalSettings.from_environ({}).identity == {}


def test_an_api_key_is_a_key() -> None:
    """And is in nothing that is printed."""
    key = "ckl_" + "a" * 43
    settings = LocalSettings.from_environ({"LOCAL_API_KEY": key})
    assert settings.api_key == key
    assert key not in repr(settings)
    with pytest.raises(SettingError, match="LOCAL_API_KEY"):
        LocalSettings.from_environ({"LOCAL_API_KEY": "secret"})

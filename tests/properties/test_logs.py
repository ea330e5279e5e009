"""What a log never holds, whoever writes it: through the formatters that write it on Lambda."""

import base64
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from awslambdaric.lambda_runtime_log_utils import JsonFormatter
from hypothesis import given
from hypothesis import strategies as st

from functions.runtime import logs

LIBRARIES = (
    "botocore.endpoint",
    "urllib3.connectionpool",
    "openai._base_client",
    "httpx2",
    "httpcore2.http11",
    "asyncio",
)
OWN = ("functions", "functions.engine.turn", "functions.assistant", "root")
LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
FORMATTERS = (JsonFormatter(), logging.Formatter("%(levelname)s %(name)s %(message)s"))

SECRET_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
SECRETS = st.text(SECRET_LETTERS, min_size=20, max_size=60)
# A letter that no source file or library's template holds tells content from everything else.
CONTENT = st.text(min_size=1, max_size=60).map(lambda text: f"\N{SNOWMAN}{text}\N{SNOWMAN}")


@contextmanager
def log_of(name: str, formatter: logging.Formatter) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger at `DEBUG`, and what it writes."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    logger = logging.Logger(name, logging.DEBUG)  # noqa: LOG001 - a logger that no other test sees
    logger.addHandler(handler)
    level = logging.getLogger(logs.OWN).level
    logs.set_up("DEBUG", handlers=[handler])
    logging.getLogger(logs.OWN).setLevel(level)
    yield logger, written


def a_token(secret: str) -> str:
    """A JSON web token with this secret for a signature, and in its claims."""
    head, claims = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": secret})
    )
    return f"{head}.{claims}.{secret}"


def hidden(secret: str) -> list[str]:
    """The ways in which a credential may come into a text."""
    url = f"https://bucket.s3.amazonaws.com/a?X-Amz-Date=1&X-Amz-Credential={secret}%2F20300101%2Fs3&X-Amz-Expires=9"
    return [
        f"Authorization: Bearer {secret}",
        f"authorization={secret}",
        f"got bearer {secret}, gave nothing",
        json.dumps({"authorization": f"Bearer {secret}", "x": 1}),
        json.dumps(json.dumps({"Authorization": f"Basic {secret}"})),
        str({"Authorization": f"AWS4-HMAC-SHA256 Credential={secret}, Signature={secret}".encode()}),
        f"AWS4-HMAC-SHA256 Credential={secret}/20300101, SignedHeaders=host, Signature={secret}",
        f"Cookie: a={secret}; b={secret}",
        f"Set-Cookie: session={secret}; HttpOnly",
        str({"cookie": secret}),
        f"token={secret}",
        json.dumps({"client_secret": secret, "expires_at": 5}),
        json.dumps({"currentClientSecret": secret}),
        f"api_key='{secret}'",
        f"the key is sk-{secret}",
        f"the key is sk-proj-{secret}",
        f"the token is {a_token(secret)}.",
        f"{url}&X-Amz-Signature={secret}",
        f"{url}&X-Amz-Security-Token={secret}&x=1",
        json.dumps({"url": f"{url}&X-Amz-Signature={secret}"}),
        f"{url}&X-Amz-Signature={secret}".replace("&", "\\u0026"),
        f"{url}&X-Amz-Signature={secret}".replace("=", "%3D"),
        f"https://bucket.s3.amazonaws.com/a?AWSAccessKeyId={secret}&Signature={secret}&Expires=1",
    ]


@given(SECRETS, st.sampled_from(OWN + LIBRARIES), st.sampled_from(LEVELS), st.sampled_from(FORMATTERS), st.data())
def test_no_credential_is_written(
    secret: str, name: str, level: int, formatter: logging.Formatter, data: st.DataObject
) -> None:
    """However it comes in: in a text, an argument, a field, at any depth; and more than once."""
    text = data.draw(st.sampled_from(hidden(secret)))
    with log_of(name, formatter) as (logger, written):
        logger.log(level, text.replace("%", "%%") + " %s", 5)  # noqa: G003 - as careless code would
        logger.log(level, text)
        logger.log(level, "it is %s, or %r", text, {"x": [text]})
        logger.log(level, "it is %(one)s", {"one": text})
        logger.log(level, "a field", extra={"note": text, "notes": [{"deep": (text,), text: 1}]})
        logger.log(level, "a field", extra={"cookie": secret, "notes": {"access_token": secret, "api_key": [secret]}})
        logger.log(level, {"message": text})
        logger.log(level, "once more: %s", logs.redacted(text))
    assert secret not in written.getvalue()
    assert written.getvalue().count("once more") == 1


@given(SECRETS)
def test_what_is_written_stays_readable(secret: str) -> None:
    """A credential is hidden and what stands beside it is not; a text that was cleaned once stays as it is."""
    url = f"https://b.example/a.png?X-Amz-Date=20300101&X-Amz-Signature={secret}&x-id=GetObject"
    assert logs.redacted(url) == url.replace(secret, logs.REDACTED)
    for text in hidden(secret):
        assert logs.redacted(logs.redacted(text)) == logs.redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "the model failed",
        "AWS did not serve PutItem: Throttling, HTTP 400, request id 4A2B",
        "used 5 tokens of 10",
        "5%",
    ],
)
def test_what_is_no_secret_is_written(text: str) -> None:
    """An operator reads our own words as they are."""
    assert logs.redacted(text) == text


@given(CONTENT, st.sampled_from(LIBRARIES), st.sampled_from(LEVELS), st.sampled_from(FORMATTERS))
def test_no_library_writes_content(content: str, name: str, level: int, formatter: logging.Formatter) -> None:
    """Whatever a library says of a request or an answer, numbers and its own words are all that is written."""
    with log_of(name, formatter) as (logger, written):
        logger.log(level, "Request options: %s", {"json_data": {"input": content}})
        logger.log(level, "%r in %d ms, %(nothing)s", content, 5)
        logger.log(level, "Response %d of %s", 200, content.encode())
        logger.log(level, "future: <Task exception=ValueError('%s')>" % content)  # noqa: G002, UP031 - as a library would
        logger.log(level, "a field", extra={"body": content, "content": content})
        if level < logging.WARNING:
            logger.log(level, content)
    assert "\N{SNOWMAN}" not in written.getvalue()
    assert "\\u2603" not in written.getvalue()
    assert "200" in written.getvalue()


@given(CONTENT, st.sampled_from(OWN + LIBRARIES), st.sampled_from(FORMATTERS))
def test_no_exceptions_text_is_written(content: str, name: str, formatter: logging.Formatter) -> None:
    """Of an exception, and of those that led to it, the types and places are written, whoever logs it."""
    with log_of(name, formatter) as (logger, written):
        try:
            try:
                raise KeyError(content)  # noqa: TRY301
            except KeyError as error:
                raise ValueError(content) from error
        except ValueError as error:
            logger.exception("failed")
            logger.error("failed of", exc_info=error)  # noqa: TRY400
            logger.warning("failed by %s", error)
            logger.warning("a field", extra={"cause": error})
    assert "\N{SNOWMAN}" not in written.getvalue()
    assert "\\u2603" not in written.getvalue()
    assert "ValueError" in written.getvalue()
    assert "test_logs.py" in written.getvalue()


@given(st.text(), st.text(), st.sampled_from(OWN + LIBRARIES))
def test_a_log_call_never_fails(template: str, argument: str, name: str) -> None:
    """A template that does not fit its arguments is written alone, and nothing is raised into the caller."""
    with log_of(name, FORMATTERS[0]) as (logger, written):
        logger.warning(template, argument)
        logger.warning(template)
        logger.warning(None)
    assert len(written.getvalue().splitlines()) >= 3

"""The code that a deployment hands over."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.config import Config
from infra.deploy import snippet

ROOT = Path(__file__).parents[3]
NODE = Path(sys.executable).with_name("node")
OUTPUTS = {
    "ChatUrl": "https://abc.lambda-url.eu-west-1.on.aws/chatkit",
    "ApiUrl": "https://def.execute-api.eu-west-1.amazonaws.com/dev/api",
    "StartArn": "arn:aws:execute-api:eu-west-1:123456789012:def/dev/POST/api/chatkit/start",
    "ApiKeysSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ApiKeys-a1b2c3",
}
START = f"{OUTPUTS['ApiUrl']}/chatkit/start"
KINDS = {
    "iam": {"identity": "iam"},
    "api_key": {"identity": "api_key"},
    "oidc": {"identity": "oidc", "oidc_issuer": "https://issuer.example", "oidc_audience": "web"},
    "anonymous": {"identity": "anonymous"},
    "both": {"identity": "api_key,anonymous"},
    "hosted": {"identity": "anonymous", "hosted_workflow_id": "wf_1"},
    "hosted by server": {"identity": "api_key", "hosted_workflow_id": "wf_1"},
}


def config(kind: str) -> Config:
    return Config.from_context({"stage": "dev", **KINDS[kind]}.get)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_javascript(kind: str) -> None:
    """What is to be copied can be parsed, for the page and for the server."""
    for code in filter(None, (snippet.page(config(kind), OUTPUTS), snippet.server(config(kind), OUTPUTS))):
        command = [NODE, "--check", "--input-type=module", "-"]
        done = subprocess.run(command, input=code, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["iam", "api_key", "oidc", "anonymous", "both"])
def test_a_page_talks_to_the_stage(kind: str) -> None:
    """It has the stage's addresses, and imports what `web/chatkit-aws.js` exports."""
    page = snippet.page(config(kind), OUTPUTS)
    assert f'url: "{OUTPUTS["ChatUrl"]}"' in page
    assert f'refreshUrl: "{OUTPUTS["ApiUrl"]}/chatkit/refresh"' in page
    imported = re.search(r"import \{ (.*?) \}", page)
    assert imported
    helper = (ROOT / "web" / "chatkit-aws.js").read_text()
    for name in imported[1].split(", "):
        assert f"export function {name}(" in helper


@pytest.mark.parametrize(
    ("kind", "page_starts", "server_starts"),
    [
        ("iam", False, True),
        ("api_key", False, True),
        ("oidc", True, False),
        ("anonymous", True, False),
        ("both", True, True),
        ("hosted", True, False),
        ("hosted by server", False, True),
    ],
)
def test_who_proves_who_is_calling_asks_for_the_token(kind: str, page_starts: bool, server_starts: bool) -> None:
    """Pages do where their users prove it themselves; where a server does, the page never has its proof."""
    page, server = snippet.page(config(kind), OUTPUTS), snippet.server(config(kind), OUTPUTS)
    assert (f'"{START}"' in page) is page_starts
    assert (f'"{START}"' in (server or "")) is server_starts
    assert "CHATKIT_API_KEY" not in page


def test_what_is_printed_ends_with_how_to_try_it() -> None:
    """The last line is a command with the stage's addresses; for an API key, one that makes it comes before."""
    lines = list(snippet.hand_over(config("api_key"), OUTPUTS))
    assert lines[-1] == f"Try it: make smoke URL={OUTPUTS['ChatUrl']} API_URL={OUTPUTS['ApiUrl']}"
    assert any(OUTPUTS["ApiKeysSecretArn"] in line for line in lines)


@pytest.mark.parametrize("name", ["ChatUrl", "ApiUrl", "StartArn"])
def test_an_output_that_is_not_there(name: str) -> None:
    """It is named."""
    outputs = {key: value for key, value in OUTPUTS.items() if key != name}
    with pytest.raises(snippet.OutputMissing, match=name):
        list(snippet.hand_over(config("iam"), outputs))


def test_an_address_is_a_literal() -> None:
    """Whatever an output holds, it ends neither the text nor the script element that it stands in."""
    page = snippet.page(config("iam"), {**OUTPUTS, "ChatUrl": 'https://x/"</script>'})
    assert 'url: "https://x/\\"\\u003c/script>"' in page


def test_a_site_is_told_with_what_it_still_needs() -> None:
    """CloudFront's name is known after the first deployment alone: until it is an allowed origin, its page may not call."""
    own = "https://d111111abcdef8.cloudfront.net"
    site = {"identity": "anonymous", "site": "true", "limits": "address.visitors_per_hour=none"}
    first = list(snippet.hand_over(Config.from_context(site.get), {**OUTPUTS, "SiteUrl": own}))
    assert f"The site: {own}" in first
    assert any(f"-c allowed_origins={own},http://localhost:8787" in line for line in first)
    second = Config.from_context({**site, "allowed_origins": own}.get)
    told = list(snippet.hand_over(second, {**OUTPUTS, "SiteUrl": own}))
    assert f"The site: {own}" in told
    assert not any("may not call" in line for line in told)
    assert not any("site" in line for line in snippet.hand_over(second, OUTPUTS))

"""What can be chosen, held against CloudFormation's schemas, as `make synth` does for what is there without a choice."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.infra.conftest import Stage

CFN_LINT = Path(sys.executable).with_name("cfn-lint")
ARN = "arn:aws:acm:{region}:123456789012:certificate/12345678-1234-1234-1234-123456789012"
CHOICES: Mapping[str, dict[str, str]] = {
    "guarded": {
        "chat_endpoint": "api_gateway",
        "waf": "true",
        "domain_name": "chat.example.com",
        "certificate_arn": ARN.format(region="eu-west-1"),
        "hosted_zone_id": "Z0123456789ABC",
        "snap_start": "true",
    },
    "site": {
        "site": "true",
        "identity": "anonymous",
        "limits": "address.visitors_per_hour=none",
        "site_domain_name": "chat.example.com",
        "site_certificate_arn": ARN.format(region="us-east-1"),
        "site_hosted_zone_id": "Z0123456789ABC",
    },
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_makes_sound_templates(synthesise: Callable[..., Stage], choice: str) -> None:
    """cfn-lint has nothing to say about any stack of it."""
    stage = synthesise(**CHOICES[choice])
    templates = sorted(map(str, stage.assembly.glob("*.template.json")))
    assert len(templates) == (3 if choice == "site" else 2)
    # W3005: see the Makefile.
    command = [CFN_LINT, "--ignore-checks", "W3005", "--", *templates]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr

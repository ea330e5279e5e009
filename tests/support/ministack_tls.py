"""ministack behind TLS, with `AUTH` on: buckets that take TLS only take its requests, and IAM policies are evaluated, with
`dynamodb:LeadingKeys` besides.

As a program (`python -m tests.support.ministack_tls FD CERTIFICATE KEY`) it is that ministack: ministack's own would listen
at port 443 too.
"""

import asyncio
import importlib
import ipaddress
import os
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support import leading_keys

ACCOUNT = "123456789012"
REGION = "us-east-1"
START_SECONDS = 120
END_SECONDS = 5
"""It keeps nothing, and may wait half a minute for a client to take leave, as TLS has it: then it is killed."""


@dataclass(frozen=True)
class Endpoint:
    """A running ministack."""

    url: str
    certificate: Path

    def environment(self) -> dict[str, str]:
        """This process's, with the account's root as AWS's caller, and nothing of the developer's own."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return inherited | {
            "AWS_ENDPOINT_URL": self.url,
            # To ministack, an access key of twelve digits is the root of that account.
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_CA_BUNDLE": str(self.certificate),
            "NODE_EXTRA_CA_CERTS": str(self.certificate),
        }


@contextmanager
def running(folder: Path) -> Iterator[Endpoint]:
    """A ministack that keeps nothing. `folder` takes its certificate, its log and what it writes."""
    certificate, key = _make_certificate(folder)
    # Listening before it is started: there is no port to lose, and a first request waits until it is answered.
    listener = socket.create_server(("127.0.0.1", 0))
    endpoint = Endpoint(f"https://127.0.0.1:{listener.getsockname()[1]}", certificate)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    settings = {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": endpoint.url.rpartition(":")[2],
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(certificate),
        "MINISTACK_SSL_KEY": str(key),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "DOCKER_HOST": f"unix://{folder / 'no-docker.sock'}",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(folder),
    }
    with listener, (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(listener.fileno()), str(certificate), str(key)],
            env=inherited | settings, pass_fds=[listener.fileno()], stdin=subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        trust = ssl.create_default_context(cafile=str(certificate))
        urllib.request.urlopen(f"{endpoint.url}/_ministack/health", timeout=START_SECONDS, context=trust).close()
        yield endpoint
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdin is not None
        process.stdin.close()


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    """For 127.0.0.1, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


async def _serve(descriptor: str, certificate: str, key: str) -> None:
    from hypercorn.config import Config

    from functions.local.ministack_process import _until_told_to_end

    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.certfile, config.keyfile = certificate, key
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    actions: Any = importlib.import_module("ministack.core.iam_actions")
    known = actions.dynamodb_service_context
    actions.dynamodb_service_context = lambda body: {**known(body), **leading_keys.context(body)}
    serve: Any = importlib.import_module("hypercorn.asyncio").serve
    app: Any = importlib.import_module("ministack.app").app
    await serve(app, config, shutdown_trigger=_until_told_to_end, mode="asgi")


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))

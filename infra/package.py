"""Builds what is shipped to Lambda: one folder with `functions/` and its dependencies, for most functions alike. No Docker.

The wheels are fetched for Lambda's platform by uv, hash-checked. What no function uses is left out, as each megabyte
is downloaded at a cold start. Bytecode is added, as `/var/task` is read-only and Python could not keep its own: imports
take twice as long without. Bytecode belongs to one Python version, so it takes that version to compile it; where the
machine has none, the sources alone are shipped.
"""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uv import find_uv_bin

ROOT: Final = Path(__file__).resolve().parent.parent
PYTHON_VERSION: Final = "3.13"
ARM64: Final = "aarch64-manylinux_2_28"
X86_64: Final = "x86_64-manylinux_2_28"
"""Of Lambda's Python 3.13, whose glibc is 2.34 (https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html)."""
RUNTIME: Final = ROOT / "requirements" / "runtime.txt"
"""What every function needs."""
ATTACHMENTS: Final = ROOT / "requirements" / "attachments.txt"
"""The same, and what looks into files: for the attachment function alone, as each cold start fetches the whole package."""
OIDC: Final = ROOT / "requirements" / "oidc.txt"
"""The same with what checks identity tokens of OpenID Connect: the api function's, where these are trusted."""
TASK_ROOT: Final = "/var/task"
"""Where Lambda unpacks it (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)."""
EXEC_WRAPPER: Final = "functions/runtime/exec-wrapper"
"""The script that Lambda runs in place of its own start."""
AWS_SERVICES: Final = ("dynamodb", "events", "s3", "secretsmanager")
"""The services whose definitions are kept in botocore's data: those that the functions call."""

_LEFT_OUT_OF_FUNCTIONS: Final = ("local", "tests", "__pycache__")
# Next to the services' folders, botocore reads these.
_BOTOCORE_FILES: Final = ("_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json")
# boto3's own data describes its resource interface, which is not used; `bin` holds command-line scripts.
# Of cffi, `cryptography` needs what is compiled alone.
_UNUSED: Final = ("bin", "boto3/data", "boto3/examples", "cffi", "pycparser", ".lock")
_UNUSED_SUFFIXES: Final = frozenset({".c", ".h", ".md", ".pyc", ".pyi", ".pyx", ".rst", ".typed"})
_TEST_FOLDERS: Final = frozenset({"test", "tests"})
# Zip archives cannot hold earlier times; with one time for all, the archive is the same wherever it is built.
_MODIFIED: Final = 315_619_200  # 1980-01-02T00:00:00Z


class PackageError(RuntimeError):
    """The package could not be built; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A recipe. Two recipes with the same fingerprint build the same package."""

    compiler: Path | None
    """A Python `python_version` that compiles the bytecode (see `find_compiler`); None ships the sources alone."""
    platform: str = ARM64
    python_version: str = PYTHON_VERSION
    """What runs the package: Lambda's version, but where a package is tried out on this machine."""
    requirements: Path = RUNTIME
    functions: Path = ROOT / "functions"

    def fingerprint(self) -> str:
        """A hash of all that goes in: the recipe itself, the locked requirements, the sources."""
        digest = hashlib.sha256()
        for part in (self.platform, self.python_version, str(self.compiler is not None)):
            digest.update(part.encode() + b"\0")
        for path in (Path(__file__), self.requirements):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        for path in _sources(self.functions):
            digest.update(path.relative_to(self.functions).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def build(self, output: Path) -> None:
        """Fills the folder `output`. Takes some 2 s with warm caches. Raises `PackageError`."""
        _install(self.requirements, platform=self.platform, python_version=self.python_version, output=output)
        _remove_unused(output)
        _keep_services(output / "botocore" / "data")
        for info in output.glob("*.dist-info"):
            _keep_headers(info)
        for source in _sources(self.functions):
            target = output / "functions" / source.relative_to(self.functions)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        if self.compiler is not None:
            _compile(output, compiler=self.compiler)
        _settle(output)


def find_compiler() -> Path | None:
    """A Python `PYTHON_VERSION` on this machine: this one, uv's, the PATH's, or pyenv's; None without any."""
    for candidate in _candidates():
        if candidate.is_file() and _is_compiler(candidate):
            return candidate
    return None


def _candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    # uv also finds those that it has installed itself (`uv python install`), which are on no PATH.
    yield from _paths(find_uv_bin(), "python", "find", "--no-project", PYTHON_VERSION)
    on_path = shutil.which(f"python{PYTHON_VERSION}")
    if on_path is not None:
        yield Path(on_path)
    # pyenv's python3.13 on the PATH is a shim, which refuses to run unless that version was chosen for this folder.
    pyenv = shutil.which("pyenv")
    if pyenv is not None:
        yield from (prefix / "bin" / "python3" for prefix in _paths(pyenv, "prefix", PYTHON_VERSION))


def _paths(*command: str) -> Iterator[Path]:
    result = _call(command)
    if result.returncode == 0 and result.stdout.strip():
        yield Path(result.stdout.splitlines()[0].strip())


def _is_compiler(python: Path) -> bool:
    ask = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2], sys.version_info.releaselevel)"
    return _call([python, "-c", ask]).stdout.split() == ["cpython", PYTHON_VERSION, "final"]


def _sources(functions: Path) -> Iterator[Path]:
    """What is shipped of `functions/`, in one order on every machine."""
    for path in sorted(functions.rglob("*")):
        parts = path.relative_to(functions).parts
        hidden = any(part.startswith(".") or part in _LEFT_OUT_OF_FUNCTIONS for part in parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield path


def _install(requirements: Path, *, platform: str, python_version: str, output: Path) -> None:
    command: list[str | Path] = [find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable]
    command += ["--python-version", python_version, "--python-platform", platform, "--only-binary", ":all:"]
    # Linked files would be uv's own cache, which what follows must not change.
    command += ["--no-deps", "--require-hashes", "--link-mode", "copy", "--target", output, "-r", requirements]
    _run(command, doing="fetching the dependencies")


def _remove_unused(output: Path) -> None:
    for name in _UNUSED:
        _remove(output / name)
    for path in sorted(output.rglob("*"), reverse=True):
        if path.is_dir() and path.name in _TEST_FOLDERS | {"__pycache__"}:
            shutil.rmtree(path)
        elif path.is_file() and path.suffix in _UNUSED_SUFFIXES:
            path.unlink()


def _keep_services(data: Path) -> None:
    """Cuts botocore's data to `AWS_SERVICES`, and these to their current version, without the examples."""
    for path in data.iterdir():
        if path.name not in _BOTOCORE_FILES and path.name not in AWS_SERVICES:
            _remove(path)
    for service in AWS_SERVICES:
        *old, _current = sorted(path.parent for path in (data / service).glob("*/service-2.json.gz"))
        for version in (data / service).iterdir():
            if version in old or not (version / "service-2.json.gz").exists():
                shutil.rmtree(version)
        for examples in (data / service).glob("*/examples-1.json"):
            examples.unlink()


def _keep_headers(info: Path) -> None:
    """Leaves a distribution its name and version, which some packages ask for when they are imported."""
    headers, _, _ = (info / "METADATA").read_text(encoding="utf-8").partition("\n\n")
    shutil.rmtree(info)
    info.mkdir()
    kept = [line for line in headers.splitlines() if re.match(r"(Metadata-Version|Name|Version):", line)]
    (info / "METADATA").write_text("\n".join([*kept, ""]), encoding="utf-8")


def _compile(output: Path, *, compiler: Path) -> None:
    # Unchecked: what is unpacked on Lambda does not change, so there is no time or hash worth comparing at import.
    command: list[str | Path] = [compiler, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    # All processors; and names as the files lie on Lambda, not as they lie here.
    command += ["-j", "0", "-s", output, "-p", TASK_ROOT, output]
    _run(command, doing="compiling the bytecode")


def _settle(output: Path) -> None:
    """Gives all files the same mode and time, whatever machine this is."""
    for path in output.rglob("*"):
        if path.is_file():
            executable = path == output / EXEC_WRAPPER
            path.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH | (0o111 if executable else 0))
            os.utime(path, (_MODIFIED, _MODIFIED))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _run(command: Sequence[str | Path], *, doing: str) -> None:
    result = _call(command)
    if result.returncode != 0:
        raise PackageError(f"{doing} failed:\n{result.stdout}{result.stderr}".rstrip())


def _call(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)  # noqa: S603 - our own

"""What each side runs on: what it would have installed in production, for this machine's Python, with bytecode.

Ours is the very package that is shipped to Lambda, but for the platform. Both lie under `.cache/bench/` and are made
when they are missing or out of date.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from infra.package import ARM64, ROOT, X86_64, Package

CACHE: Final = ROOT / ".cache" / "bench"
_LOCKED: Final = ROOT / "requirements" / "development.txt"
_OFFICIAL: Final = ("openai-chatkit", "starlette", "uvicorn")
_PLATFORMS: Final = {
    ("Linux", "x86_64"): X86_64,
    ("Linux", "aarch64"): ARM64,
    ("Darwin", "arm64"): "aarch64-apple-darwin",
    ("Darwin", "x86_64"): "x86_64-apple-darwin",
}
"""uv's name of the machine that this is."""


@dataclass(frozen=True, slots=True)
class Environments:
    """Interpreters, and the folder of our package."""

    official_python: Path
    our_python: Path
    """It has nothing installed: everything comes from the package, as on Lambda."""
    our_package: Path


def prepare(tell: Callable[[str], None]) -> Environments:
    """Makes what is missing. `tell` hears what is being done.

    Raises `subprocess.CalledProcessError` or `infra.package.PackageError`.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    return Environments(
        official_python=_official(tell), our_python=_virtual_environment("empty"), our_package=_package(tell)
    )


def _official(tell: Callable[[str], None]) -> Path:
    python = _virtual_environment("official")
    mark = CACHE / "official" / ".installed"
    wanted = hashlib.sha256(_LOCKED.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        tell(f"installing {', '.join(_OFFICIAL)} into .cache/bench/official")
        # The versions that the tests use; its own dependencies alone, as others would slow its start.
        _uv("pip", "install", "--python", python, "--compile-bytecode", "--constraint", _LOCKED, *_OFFICIAL)
        mark.write_text(wanted)
    return python


def _package(tell: Callable[[str], None]) -> Path:
    package = Package(
        compiler=Path(sys.executable),
        platform=_PLATFORMS[platform.system(), platform.machine()],
        python_version=f"{sys.version_info.major}.{sys.version_info.minor}",
    )
    folder = CACHE / f"package-{package.fingerprint()[:16]}"
    if not folder.exists():
        tell("building the package that is shipped, for this machine, into .cache/bench")
        for old in CACHE.glob("package-*"):
            shutil.rmtree(old)
        # Under its own name once it is whole.
        unfinished = CACHE / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        package.build(unfinished)
        unfinished.rename(folder)
    return folder


def _virtual_environment(name: str) -> Path:
    folder = CACHE / name
    python = folder / "bin" / "python"
    if not python.exists() or _version(python) != platform.python_version():
        shutil.rmtree(folder, ignore_errors=True)
        _uv("venv", "--python", sys.executable, folder)
    return python


def _version(python: Path) -> str:
    ask = "import platform; print(platform.python_version())"
    return subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()


def _uv(*arguments: str | Path) -> None:
    subprocess.run([find_uv_bin(), "--quiet", *arguments], check=True)

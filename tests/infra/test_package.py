"""What is shipped, built for real."""

import os
import platform
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.settings import Names
from infra.package import (
    ARM64,
    ATTACHMENTS,
    AWS_SERVICES,
    EXEC_WRAPPER,
    OIDC,
    ROOT,
    X86_64,
    Package,
    PackageError,
    find_compiler,
)

# Fetching wheels for the first time, and compiling a thousand modules, takes its time on a busy machine.
pytestmark = pytest.mark.timeout(400)

LIMIT = 20_000_000
"""The most that the zipped package may weigh, in bytes: it is fetched at each cold start."""
ATTACHMENTS_LIMIT = 30_000_000
"""The same for the attachment function's, for which nobody waits but whoever sends a file at once."""
LOOKS_INTO_FILES = {"PIL", "pillow.libs", "puremagic"}
"""What the attachment function's package holds beside that of all others."""

OIDC_LIMIT = 24_000_000
"""The same for the api function's own package, where identity tokens are trusted: nobody waits for it in a chat."""
CHECKS_IDENTITIES = {"cryptography"}
"""What that holds beside all others'."""

ENVIRONMENT = {
    Names.STAGE: "dev",
    Names.TABLE_NAME: "table",
    Names.BUCKET_NAME: "bucket",
    Names.TOKEN_SECRET_ID: "token",
    Names.OPENAI_SECRET_ID: "openai",
    Names.ALLOWED_ORIGINS: "https://app.example.com",
    Names.IDENTITY: "iam",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}


@pytest.fixture(scope="module")
def compiler() -> Path | None:
    """The Python 3.13 of this machine."""
    return find_compiler()


@pytest.fixture(scope="module")
def compiled(compiler: Path | None) -> Path:
    """The same; skips where there is none, but where a change is decided upon (`.ci/run`)."""
    if compiler is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            "needs Python 3.13 on this machine (uv python install 3.13)"
        )
    return compiler


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory, compiler: Path | None) -> Path:
    """The package as it is deployed."""
    output = tmp_path_factory.mktemp("arm64")
    Package(compiler=compiler).build(output)
    return output


@pytest.fixture(scope="module")
def attachments(tmp_path_factory: pytest.TempPathFactory, compiler: Path | None) -> Path:
    """The attachment function's package as it is deployed."""
    output = tmp_path_factory.mktemp("attachments")
    Package(compiler=compiler, requirements=ATTACHMENTS).build(output)
    return output


@pytest.fixture(scope="module")
def runnable(tmp_path_factory: pytest.TempPathFactory, compiled: Path) -> Path:
    """The package for this machine's processor, unpacked from its archive."""
    if platform.machine() not in {"x86_64", "AMD64"} or platform.system() != "Linux":
        pytest.skip("needs Linux on x86_64, for which Lambda's wheels are built as for arm64")
    built = tmp_path_factory.mktemp("x86_64")
    Package(compiler=compiled, platform=X86_64).build(built)
    unpacked = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(archive(built, tmp_path_factory.mktemp("zip"))) as opened:
        opened.extractall(unpacked)
    return unpacked


@pytest.fixture(scope="module")
def runnable_attachments(tmp_path_factory: pytest.TempPathFactory, runnable: Path) -> Path:
    """The attachment function's package for this machine's processor; skips as `runnable` does."""
    built = tmp_path_factory.mktemp("attachments_x86_64")
    Package(compiler=None, platform=X86_64, requirements=ATTACHMENTS).build(built)
    return built


@pytest.fixture(scope="module")
def runnable_oidc(tmp_path_factory: pytest.TempPathFactory, runnable: Path, compiled: Path) -> Path:
    """The api function's package where identity tokens are trusted; skips as `runnable` does."""
    built = tmp_path_factory.mktemp("oidc_x86_64")
    Package(compiler=compiled, platform=X86_64, requirements=OIDC).build(built)
    return built


def archive(folder: Path, where: Path) -> Path:
    """The folder as a zip, compressed as the CDK does."""
    path = where / "package.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for file in files(folder):
            opened.write(file, file.relative_to(folder))
    return path


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def run(python: Path, task: Path, code: str) -> str:
    """Runs code as on Lambda: nothing but the package and the standard library can be imported."""
    prelude = f"import sys; sys.path.insert(0, {str(task)!r})\n"
    command = [python, "-I", "-S", "-W", "error", "-c", prelude + code]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180, env=ENVIRONMENT)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_it_is_small(package: Path, tmp_path: Path) -> None:
    """The zipped package weighs at most 20 MB."""
    assert archive(package, tmp_path).stat().st_size <= LIMIT


def test_the_attachment_functions_is_not_much_larger(attachments: Path, tmp_path: Path) -> None:
    """It weighs at most 30 MB."""
    assert archive(attachments, tmp_path).stat().st_size <= ATTACHMENTS_LIMIT


def test_what_looks_into_files_is_in_one_package(package: Path, attachments: Path) -> None:
    """No other function carries it; all else is in both, to the byte."""

    def content(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in files(folder) if path.suffix != ".pyc"
        }

    shared, more = content(package), content(attachments)
    assert shared == {name: more.get(name) for name in shared}
    added = {name.partition("/")[0] for name in set(more) - set(shared)}
    assert {name for name in added if not name.endswith(".dist-info")} == LOOKS_INTO_FILES


def test_it_is_for_arm64(package: Path, attachments: Path) -> None:
    """Every native library is for Lambda's processor."""
    for folder in (package, attachments):
        libraries = [path for path in files(folder) if ".so" in path.suffixes]
        assert libraries
        # The machine's number in an ELF header: 183 is AArch64.
        assert {path.read_bytes()[18:20] for path in libraries} == {(183).to_bytes(2, "little")}


def test_every_source_is_compiled(package: Path, compiled: Path) -> None:
    """Each module has bytecode for 3.13 that Python takes without a look at the source."""
    sources = [path for path in files(package) if path.suffix == ".py"]
    bytecode = [path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc" for path in sources]
    assert len(sources) > 1000
    assert set(bytecode) == {path for path in files(package) if path.suffix == ".pyc"}
    # PEP 552: the flags follow the magic number; 1 is "by hash, unchecked".
    assert {path.read_bytes()[4:8] for path in bytecode} == {(1).to_bytes(4, "little")}


def test_tracebacks_name_the_place_on_lambda(package: Path, compiled: Path) -> None:
    """Bytecode names its source as it lies on Lambda, not as it lay where it was built."""
    (code,) = (package / "functions" / "__pycache__").glob("errors.*.pyc")
    assert b"/var/task/functions/errors.py" in code.read_bytes()
    assert str(package).encode() not in code.read_bytes()


def test_only_what_is_used_is_in(package: Path) -> None:
    """No local stack, no tests, no scripts, no stubs, and of botocore's data only the services that are called."""
    assert not (package / "functions" / "local").exists()
    assert not (package / "bin").exists()
    names = {part for path in files(package) for part in path.relative_to(package).parts[:-1]}
    assert not names & {"tests", "test", "examples"}
    assert not [path for path in files(package) if path.suffix in {".pyi", ".c", ".md"}]
    data = package / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == set(AWS_SERVICES)
    assert not list(data.glob("*/*/examples-1.json"))


def test_the_exec_wrapper_can_be_executed(package: Path) -> None:
    """Lambda can run the start script; no other file is executable."""
    assert [path.relative_to(package).as_posix() for path in files(package) if path.stat().st_mode & 0o111] == [
        EXEC_WRAPPER
    ]


SHARED = sorted({path.stem for path in (ROOT / "functions" / "handlers").glob("[a-z]*.py")} - {"attachments"})
"""The handlers of the package that they share."""


@pytest.mark.parametrize("name", SHARED)
def test_a_handler_can_be_imported(runnable: Path, compiled: Path, name: str) -> None:
    """On Python 3.13, with nothing installed beside the package, each handler is there."""
    assert "True" in run(compiled, runnable, f"from functions.handlers.{name} import handler; print(callable(handler))")


def test_the_attachment_functions_handler_can_be_imported(runnable_attachments: Path, compiled: Path) -> None:
    """The same from its own package."""
    code = "from functions.handlers.attachments import handler; print(callable(handler))"
    assert "True" in run(compiled, runnable_attachments, code)


WIRE_ALL = (ROOT / "tests" / "support" / "wire_all.py").read_text("utf-8")
UNTOUCHED = {
    # For tools of an assistant's author, who expects it on Lambda, in the version of the botocore beside it.
    "boto3",
    "s3transfer",
    # OpenAI's client reads the JSON of unfinished structured answers with it; the wheel demands it.
    "jiter",
    # The name under which python-multipart was imported before.
    "multipart",
}
"""What is shipped, and not touched when all is imported and all is wired."""


def test_nothing_is_superfluous(runnable: Path, compiled: Path) -> None:
    """All that is shipped is imported by the functions, with few exceptions; and each service's definition makes a client
    of theirs, and no other."""
    services, untouched = run(compiled, runnable, WIRE_ALL).split("|")
    assert set(services.split()) == set(AWS_SERVICES)
    assert set(untouched.split()) == UNTOUCHED


IMPORT_ALL = f"""
import importlib, pkgutil, boto3, functions
names = [m.name for m in pkgutil.walk_packages(functions.__path__, "functions.") if "__main__" not in m.name]
missing = set()
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing.add(error.name)
for service in {AWS_SERVICES!r}:
    boto3.client(service)
print(len(names), *sorted(missing))
"""


def test_nothing_is_missing(runnable: Path, compiled: Path) -> None:
    """Every module of the functions can be imported, but for what looks into files and what checks identity tokens.

    So can each service's client be made.
    """
    count, *missing = run(compiled, runnable, IMPORT_ALL).split()
    assert int(count) > 20
    assert set(missing) <= LOOKS_INTO_FILES | CHECKS_IDENTITIES


def test_nothing_is_missing_from_the_attachment_functions(runnable_attachments: Path, compiled: Path) -> None:
    """Every module of the functions can be imported there, but for what checks identity tokens."""
    count, *missing = run(compiled, runnable_attachments, IMPORT_ALL).split()
    assert int(count) > 20
    assert set(missing) <= CHECKS_IDENTITIES


def test_identity_tokens_are_checked_by_the_api_functions_package(
    runnable_oidc: Path, compiled: Path, tmp_path: Path
) -> None:
    """Where they are trusted, what checks them is there, reads a key, and is not too heavy."""
    count, *missing = run(compiled, runnable_oidc, IMPORT_ALL).split()
    assert int(count) > 20
    assert set(missing) <= LOOKS_INTO_FILES
    code = """
from functions.identity.oidc_signatures import read_key
print(read_key({"kty": "EC", "crv": "P-256", "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
    "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}).algorithm)
"""
    assert run(compiled, runnable_oidc, code) == "ES256\n"
    assert archive(runnable_oidc, tmp_path).stat().st_size <= OIDC_LIMIT


def test_pictures_can_be_decoded(runnable_attachments: Path, compiled: Path) -> None:
    """The libraries that came in Pillow's wheel are found: each kind of picture is written and read."""
    code = """
from io import BytesIO
from PIL import Image
for kind in ("PNG", "JPEG", "WEBP", "GIF"):
    written = BytesIO()
    Image.new("RGB", (8, 8), "red").save(written, kind)
    print(Image.open(written).format)
"""
    assert run(compiled, runnable_attachments, code).split() == ["PNG", "JPEG", "WEBP", "GIF"]


def test_what_runs_is_the_bytecode(runnable: Path, compiled: Path) -> None:
    """Python runs the bytecode that was shipped, and does not look at the source beside it."""
    source = runnable / "functions" / "errors.py"
    kept = source.read_bytes()
    source.write_text("raise AssertionError('the source was compiled anew')")
    try:
        assert run(compiled, runnable, "import functions.errors; print('imported')") == "imported\n"
    finally:
        source.write_bytes(kept)


def test_without_a_compiler_the_sources_are_shipped(tmp_path: Path) -> None:
    """Where the machine has no Python 3.13, the package is complete, but for its bytecode."""
    Package(compiler=None).build(tmp_path)
    assert not [path for path in files(tmp_path) if path.suffix == ".pyc"]
    assert (tmp_path / "functions" / "handlers" / "chat.py").exists()


@pytest.fixture
def recipe(tmp_path: Path) -> Package:
    """A recipe whose sources a test may change."""
    functions = tmp_path / "functions"
    for name in ("handlers/chat.py", "local/stack.py"):
        (functions / name).parent.mkdir(parents=True)
        (functions / name).write_text("a = 1\n")
    requirements = tmp_path / "runtime.txt"
    requirements.write_text("a==1\n")
    return Package(compiler=None, requirements=requirements, functions=functions)


def test_the_fingerprint_is_that_of_what_goes_in(recipe: Package) -> None:
    """What is not shipped, or only touched, leaves the fingerprint as it is."""
    before = recipe.fingerprint()
    (recipe.functions / "local" / "stack.py").write_text("b = 2\n")
    (recipe.functions / "handlers" / "chat.py").touch()
    (recipe.functions / "__pycache__").mkdir()
    (recipe.functions / "__pycache__" / "chat.pyc").write_bytes(b"0")
    assert recipe.fingerprint() == before


@pytest.mark.parametrize("change", ["source", "new", "renamed", "requirements", "platform", "compiler"])
def test_the_fingerprint_follows_each_input(recipe: Package, change: str) -> None:
    """Whatever changes the package changes its fingerprint, so that it is deployed."""
    before = recipe.fingerprint()
    chat = recipe.functions / "handlers" / "chat.py"
    changed = recipe
    match change:
        case "source":
            chat.write_text("a = 2\n")
        case "new":
            (recipe.functions / "new.py").write_text("")
        case "renamed":
            chat.rename(chat.with_name("talk.py"))
        case "requirements":
            recipe.requirements.write_text("a==2\n")
        case "platform":
            changed = Package(
                compiler=None, platform=X86_64, requirements=recipe.requirements, functions=recipe.functions
            )
        case "compiler":
            changed = Package(
                compiler=Path("python"), platform=ARM64, requirements=recipe.requirements, functions=recipe.functions
            )
    assert changed.fingerprint() != before


def test_what_cannot_be_fetched_is_said(recipe: Package, tmp_path: Path) -> None:
    """A requirement without a hash stops the build with uv's own words."""
    output = tmp_path / "output"
    output.mkdir()
    with pytest.raises(PackageError, match=r"fetching the dependencies failed:\n(.|\n)*hash"):
        recipe.build(output)

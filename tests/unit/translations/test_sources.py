"""The sources: what they tell users comes from the catalogue."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from functions.translations import Text

ROOT = Path(__file__).parents[3]

DEVELOPERS = {
    "A client token is needed: Authorization: Bearer ...": "the page's author forgot the header; 401 is never shown",
    "The client token does not allow this.": "403: what a page may do is its author's affair",
    "The client token has expired.": "401: the page renews its token by it, and the client shows nothing",
    "The client token is not valid.": "401: the page renews its token by it, and the client shows nothing",
    "The API key is not valid.": "the api function's callers are programs",
    "The identity provider does not answer.": "503: the page tries again, and the client shows nothing",
    "The identity token does not say who the user is, or of which tenant.": "what a token holds is the operator's affair",
    "The identity token has expired.": "401: the page renews it, and the client shows nothing",
    "The identity token is not valid.": "401: the page renews it, and the client shows nothing",
    "The identity token's e-mail address was never verified.": "401: the page may ask for it, and the client shows nothing",
    "This page may not ask for a session.": "the api function's callers are programs",
    "The session is over.": "401: the page begins a new one by it, and the client shows nothing",
    "This call carries no identity that is trusted here.": "the api function's callers are programs",
    "There is no such route.": "the api function's callers are programs",
    "This endpoint takes POST requests only.": "405: ChatKit.js posts",
    "This route is for callers with an AWS signature.": "the api function's callers are programs",
}
"""What is told to developers, and so in English; and why no user reads it."""

AUTHORS = {
    "functions/assistant/demo.py": "an example, which speaks English in everything that it says",
    "functions/engine/guardrails.py": "what an author's guardrail says is passed on",
}
"""Assistants: what they say is their authors', in the languages that these want."""


def sources() -> dict[str, ast.Module]:
    """Every module of the functions, but for the catalogue itself."""
    paths = sorted((ROOT / "functions").rglob("*.py"))
    named = {path.relative_to(ROOT).as_posix(): path for path in paths if path.parent.name != "translations"}
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in named.items()}


@pytest.fixture(scope="module")
def modules() -> Mapping[str, ast.Module]:
    return sources()


def kinds(modules: Mapping[str, ast.Module], root: str) -> set[str]:
    """The names of a class and of all that derive from it."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for module in modules.values()
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
    }
    found: set[str] = set()
    larger = {root}
    while larger != found:
        found = larger
        larger = found | {name for name, of in bases.items() if of & found}
    return found


def is_text(node: ast.expr, module: ast.Module) -> bool:
    """Whether an expression is one of the texts: `Text.X`, a choice between two, or a name that stands for nothing else."""
    match node:
        case ast.Attribute(value=ast.Name(id="Text")):
            return True
        case ast.IfExp():
            return is_text(node.body, module) and is_text(node.orelse, module)
        case ast.Name():
            given = list(meanings(node.id, module))
            return bool(given) and all(
                ast.unparse(meaning) == "Text" if isinstance(meaning, ast.Name) else is_text(meaning, module)
                for meaning in given
            )
        case _:
            return False


def meanings(name: str, module: ast.Module) -> Iterator[ast.expr]:
    """What a module assigns to a name, and the annotations of the parameters that have it."""
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)]) if target == name:
                yield node.value
            case ast.arg(arg=parameter, annotation=ast.expr() as annotation) if parameter == name:
                yield annotation
            case _:
                pass


def raised(modules: Mapping[str, ast.Module]) -> Iterator[tuple[str, ast.Module, ast.expr]]:
    """Where errors that users may see are made, but for those that name a field: module, and what each is told."""
    shown = kinds(modules, "RequestError") - kinds(modules, "InvalidRequest")
    for name, module in modules.items():
        for node in ast.walk(module):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in shown - {"BodyTooLarge", "ContextTooLong"}
            ):
                assert node.args, f"{name}:{node.lineno}: an error without a message"
                yield name, module, node.args[0]


def test_every_text_is_used(modules: Mapping[str, ast.Module]) -> None:
    """No text is translated for nothing."""
    nodes = (node for module in modules.values() for node in ast.walk(module))
    used = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Text"
    }
    assert set(Text.__members__) - used == set()


def test_what_users_see_is_translated(modules: Mapping[str, ast.Module]) -> None:
    """An error that reaches users is raised with a text; a plain sentence is for developers, and listed here."""
    plain = [
        (name, node) for name, module, node in raised(modules) if not is_text(node, module) and name not in AUTHORS
    ]
    assert {
        node.value if isinstance(node, ast.Constant) else f"{name}: {ast.unparse(node)}" for name, node in plain
    } == {*DEVELOPERS}


def test_the_search_finds_what_it_looks_for(modules: Mapping[str, ast.Module]) -> None:
    """The classes are found through their bases, and a plain sentence is told from a text, behind a name as well."""
    assert {"NotFound", "ModelError", "_MethodNotAllowed"} <= kinds(modules, "RequestError")
    module = ast.parse('a = Text.INTERNAL if b else Text.MODEL_BUSY\nc = "No."\ndef f(d: Text, e: str): ...')
    names = {name: is_text(ast.Name(name), module) for name in ("a", "c", "d", "e", "unknown")}
    assert names == {"a": True, "c": False, "d": True, "e": False, "unknown": False}


def test_the_exceptions_are_still_there(modules: Mapping[str, ast.Module]) -> None:
    """A module that may speak English exists."""
    assert set(AUTHORS) <= set(modules)

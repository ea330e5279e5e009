"""Every link of the pages leads somewhere, and every page can be found."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "events/README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"docs/[\w.-]+\.md(?:#[\w-]*[\w])?")
"""How code names a page: in docstrings, errors, and descriptions of alarms."""


def links(page: str) -> list[str]:
    """To other places of the project's, as they are written; what stands in code is none."""
    found = LINK.findall(CODE.sub(lambda code: "`" if code[0].startswith("```") else "code", text_of(page)))
    return [link for link in found if not link.startswith(("https://", "http://"))]


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def anchors(page: str) -> set[str]:
    """What a link may name of a page: its headings, as GitHub spells them."""
    headings = HEADING.findall(re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL))
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def leads_nowhere(link: str, page: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    if not target.resolve().is_relative_to(ROOT) or not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(str(target.resolve().relative_to(ROOT)))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_place(page: str) -> None:
    """To a file or folder of the project's, and to a heading that is there."""
    assert [link for link in links(page) if leads_nowhere(link, page)] == []


def test_every_page_can_be_found() -> None:
    """By the links, from README.md on."""
    found = {"README.md"}
    new = ["README.md"]
    while new:
        page = new.pop()
        targets = [((ROOT / page).parent / link.partition("#")[0]).resolve() for link in links(page)]
        names = {str(target.relative_to(ROOT)) for target in targets if target.is_file() and target.suffix == ".md"}
        new += sorted(names - found)
        found |= names
    assert found >= set(PAGES)


def test_the_pages_that_code_names_are_there() -> None:
    """So that nobody who reads an error or an alarm is sent to nothing."""
    sources = [
        ROOT / "Makefile",
        *(path for name in ("functions", "infra", "web") for path in (ROOT / name).rglob("*")),
    ]
    texts = [
        path.read_text("utf-8") for path in sources if path.suffix in {"", ".py", ".js", ".json"} and path.is_file()
    ]
    named = {name for text in texts for name in NAMED.findall(text)}
    assert len(named) > 10
    assert [name for name in sorted(named) if leads_nowhere(name, "README.md")] == []

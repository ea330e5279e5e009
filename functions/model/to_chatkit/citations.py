"""What an answer rests on: the annotations of its text, as sources.

| annotation | source | at |
| --- | --- | --- |
| `url_citation` | the page, by its title | `end_index` |
| `file_citation` | the file; none without a filename | `index` |
| `container_file_citation` | the file; none without a filename | `end_index` |
| any other, such as `file_path` | none | |
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from functions.model.to_chatkit.texts import encodable
from functions.protocol.sources import Annotation, FileSource, URLSource

_FILE_POSITIONS: Final[Mapping[str, str]] = {"file_citation": "index", "container_file_citation": "end_index"}
_WEB: Final = ("https://", "http://")


def annotations(citations: Iterable[Mapping[str, Any]]) -> list[Annotation]:
    """Those citations that have a source, in their order."""
    return [found for citation in citations if (found := annotation(citation)) is not None]


def annotation(citation: Mapping[str, Any]) -> Annotation | None:
    """A citation as an annotation; None where it names no source."""
    kind = citation.get("type", "")
    if kind == "url_citation":
        source = page(citation.get("url"), citation.get("title"))
        return None if source is None else Annotation(source=source, index=citation.get("end_index"))
    filename = citation.get("filename")
    if kind not in _FILE_POSITIONS or not filename:
        return None
    return Annotation(source=file(filename), index=citation.get(_FILE_POSITIONS[kind]))


def page(url: Any, title: Any = None) -> URLSource | None:
    """A web page, named by its host where it has no title; None for what is no address on the web."""
    if not isinstance(url, str) or not url.startswith(_WEB):
        return None
    return URLSource(url=encodable(url), title=encodable(title or _host(url)))


def file(filename: str) -> FileSource:
    """A file."""
    name = encodable(filename)
    return FileSource(filename=name, title=name)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].removeprefix("www.") or url

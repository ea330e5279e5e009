"""The files of the site: the page as `web/` has it, with settings of the deployment's; and what browsers let it do."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

WEB: Final = Path(__file__).resolve().parent.parent / "web"
FOLDER: Final = "web"
"""Where the page looks for its parts: its own addresses begin so."""

OPENAI_SCRIPTS: Final = "https://cdn.platform.openai.com"
"""Where ChatKit's script and its frame come from (`web/official-client.js`)."""
OPENAI_API: Final = "https://api.openai.com"


def content_security_policy(uploads: Sequence[str]) -> str:
    """What the page may load and call (https://www.w3.org/TR/CSP3/); `uploads` are the addresses below which files are put.

    OpenAI's script brings its own styles, and a picture of a widget's may come from any host.
    """
    directives = {
        "default-src": "'self'",
        "script-src": f"'self' {OPENAI_SCRIPTS}",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob: https:",
        "connect-src": " ".join(("'self'", OPENAI_SCRIPTS, OPENAI_API, *uploads)),
        "frame-src": OPENAI_SCRIPTS,
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "object-src": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def build_site(output: Path, *, domain_key: str | None, is_hosted: bool) -> None:
    """Writes the page to `output`, which is an empty folder.

    `domain_key` is what OpenAI's client asks for; without, it is the one for localhost. `is_hosted`: whether the backend
    hands out sessions of OpenAI's hosted ChatKit. The addresses in `config.json` stay relative to the page's own, as the
    site serves the endpoints too.
    """
    shutil.copytree(WEB, output / FOLDER)
    shutil.move(output / FOLDER / "index.html", output / "index.html")
    file = output / FOLDER / "config.json"
    settings: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if domain_key is not None:
        settings["domainKey"] = domain_key
    if is_hosted:
        settings["hosted"] = True
    file.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

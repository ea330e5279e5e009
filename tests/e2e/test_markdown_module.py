"""`web/markdown.js` in the browser."""

from typing import Final

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

RENDER: Final = """async (text) => {
  const { renderMarkdown } = await import("/web/markdown.js");
  const holder = document.createElement("div");
  holder.append(renderMarkdown(text));
  return holder.innerHTML;
}"""

REL: Final = 'target="_blank" rel="noopener noreferrer"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\n\ntwo\nthree", "<p>one</p><p>two\nthree</p>"),
        (
            "a **b** *c* `d` __e__ _f_",
            "<p>a <strong>b</strong> <em>c</em> <code>d</code> <strong>e</strong> <em>f</em></p>",
        ),
        ("snake_case_name and 2 * 3 * 4", "<p>snake_case_name and 2 * 3 * 4</p>"),
        ("``a ` b``", "<p><code>a ` b</code></p>"),
        ("- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        (
            "```js\nlet a = '<b>';\n\n# no heading\n```\nafter",
            "CODE<code>let a = '&lt;b&gt;';\n\n# no heading</code></pre><p>after</p>",
        ),
        ("```js\nstill streaming", "CODE<code>still streaming</code></pre>"),
        ("> quoted\n> *text*", "<blockquote><p>quoted\n<em>text</em></p></blockquote>"),
        ("---", "<hr>"),
        ("# Title", '<p class="heading level-1" role="heading" aria-level="3">Title</p>'),
        ("[a](https://example.com/b)", f'<p><a href="https://example.com/b" {REL}>a</a></p>'),
        ("see https://example.com/x.", f'<p>see <a href="https://example.com/x" {REL}>https://example.com/x</a>.</p>'),
        ("unclosed **bold and `code", "<p>unclosed **bold and `code</p>"),
    ],
)
def test_what_assistants_write(modules: Page, text: str, html: str) -> None:
    """Paragraphs, emphasis, lists, code, quotes, headings and links become elements, unclosed marks stay text."""
    code = '<pre class="code" tabindex="0" data-language="js">'
    assert modules.evaluate(RENDER, text).replace(code, "CODE") == html


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:x) [y](//example.com) [z](/path) [q](file:///etc/passwd)",
        "[x](java\tscript:alert(1))",
        "![x](https://example.com/pixel.png)<iframe src=https://example.com>",
        '[a](https://example.com/"onmouseover="alert(1))',
        "`<b>` **<i>** # <u>",
    ],
)
def test_nothing_becomes_markup_or_a_dangerous_link(modules: Page, text: str) -> None:
    """No HTML is parsed, no link leads anywhere but to http and https, and no element has a listener."""
    found = modules.evaluate(
        """async (text) => {
          const { renderMarkdown } = await import("/web/markdown.js");
          const elements = [...renderMarkdown(text).querySelectorAll("*")];
          return elements.map((each) => ({
            tag: each.localName,
            protocol: each.protocol ?? "",
            attributes: each.getAttributeNames(),
          }));
        }""",
        text,
    )
    assert {element["tag"] for element in found} <= {"p", "a", "code", "strong", "em"}
    assert {element["protocol"] for element in found} <= {"", "https:"}
    assert not any(name.startswith("on") for element in found for name in element["attributes"])


@pytest.mark.parametrize(
    "unit", ["*a ", "**a ", "`a ", "_a ", "[a](b ", "[a", "https://a", "> a", "  - a\n", '[a](b "']
)
def test_a_hostile_text_is_shown_whole(modules: Page, unit: str) -> None:
    """A long repetition of any mark is drawn within the time of a test, and none of its words is lost."""
    shown = modules.evaluate(
        """async (text) => {
          const { renderMarkdown } = await import("/web/markdown.js");
          return renderMarkdown(text).textContent;
        }""",
        unit * 20_000,
    )
    assert shown.count("a") == 20_000

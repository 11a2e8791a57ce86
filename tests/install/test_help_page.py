"""The help page that is made of the README."""

from __future__ import annotations

from pathlib import Path

import help_page
import pytest

CHECKOUT = Path(__file__).parents[2]
MARKDOWN = """\
# Title

## Use it in GIMP

Open a **picture** & read [this](docs/this.md).
Then:

1. Select `a layer`,
   any one.
2. Press OK.

- one
- two

```sh
a < b
```

## Troubleshooting
Nothing.
"""


def test_a_section_becomes_html() -> None:
    html = help_page.to_html(help_page.section(MARKDOWN, "Use it in GIMP"))
    assert html.splitlines() == [
        "<h2>Use it in GIMP</h2>",
        "<p>Open a <strong>picture</strong> &amp; read this. Then:</p>",
        "<ol><li>Select <code>a layer</code>, any one.</li>",
        "<li>Press OK.</li></ol>",
        "<ul><li>one</li>",
        "<li>two</li></ul>",
        "<pre>a &lt; b",
        "</pre>",
    ]


def test_a_section_that_is_not_there_is_missed() -> None:
    with pytest.raises(LookupError, match="Use it in Krita"):
        help_page.section(MARKDOWN, "Use it in Krita")


def test_the_readme_has_what_the_help_page_needs(tmp_path: Path) -> None:
    help_page.write_help(tmp_path / "help", (CHECKOUT / "README.md").read_text(encoding="utf-8"))
    page = (tmp_path / "help/en/neural-style.html").read_text(encoding="utf-8")
    assert "<h2>Use it in GIMP</h2>" in page
    assert "<h2>Troubleshooting</h2>" in page
    assert 'id="plug-in-neural-style" ref="neural-style.html"' in (tmp_path / "help/en/gimp-help.xml").read_text()

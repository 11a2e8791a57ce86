"""The page that the dialog's Help button opens, as GIMP's help finds it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

HELP = Path(__file__).parents[2] / "gimp_plugin/neural-style/help/en"
WITHOUT_END = {"meta"}


class Nesting(HTMLParser):
    """Notes the elements that are open, and complains of an end that has no start."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open += [] if tag in WITHOUT_END else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()


def test_every_menu_entry_of_the_plug_in_has_a_page() -> None:
    items = ElementTree.parse(HELP / "gimp-help.xml").iter("help-item")
    pages = {item.get("id"): item.get("ref", "") for item in items}
    assert set(pages) == {"plug-in-neural-style", "plug-in-neural-style-again", "plug-in-neural-style-engine"}
    assert all((HELP / page).is_file() for page in pages.values())


@pytest.mark.parametrize("page", sorted(HELP.glob("*.html")), ids=lambda path: path.name)
def test_a_page_is_well_formed_and_needs_nothing_from_elsewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    nesting = Nesting()
    nesting.feed(text)
    assert nesting.open == []
    assert all((HELP / link).is_file() for link in re.findall('href="([^"]*)"', text))
    assert "src=" not in text and "http" not in text

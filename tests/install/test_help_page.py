"""The page that the dialog's Help button opens, as GIMP's help finds it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

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
    assert set(pages) == {"plug-in-neural-style", "plug-in-neural-style-again"}
    assert all((HELP / page).is_file() for page in pages.values())


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere() -> None:
    page = (HELP / "neural-style.html").read_text(encoding="utf-8")
    nesting = Nesting()
    nesting.feed(page)
    assert nesting.open == []
    assert "href" not in page and "src=" not in page and "http" not in page

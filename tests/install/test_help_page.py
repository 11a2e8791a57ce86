"""The page that the dialog's Help button opens, as GIMP's help finds it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

HELP = Path(__file__).parents[2] / "gimp_plugin/neural-style/help/en"
PICTURES = HELP.parent / "pictures"
WITHOUT_END = {"meta", "img"}
MOST_BYTES = 500_000


class Nesting(HTMLParser):
    """Notes the elements that are open, and complains of an end that has no start."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open += [] if tag in WITHOUT_END else [tag]
        if tag == "img":
            told = dict(attrs)
            self.pictures[told["src"] or ""] = told["alt"] or ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()


def test_every_menu_entry_of_the_plug_in_has_a_page() -> None:
    items = ElementTree.parse(HELP / "gimp-help.xml").iter("help-item")
    pages = {item.get("id"): item.get("ref", "") for item in items}
    assert set(pages) == {"plug-in-neural-style", "plug-in-neural-style-again", "plug-in-neural-style-engine"}
    assert all((HELP / page).is_file() for page in pages.values())


def read(page: Path) -> Nesting:
    nesting = Nesting()
    nesting.feed(page.read_text(encoding="utf-8"))
    return nesting


PAGES = sorted(HELP.parent.glob("*/*.html"))
WITH_PICTURES = [page for page in PAGES if page.name == "neural-style.html"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.name}")
def test_a_page_is_well_formed_and_needs_nothing_from_elsewhere(page: Path) -> None:
    assert read(page).open == []
    text = page.read_text(encoding="utf-8")
    assert all((page.parent / link).is_file() for link in re.findall('href="([^"]*)"', text))
    assert "http" not in text and "url(" not in text


@pytest.mark.parametrize("page", WITH_PICTURES, ids=lambda page: page.parent.name)
def test_every_picture_is_there_small_and_in_words_for_those_who_do_not_see_it(page: Path) -> None:
    shown = read(page).pictures
    assert all(len(words) > 10 for words in shown.values()), shown
    assert {(page.parent / name).resolve() for name in shown} == set(PICTURES.iterdir())
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < MOST_BYTES


def test_a_page_is_as_light_or_dark_as_the_desktop() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert '<meta name="color-scheme" content="light dark">' in text
        assert not re.search(r"(?<!-)\b(color|background)\s*:", text)

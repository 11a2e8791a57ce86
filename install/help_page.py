"""The page that the Help button of the plug-in's dialog opens: the README's sections for users, as GIMP's help."""

from __future__ import annotations

import html
import re
from pathlib import Path

SECTIONS = ("Use it in GIMP", "Troubleshooting")
PAGE = "neural-style.html"
HELP_IDS = ("plug-in-neural-style", "plug-in-neural-style-again")

# GIMP's help looks in the folder of the user's language, then in this one, for what page belongs to an id.
LANGUAGE = "en"
INDEX = "gimp-help.xml"

BLOCKS = (
    (r"### (.*)", "<h3>{}</h3>"),
    (r"## (.*)", "<h2>{}</h2>"),
    (r"\d+\. (.*)", "<ol><li>{}</li></ol>"),
    (r"- (.*)", "<ul><li>{}</li></ul>"),
    (r"(.*)", "<p>{}</p>"),
)


def write_help(folder: Path, readme: str) -> None:
    """Make GIMP's help folder of the plug-in."""
    pages = folder / LANGUAGE
    pages.mkdir(parents=True)
    items = "".join(f'  <help-item id="{name}" ref="{PAGE}"/>\n' for name in HELP_IDS)
    index = f'<?xml version="1.0" encoding="UTF-8"?>\n<gimp-help>\n{items}</gimp-help>\n'
    (pages / INDEX).write_text(index, encoding="utf-8")
    body = "\n".join(to_html(section(readme, title)) for title in SECTIONS)
    head = '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Neural Style</title></head><body>'
    (pages / PAGE).write_text(f"{head}\n{body}\n</body></html>\n", encoding="utf-8")


def section(readme: str, title: str) -> str:
    """A section of the README with its heading; LookupError when there is none of that title."""
    found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"The README has no section {title!r}.")
    return found.group()


def to_html(markdown: str) -> str:
    """The little Markdown that such a section needs: headings, lists, code, and paragraphs of running text."""
    blocks = []
    for index, part in enumerate(re.split(r"^```\w*\n(.*?)^```$", markdown, flags=re.MULTILINE | re.DOTALL)):
        if index % 2:
            blocks.append(f"<pre>{html.escape(part)}</pre>")
        else:
            blocks += [block(text) for text in re.split(r"\n\n+|\n(?=\d+\. |- |\|)", part) if text.strip()]
    return re.sub(r"</ol>\n<ol>|</ul>\n<ul>", "\n", "\n".join(blocks))


def block(text: str) -> str:
    line = re.sub(r"\s+", " ", text.strip())
    for pattern, template in BLOCKS:
        found = re.fullmatch(pattern, line)
        if found:
            return template.format(inline(found.group(1)))
    raise AssertionError("the last pattern fits everything")


def inline(text: str) -> str:
    """Bold and code; a link is left as its words, since it leads into the checkout, and a picture is left out."""
    text = html.escape(re.sub(r"!\[[^]]*\]\([^)]*\)", "", text), quote=False)
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", text)
    return re.sub(r"\*\*(.*?)\*\*", r"<strong>\1</strong>", text)

"""Every sentence that a user of GIMP can meet has its place in each catalog, and catalogs are what gettext reads."""

from __future__ import annotations

import ast
import gettext
import io
import re
import sys
from pathlib import Path

import pytest

from nst_engine import options

CHECKOUT = Path(__file__).parents[1]
sys.path.insert(0, str(CHECKOUT / "install"))

import catalogs

PLUGINS = [CHECKOUT / "gimp_plugin/neural-style", CHECKOUT / "gimp_plugin/gimp210"]
CATALOGS = sorted((PLUGINS[0] / "locale").glob("*/LC_MESSAGES/neural-style.po"))


def sentences() -> set[str]:
    """What stands in calls of _() and N_(), and what the option table brings to GIMP."""
    found = set()
    for path in (path for folder in PLUGINS for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            is_marked = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "N_")
            if is_marked and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    for row in options.table()["options"]:
        found |= {row["label"], row["help"], *(choice["label"] for choice in row.get("choices", []))}
    return found


def placeholders(sentence: str) -> list[str]:
    return sorted(re.findall(r"\{\w*(?::[^}]*)?\}|%\(\w+\)[sd]|%[sd]", sentence))


def test_there_is_a_catalog() -> None:
    assert "de" in [path.parts[-3] for path in CATALOGS]


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_a_catalog_has_every_sentence_and_no_other(path: Path) -> None:
    entries = catalogs.read_po(path.read_text(encoding="utf-8"))
    assert entries.keys() - {""} == sentences()


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_a_translation_keeps_placeholders_and_mnemonics(path: Path) -> None:
    for original, translated in catalogs.read_po(path.read_text(encoding="utf-8")).items():
        if original:
            assert placeholders(original) == placeholders(translated)
            assert original.count("_") == translated.count("_"), translated


def test_a_compiled_catalog_is_what_gettext_reads() -> None:
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    po = header + '# why\nmsgid "a "\n"b"\nmsgstr "ä"\n\nmsgid "c"\nmsgstr ""\n'
    catalog = gettext.GNUTranslations(io.BytesIO(catalogs.compiled(catalogs.read_po(po))))
    assert [catalog.gettext(text) for text in ("a b", "c", "d")] == ["ä", "c", "d"]

"""Every sentence that a user of GIMP can meet has its place in each catalog, and catalogs are what gettext reads."""

from __future__ import annotations

import gettext
import io
import re
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
sys.path[:0] = [str(CHECKOUT / "install"), str(CHECKOUT / "gimp_plugin/neural-style")]

import catalogs
import template

from nst_plugin.shared import translation

CATALOGS = sorted((CHECKOUT / "gimp_plugin/neural-style/locale").glob("*/LC_MESSAGES/neural-style.po"))


def placeholders(sentence: str) -> list[str]:
    return sorted(re.findall(r"\{\w*(?::[^}]*)?\}|%\(\w+\)[sd]|%[sd]", sentence))


def test_there_is_a_catalog() -> None:
    assert "de" in [path.parts[-3] for path in CATALOGS]


def test_the_template_has_every_sentence_once_and_asks_for_each() -> None:
    words = {'He said "a\\b".', "_Cancel", "Two\nlines"}
    filled = re.sub(r'(msgid (".+")\nmsgstr )""', r"\1\2", template.template(words))
    assert catalogs.read_po(filled).keys() - {""} == words
    assert catalogs.read_po(template.template(template.sentences())).keys() == {""}


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_a_catalog_has_every_sentence_and_no_other(path: Path) -> None:
    entries = catalogs.read_po(path.read_text(encoding="utf-8"))
    assert entries.keys() - {""} == template.sentences()


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


@pytest.mark.parametrize(
    ("languages", "word"),
    [
        (["de_AT.UTF-8", "de_AT", "de", "C"], "Ebene"),
        (["zh_CN.UTF-8", "zh_CN", "zh", "C"], "图层"),
        (["xx", "es_MX", "es", "C"], "Capa"),
        (["en_GB.UTF-8", "en_GB", "en", "fr", "C"], "Layer"),
        (["C", "de"], "Layer"),
    ],
)
def test_the_first_language_that_there_is_is_spoken_and_english_is_one(
    languages: list[str], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in CATALOGS:
        compiled = tmp_path / path.parts[-3] / "LC_MESSAGES/neural-style.mo"
        compiled.parent.mkdir(parents=True)
        compiled.write_bytes(catalogs.compiled(catalogs.read_po(path.read_text(encoding="utf-8"))))
    monkeypatch.setattr(translation, "FOLDER", str(tmp_path))
    try:
        translation.use(languages)
        assert translation._("Layer") == word
    finally:
        translation.use(["C"])

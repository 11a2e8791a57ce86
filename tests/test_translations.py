"""Every sentence that a user of GIMP can meet has its place in each catalog, and catalogs are what gettext reads."""

from __future__ import annotations

import gettext
import io
import json
import re
import string
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[1]
sys.path[:0] = [str(CHECKOUT / "install"), str(CHECKOUT / "gimp_plugin/neural-style")]

import catalogs
import output
import sentences
import template
import words as installers_words

from nst_engine import protocol
from nst_engine.protocol import Failure, Progress
from nst_engine.words import Words, translatable
from nst_plugin.shared import frames, messages, translation

CATALOGS = sorted((CHECKOUT / "gimp_plugin/neural-style/locale").glob("*/LC_MESSAGES/neural-style.po"))


def placeholders(sentence: str) -> list[str]:
    return sorted(re.findall(r"\{\w*(?::[^}]*)?\}|%\(\w+\)[sd]|%[sd]", sentence))


def fields(sentence: str) -> set[str]:
    return {name for _text, name, _form, _how in string.Formatter().parse(sentence) if name is not None}


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    compile_catalogs(tmp_path, monkeypatch)
    translation.use(["de"])
    yield
    translation.use(["C"])


def compile_catalogs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in CATALOGS:
        compiled = folder / path.parts[-3] / "LC_MESSAGES/neural-style.mo"
        compiled.parent.mkdir(parents=True)
        compiled.write_bytes(catalogs.compiled(catalogs.read_po(path.read_text(encoding="utf-8"))))
    monkeypatch.setattr(translation, "FOLDER", str(folder))


def heard(message: Any) -> Any:
    """Return what the plug-in makes of what the engine sends."""
    pipe = io.BytesIO()
    protocol.send(pipe, message)
    frame = frames.read_frame(io.BytesIO(pipe.getvalue()))
    assert frame is not None
    return messages.understood(frame, (0, 0))


def test_there_is_a_catalog() -> None:
    assert "de" in [path.parts[-3] for path in CATALOGS]


def test_the_template_has_every_sentence_once_and_asks_for_each() -> None:
    words = {'He said "a\\b".', "_Cancel", "Two\nlines"}
    filled = re.sub(r'(msgid ((?:".*"\n)+)msgstr )""\n', r"\1\2", template.template(words))
    assert catalogs.read_po(filled).keys() - {""} == words
    assert catalogs.read_po(template.template(sentences.sentences())).keys() == {""}


def test_a_catalog_brought_up_to_date_keeps_what_it_has() -> None:
    renewed = template.template({"a", "b"}, {"": "Language: xx\n", "a": "1", "gone": "2"})
    assert catalogs.read_po(renewed) == {"": "Language: xx\n", "a": "1"}


@pytest.mark.parametrize("found", [sentences.of_engine, sentences.of_installer], ids=["engine", "installer"])
def test_whatever_engine_and_installer_tell_gimp_can_be_translated(found: Any) -> None:
    told = found()
    assert len(told) > 30
    assert [call.place for call in told if None in call.texts()] == []
    for call in told:
        if sentences.name_of(call.call.func) == "Words":
            given = {keyword.arg for keyword in call.call.keywords}
            assert all(fields(text or "") == given for text in call.texts()), call.place


@pytest.mark.parametrize("said", ['f"There are {n}."', '"There are " + n', "n", "told(n)"])
def test_a_sentence_that_no_catalog_can_have_is_found(said: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"raise StyleTransferError({said}, 'Count them.')")
    (told,) = sentences.told_in(tmp_path, [tmp_path / "a.py"])
    assert list(told.texts()) == [None, "Count them."]


def test_engine_and_installer_make_words_alike() -> None:
    own, installers = (Path(f"{CHECKOUT}/{room}/words.py").read_bytes() for room in ("nst_engine", "install"))
    assert own == installers
    assert installers_words.Words("{n} px", n=1) == Words("{n} px", n=1) == "1 px"


def test_plug_in_and_installer_show_the_same_characters() -> None:
    """The plug-in of a clone comes without the installer, and the installer runs before there is a plug-in."""
    unseen = {ord(character) for character in map(chr, range(0x10000)) if messages.UNSEEN.match(character)}
    assert unseen == set(output.UNSEEN)


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_a_catalog_has_every_sentence_and_no_other(path: Path) -> None:
    entries = catalogs.read_po(path.read_text(encoding="utf-8"))
    assert entries.keys() - {""} == sentences.sentences()


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
    compile_catalogs(tmp_path, monkeypatch)
    try:
        translation.use(languages)
        assert translation._("Layer") == word
    finally:
        translation.use(["C"])


@pytest.mark.usefixtures("german")
def test_what_the_engine_says_arrives_in_the_users_language() -> None:
    told = Words(
        "The {what} is only {width}×{height} pixels.", what=Words("style '{name}'", name="{a}"), width=8, height=9
    )
    refusal = heard(Failure("picture", told, "Repair it first."))
    assert refusal.sentence == "Nur 8×9 Pixel groß: der Stil »{a}«. Reparieren Sie es zuerst."
    step = heard(Progress(0.5, None, Words("{size} px, step {step} of {steps}", size=64, step=1, steps=9)))
    assert step.text == "64 px, Schritt 1 von 9"


@pytest.mark.usefixtures("german")
def test_an_engine_of_another_version_is_heard_in_its_own_words() -> None:
    assert heard(Failure("new", Words("{n} moons rose.", n=2), "Wait.")).sentence == "2 moons rose. Wait."
    header = {"kind": "error", "code": "old", "message": "All weights are zero.", "remedy": "{Wait}."}
    assert messages.understood(frames.Frame(header, {}), (0, 0)).sentence == "Alle Gewichte sind null. {Wait}."


HOSTILE: dict[str, Any] = {
    "no words": 7,
    "no parts": {"text": 7},
    "no values": {"text": {"template": "The options are {names}."}},
    "other values": {"text": {"template": "The options are {names}.", "values": {"name": "x"}}},
    "a list of values": {"text": {"template": "The options are {names}.", "values": ["x"]}},
    "a text for a number": {
        "text": {
            "template": "There is too little room for the engine in {path}: it needs about {needed:.1f} GB, "
            "and {free:.1f} are free.",
            "values": {"path": "/", "needed": "x", "free": None},
        }
    },
    "a template of its own": {"text": {"template": "{a.__class__.__mro__}", "values": {"a": 1}}},
    "a template that is none": {"text": {"template": ["x"], "values": {}}},
    "without end": {
        "text": json.loads('{"template": "The options are {names}.", "values": {"names": ' * 90 + "1" + "}}" * 90)
    },
}


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE)
def test_words_that_make_no_sense_leave_the_english_sentence(sent: Any) -> None:
    assert translation.said({"text": "As it was {sent}.", "words": sent}, "text") == "As it was {sent}."


def test_words_travel_whatever_is_in_them() -> None:
    values = {"path": Path("a"), "nan": float("nan"), "huge": 10**99, "long": "x" * 9000, "part": Words("b"), "n": 0.5}
    parts = translatable({"text": Words("{path}{nan}{huge}{long}{part}{n}", **values), "other": "c"})["text"]
    json.dumps(parts, allow_nan=False)
    assert (parts["values"]["n"], parts["values"]["part"]["text"]) == (0.5, "b")
    assert max(len(str(value)) for value in parts["values"].values()) <= 2000

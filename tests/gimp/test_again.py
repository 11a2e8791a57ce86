"""A layer knows how it was made, also in a file opened again, and can be painted again from that."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
from console import run_script_fu
from hypothesis import strategies as st
from plug_in import HERE, EchoedPlugIn, PlugIn
from watching import AFTER, wait_for_layers, wait_until
from window import WindowSession

from nst_engine import __version__
from tests.fuzz.values import json_values

SCENE = """
def again(image, layer, **arguments):
    return stylize(image, layer, procedure="plug-in-neural-style-again", **arguments)

def note(layer):
    return json.loads(bytes(layer.get_parasite("neural-style").get_data()).decode("ascii"))

image = new_image()
style = add_layer(image, "Die Brücke", 0, 0, 20, 20, MAGENTA)
photo = add_quadrants(image)
CHOSEN = dict(style=style, quality="high", size=100, strength=25.0, style_scale=0.5, color="match", seed=7)
"""
SENT = {"quality": "high", "size": 100, "strength": 25.0, "style_scale": 0.5, "color": "match", "seed": 7}


def test_the_note_says_what_the_layer_was_made_with(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        SCENE
        + """
result = stylize(image, photo, **CHOSEN)
tell(note=note(result), tattoos=[photo.get_tattoo(), style.get_tattoo()],
     raw=list(result.get_parasite("neural-style").get_data()),
     flags=result.get_parasite("neural-style").get_flags() == Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE)
image.delete()
"""
    )
    note: dict[str, Any] = facts["note"]
    photo, style = facts["tattoos"]
    assert note["format"] == 1
    assert note["plug-in"] == __version__
    assert note["content"] == {"layer": "photo", "tattoo": photo, "part": False}
    assert note["style"] == {"layer": "Die Brücke", "tattoo": style}
    assert note["styles"] == [{"name": "Die Brücke", "weight": 1.0}]
    assert note["options"].items() >= SENT.items()
    assert note["options"]["recipe"] == "painterly"  # defaults too, for they may change
    assert note["mask"] == "transparency"
    assert note["used"]["network"] == {"name": "vgg19", "sha256": "5ec"}
    assert note["used"]["size"] == {"width": 20, "height": 15}
    assert note["size"] == {"width": 40, "height": 30}
    assert note["enlarged"]
    assert max(facts["raw"]) < 128
    assert facts["flags"]


def test_a_layer_of_a_saved_and_opened_image_is_painted_again(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        SCENE
        + """
import tempfile
result = stylize(image, photo, **CHOSEN)
first = note(result)
path = file(tempfile.mktemp(".xcf"))
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, path, None)
image.delete()
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, path)
result, photo, style = image.get_layers()
photo.set_name("renamed")
style.set_name("renamed too")
second = again(image, result)
tell(names=[layer.get_name() for layer in image.get_layers()], pixels=quadrant_pixels(second) == quadrant_pixels(photo))
path.delete()
image.delete()
"""
    )
    assert facts["names"] == [
        "renamed in the style of renamed too", "photo in the style of Die Brücke", "renamed", "renamed too",
    ]  # fmt: skip
    assert facts["pixels"]
    assert echo.header["options"] == SENT
    assert echo.arrays["style-0"].shape == (20, 20, 4)


def test_what_a_script_gives_goes_before_what_the_note_says(echo: EchoedPlugIn) -> None:
    echo.facts(
        SCENE
        + """
other = add_layer(image, "other", 0, 0, 10, 10, CYAN)
mask = photo.create_mask(Gimp.AddMaskType.WHITE)
photo.add_mask(mask)
result = stylize(image, photo, mask="protection", **CHOSEN)
again(image, result, style=other, seed=8)
image.delete()
"""
    )
    assert echo.header["options"] == {**SENT, "seed": 8}
    assert [style["name"] for style in echo.header["styles"]] == ["other"]
    assert "protection" in echo.arrays


def test_a_part_is_painted_again_without_its_selection(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        SCENE
        + """
def place(layer):
    return [*layer.get_offsets()[1:], layer.get_width(), layer.get_height()]

large = Gimp.Image.new(400, 300, Gimp.ImageBaseType.RGB)
photo = add_layer(large, "photo", 10, 10, 380, 280, GREEN)
large.select_rectangle(Gimp.ChannelOps.REPLACE, 100, 100, 20, 10)
result = stylize(large, photo, style=style)
places = [place(result)]
Gimp.Selection.none(large)
places.append(place(again(large, result)))
large.select_rectangle(Gimp.ChannelOps.REPLACE, 300, 200, 20, 10)
places.append(place(again(large, result)))
Gimp.Selection.none(large)
result.set_offsets(10 - 50, 10)
places.append(place(again(large, result)))
result.set_offsets(-500, 0)
tell(places=places, away=again(large, result))
large.delete()
image.delete()
"""
    )
    assert facts["places"] == [[36, 36, 148, 138], [36, 36, 148, 138], [236, 136, 148, 138], [10, 10, 98, 138]]
    assert facts["away"].startswith("calling-error: The layer is not above what it was painted from any more")
    selection = echo.arrays["selection"][..., 0]
    assert selection.shape == (138, 98)
    assert (selection[64:74, 14:34] == 255).all()
    assert selection.sum() == 255 * 20 * 10


def test_a_style_file_is_found_again(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        SCENE
        + """
import tempfile
path = tempfile.mktemp(" ü.png")
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file(path), None)
result = stylize(image, photo, style_file=file(path))
tell(style=note(result)["style"], path=path, layer=again(image, result).get_name())
os.remove(path)
tell(gone=again(image, result))
image.delete()
"""
    )
    assert facts["style"] == {"file": facts["path"]}
    assert facts["layer"].startswith("photo in the style of ")
    assert facts["gone"] == f"calling-error: There is no style file {facts['path']}: choose another one."


def test_what_cannot_be_painted_again_is_said_in_a_sentence(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        SCENE
        + """
result = stylize(image, photo, **CHOSEN)
unpainted = again(image, photo)
image.remove_layer(style)
no_style = again(image, result)
image.remove_layer(photo)
no_content = again(image, result)
answers = []
for text in ("[]", "{", '{"format": 1}', '{"format": 2}', '{"format": 1, "content": 5}'):
    result.attach_parasite(Gimp.Parasite.new("neural-style", 0, text.encode()))
    answers.append(again(image, result))
tell(unpainted=unpainted, no_style=no_style, no_content=no_content, answers=answers, layers=len(image.get_layers()))
image.delete()
"""
    )
    damaged = (
        "calling-error: The note on how this layer was painted is damaged: choose Filters > Neural Style in its place."
    )
    newer = "calling-error: This layer was painted by another version of Neural Style: install that one to go on."
    assert facts["unpainted"] == "calling-error: This layer was not painted by Neural Style: select one that was."
    assert facts["no_style"] == (
        'calling-error: The image has no layer named "Die Brücke": give the name of one of its layers.'
    )
    assert facts["no_content"] == (
        'calling-error: The layer "photo" that this one was painted from is gone: bring it back with Edit > Undo.'
    )
    assert facts["answers"] == [damaged, damaged, damaged, newer, damaged]
    assert facts["layers"] == 1


PAINT_BY_SCRIPT = """
image = Gimp.get_images()[0]
photo, painting = image.get_layers()
result = stylize(image, photo, style=painting, quality="high", seed=7)
image.set_selected_layers([result])
Gimp.displays_flush()
"""


def make_result(window: WindowSession, code: str) -> None:
    window.batch((HERE / "in_gimp.py").read_text() + SCENE.partition("image =")[0] + code)


def test_the_menu_item_opens_the_dialog_with_the_settings_of_the_layer(
    window: WindowSession, echo: EchoedPlugIn
) -> None:
    make_result(window, PAINT_BY_SCRIPT)
    window.action("Neural Style Again")
    window.press("Neural Style", "OK")
    wait_for_layers(window, ["photo in the style of painting #1", *AFTER])
    assert echo.header["options"] == {"quality": "high", "seed": 7}


def test_what_was_painted_before_may_be_deleted_beside_the_dialog(window: WindowSession, echo: EchoedPlugIn) -> None:
    make_result(window, PAINT_BY_SCRIPT)
    window.action("Neural Style Again")
    window.wait_window("^Neural Style$")
    window.batch(DELETE_RESULT)
    window.press("Neural Style", "OK")
    wait_for_layers(window, AFTER)
    assert echo.header["options"] == {"quality": "high", "seed": 7}


def test_a_part_to_be_painted_again_that_is_deleted_beside_the_dialog_can_come_back(
    window: WindowSession, echo: EchoedPlugIn
) -> None:
    make_result(
        window, "Gimp.get_images()[0].select_rectangle(Gimp.ChannelOps.REPLACE, 30, 20, 10, 10)\n" + PAINT_BY_SCRIPT
    )
    window.batch("Gimp.Selection.none(Gimp.get_images()[0])")
    window.action("Neural Style Again")
    window.wait_window("^Neural Style$")
    window.batch(DELETE_RESULT)
    window.press("Neural Style", "OK")
    wait_until(lambda: "The layer to be painted again is gone: bring it back" in window.tree())
    window.press("Information", "OK")
    window.focus("GIMP$")
    window.key("ctrl+z")
    window.press("Neural Style", "OK")
    wait_for_layers(window, ["photo in the style of painting #1", *AFTER])
    assert "selection" in echo.arrays


DELETE_RESULT = "image = Gimp.get_images()[0]; image.remove_layer(image.get_layers()[0]); Gimp.displays_flush()"


UNSET = """
def unset(name):
    procedure = Gimp.get_pdb().lookup_procedure(name)
    config, names = procedure.create_config(), [argument.get_name() for argument in procedure.get_arguments()]
    return {name: config.get_property(name) for name in names if name not in ("run-mode", "image", "drawables")}

tell(unset=[unset(name) for name in ("plug-in-neural-style", "plug-in-neural-style-again")])
result = stylize(image, photo, **CHOSEN)
tell(again=again(image, result).get_name())
image.delete()
"""

AGAIN_IN_SCRIPT_FU = """
(script-fu-use-v3)
(let* ((image (gimp-image-new 64 48 RGB))
       (photo (gimp-layer-new image "photo" 20 18 RGBA-IMAGE 100 LAYER-MODE-NORMAL))
       (style (gimp-layer-new image "painting" 20 18 RGBA-IMAGE 100 LAYER-MODE-NORMAL)))
  (gimp-image-insert-layer image style 0 0)
  (gimp-image-insert-layer image photo 0 0)
  (let ((result (plug-in-neural-style #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector photo)
                  #:style style #:quality "draft" #:size 64)))
    (plug-in-neural-style-again #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector result))))
"""


def test_in_every_session_of_gimp_what_is_not_set_is_what_the_note_says(echo: EchoedPlugIn, two_layers: Path) -> None:
    """GIMP asks a plug-in for its arguments when that is new, and afterwards relies on what it wrote down."""
    (echo.profile / "plug-ins/neural-style/neural-style.py").touch()
    for _session in range(3):
        facts = echo.facts(SCENE + UNSET, in_new_gimp=True)
        assert facts["again"] == "photo in the style of Die Brücke #1"
        assert echo.header["options"] == SENT
    assert facts["unset"][0]["style-name"] is None  # or this test shows nothing
    outcome = run_script_fu(echo.gimp, echo.profile, AGAIN_IN_SCRIPT_FU)
    assert outcome.exit_code == 0, outcome.stderr
    assert echo.header["options"] == {"quality": "draft", "size": 64}
    with WindowSession(echo.gimp, echo.profile, two_layers) as window:
        make_result(window, PAINT_BY_SCRIPT + "again(image, result)\n")
        wait_for_layers(window, ["photo in the style of painting #1", *AFTER])
        assert echo.header["options"] == {"quality": "high", "seed": 7}
        window.action("Neural Style Again")
        window.press("Neural Style", "OK")
        wait_for_layers(window, ["photo in the style of painting #2", "photo in the style of painting #1", *AFTER])
        assert echo.header["options"] == {"quality": "high", "seed": 7}


NOTE: dict[str, Any] = {
    "format": 1, "plug-in": "0.1.0",
    "content": {"layer": "photo", "tattoo": 1, "part": False},
    "style": {"layer": "painting", "tattoo": 2}, "styles": [{"name": "painting", "weight": 1.0}],
    "mask": "transparency",
    "options": {"recipe": "painterly", "quality": "high", "size": 100, "strength": 25.0, "network": "vgg19"},
    "used": {}, "size": {"width": 40, "height": 30}, "enlarged": False,
}  # fmt: skip
PLACES = [(name,) for name in NOTE] + [(room, name) for room in ("content", "style", "options") for name in NOTE[room]]
ODD = json_values | st.sampled_from([10**400, -(2**63), float("nan"), "\0", "\ud800"])

ODD_IN_ONE_WAY = [
    ({"format": 2}, "This layer was painted by another version of Neural Style: "),
    ({"options": None}, "The note on how this layer was painted is damaged: "),
    ({"style": {"layer": "gone", "tattoo": 99}}, 'The image has no layer named "gone": '),
]
"""What is otherwise in a note, and how the sentence about it begins."""


@st.composite
def odd_notes(draw: Callable[[Any], Any]) -> bytes:
    """A note with something else in one place, or with some of its text replaced."""
    note = json.loads(json.dumps(NOTE))
    *path, name = draw(st.sampled_from(PLACES))
    room = note[path[0]] if path else note
    if draw(st.booleans()):
        room[name] = draw(ODD)
    else:
        del room[name]
    text: bytes = json.dumps(note).encode()
    start = draw(st.integers(0, len(text)))
    return draw(st.sampled_from([text, text[:start], text[:start] + draw(st.binary(max_size=3)) + text[start + 2 :]]))  # type: ignore[no-any-return]


def examples(strategy: Any, count: int) -> list[Any]:
    """So many values, always the same."""
    found: list[Any] = []

    @hypothesis.settings(max_examples=count, derandomize=True, database=None, deadline=None)
    @hypothesis.given(strategy)
    def gather(value: Any) -> None:
        found.append(value)

    gather()
    return found


READ_ALL = """
import sys
sys.path.insert(0, os.path.join(Gimp.directory(), "plug-ins/neural-style"))
from nst_plugin.image import jobs, recall
from nst_plugin.shared.errors import BadRequest

image = new_image()
add_layer(image, "painting", 0, 0, 20, 20, CYAN)
add_quadrants(image)
result = add_layer(image, "result", 0, 0, 20, 20, CYAN)
told = []
for note in NOTES:
    signed = [value - 256 if value > 127 else value for value in bytes.fromhex(note)]  # as GIMP's Python wants them
    result.attach_parasite(Gimp.Parasite.new("neural-style", 0, signed))
    config = Gimp.get_pdb().lookup_procedure("plug-in-neural-style-again").create_config()
    try:
        content = recall.content_of(result)
        recall.restore(config, result, keep_given=True)
        jobs.check(config, content, jobs.part_of(content, result))
        told.append("")
    except BadRequest as problem:
        told.append(str(problem))
tell(told=told)
image.delete()
"""


def test_whatever_a_note_says_the_layer_is_painted_or_a_sentence_says_why_not(plug_in: PlugIn) -> None:
    huge = json.dumps({**NOTE, "used": "x" * 5_000_000}).encode()
    deep = json.dumps(NOTE).replace('"used": {}', '"used": ' + "[" * 100_000 + "]" * 100_000).encode()
    odd = [json.dumps(NOTE | change).encode() for change, _ in ODD_IN_ONE_WAY]
    notes = [json.dumps(NOTE).encode(), huge, *odd, deep, *examples(odd_notes(), 400)]
    told = plug_in.facts(f"NOTES = {[note.hex() for note in notes]!r}\n{READ_ALL}")["told"]
    assert told[:2] == ["", ""]
    for sentence, (_, begin) in zip(told[2:], ODD_IN_ONE_WAY, strict=False):
        assert sentence.startswith(begin)
    assert len(told) == len(notes)
    assert all(re.fullmatch(r"|[^\n]+: [^\n]+\.", sentence) for sentence in told)

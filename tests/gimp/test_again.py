"""A layer knows how it was made, also in a file opened again, and can be painted again from that."""

from __future__ import annotations

from typing import Any

from plug_in import HERE, EchoedPlugIn
from watching import AFTER, wait_for_layers
from window import WindowSession

from nst_engine import __version__

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


def test_the_menu_item_opens_the_dialog_with_the_settings_of_the_layer(
    window: WindowSession, echo: EchoedPlugIn
) -> None:
    in_gimp = (HERE / "in_gimp.py").read_text()
    window.batch(
        in_gimp
        + """
image = Gimp.get_images()[0]
photo, painting = image.get_layers()
result = stylize(image, photo, style=painting, quality="high", seed=7, strength=25.0)
image.set_selected_layers([result])
Gimp.displays_flush()
"""
    )
    window.action("Neural Style Again")
    window.press("Neural Style", "OK")
    wait_for_layers(window, ["photo in the style of painting #1", *AFTER])
    assert echo.header["options"] == {"quality": "high", "seed": 7, "strength": 25.0}

"""Every way to go wrong ends in one sentence that says what to do, and in an image that is as it was."""

from __future__ import annotations

from typing import Any

import pytest
from console import run_script_fu
from plug_in import PlugIn

BAD_REQUESTS = {
    "no style": "There is no style yet: choose a style layer, a style file or one of the paintings.",
    "itself": "The style layer is the layer to be painted: choose another one.",
    "two layers": "Select exactly one layer to paint.",
    "no layer": "Select exactly one layer to paint.",
    "mask": "A mask or channel is selected: select the layer itself.",
    "channel": "A mask or channel is selected: select the layer itself.",
    "indexed": "An image with a palette cannot take the new colors: choose Image > Mode > RGB first.",
    "floating": "The selected layer floats: choose Layer > Anchor or Layer > To New Layer first.",
    "no file": "There is no style file /nowhere/style.png: choose another one.",
    "no picture": "GIMP cannot open the style file /etc/passwd as a picture: choose another one.",
}

REQUESTS = """
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
photo = add_quadrants(image)
mask = style.create_mask(Gimp.AddMaskType.WHITE)
style.add_mask(mask)
channel = Gimp.Channel.new(image, "channel", 100, 80, 50.0, Gegl.Color.new("red"))
image.insert_channel(channel, None, 0)
before = [quadrant_pixels(layer) for layer in image.get_layers()]
answers = {
    "no style": stylize(image, photo),
    "itself": stylize(image, photo, style=photo),
    "two layers": stylize(image, photo, style, style=style),
    "no layer": stylize(image, style=style),
    "mask": stylize(image, mask, style=style),
    "channel": stylize(image, channel, style=style),
    "no file": stylize(image, photo, style_file=file("/nowhere/style.png")),
    "no picture": stylize(image, photo, style_file=file("/etc/passwd")),
}
tell(untouched=before == [quadrant_pixels(layer) for layer in image.get_layers()])
image.select_rectangle(Gimp.ChannelOps.REPLACE, 30, 20, 5, 5)
floating = Gimp.Selection.float(image, [photo], 0, 0)
answers["floating"] = stylize(image, floating, style=style)
Gimp.floating_sel_anchor(floating)
image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.WEB, 0, False, False, "")
answers["indexed"] = stylize(image, photo, style=style)
tell(answers=answers, layers=len(image.get_layers()), images=len(Gimp.get_images()))
image.delete()
"""


@pytest.fixture(scope="module")
def refused(installed_plug_in: PlugIn) -> dict[str, Any]:
    installed_plug_in.use("answers")
    return installed_plug_in.facts(REQUESTS)


@pytest.mark.parametrize("request_name", BAD_REQUESTS)
def test_a_bad_request_is_refused_in_a_sentence(refused: dict[str, Any], request_name: str) -> None:
    assert refused["answers"][request_name] == f"calling-error: {BAD_REQUESTS[request_name]}"


def test_a_refused_request_leaves_the_image_alone(refused: dict[str, Any]) -> None:
    assert refused["untouched"]
    assert refused["layers"] == 2
    assert refused["images"] == 1


ONE_RUN = """
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
photo = add_quadrants(image)
answer = stylize(image, photo, style=style)
tell(answer=answer, names=[layer.get_name() for layer in image.get_layers()], home=os.path.expanduser("~"))
image.delete()
"""


def test_a_missing_engine_is_explained_before_anything_else(installed_plug_in: PlugIn) -> None:
    installed_plug_in.use("answers")
    (installed_plug_in.profile / "plug-ins/neural-style/engine.json").unlink()
    answer = installed_plug_in.facts(ONE_RUN)["answer"]
    assert answer == (
        "execution-error: The engine of Neural Style is not installed. "
        'Run "python3 install/install.py" in the folder of Neural Style for GIMP, then try again.'
    )


def test_script_fu_fails_with_the_sentence(plug_in: PlugIn) -> None:
    outcome = run_script_fu(plug_in.gimp, plug_in.profile, """
(script-fu-use-v3)
(let* ((image (gimp-image-new 64 48 RGB))
       (photo (gimp-layer-new image "photo" 20 18 RGBA-IMAGE 100 LAYER-MODE-NORMAL)))
  (gimp-image-insert-layer image photo 0 0)
  (plug-in-neural-style #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector photo)))
""")  # fmt: skip
    assert outcome.exit_code == 70
    assert BAD_REQUESTS["no style"] in outcome.stderr

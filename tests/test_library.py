"""``from nst_engine import stylize, Options``: arrays or images in, an array out."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from nst_engine import Options, library_pictures, stylize
from nst_engine.commands.inputs import read_mask
from nst_engine.errors import PictureError
from nst_engine.pixels import StylePicture

QUICK = Options(quality="draft", iterations=5)


def as_image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(pixels * 255).astype(np.uint8))


def test_arrays_and_images_give_the_same_picture(content, style):
    images = stylize(as_image(content), as_image(style), QUICK)
    bytes_ = [np.rint(pixels * 255).astype(np.uint8) for pixels in (content, style)]
    arrays = stylize(bytes_[0], bytes_[1], QUICK)
    assert images.dtype == np.float32
    assert images.shape == content.shape
    assert np.array_equal(images, arrays)


def test_sixteen_bits_are_taken_in_arrays_and_in_images(content, style):
    gray, deep_style = (np.rint(values * 65535).astype(np.uint16) for values in (content[..., 0], style))
    arrays = stylize(np.dstack([gray] * 3), deep_style, QUICK, protection=gray)
    images = stylize(Image.fromarray(gray), deep_style, QUICK, protection=Image.fromarray(gray))
    assert np.array_equal(arrays, images)
    assert abs(arrays[..., 0] - content[..., 0])[content[..., 0] > 0.85].max() < 0.15


def test_images_without_a_known_white_are_refused(style):
    with pytest.raises(PictureError, match="mode F"):
        stylize(Image.fromarray(np.ones((32, 32), np.float32)), style, QUICK)


def test_rgb_will_do(content, style):
    assert stylize(content[..., :3], [style[..., :3]], QUICK).shape == content.shape


def test_progress_events_tell_and_show(content, style):
    steps = []
    stylize(content, style, QUICK, on_step=steps.append)
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert steps[-1].seconds_left == pytest.approx(0, abs=1e-6)
    assert {"content", "style", "tv", "total"} == steps[0].losses().keys()
    assert steps[0].preview().dtype == np.uint8


def test_masks_may_be_arrays_or_images(content, style):
    selection = np.zeros((48, 64), np.float32)
    selection[:24] = 1
    first = stylize(content, style, QUICK, selection=selection)
    second = stylize(content, style, QUICK, selection=Image.fromarray((selection * 255).astype(np.uint8)))
    assert np.array_equal(first, second)
    assert not first[24:, :, 3].any()


def test_styles_count_by_their_weights(content, style):
    def painted(first: float, second: float) -> np.ndarray:
        two = [StylePicture("a", style, first), StylePicture("b", 1 - style * [1, 1, 1, 0], second)]
        return stylize(content, two, QUICK)

    first_alone = stylize(content, style, QUICK)
    near, far = (float(np.abs(painted(*weights) - first_alone).mean()) for weights in ((3, 1), (1, 3)))
    assert 0 < near < 0.7 * far
    assert np.array_equal(painted(3, 1), painted(6, 2))


def test_a_mask_of_another_size_is_refused(content, style):
    with pytest.raises(PictureError, match="The protection map is 3×2 pixels, the content 64×48"):
        stylize(content, style, QUICK, protection=np.ones((2, 3), np.float32))


def test_nothing_is_printed_and_torch_is_not_loaded_before_it_is_needed():
    code = "import sys; from nst_engine import stylize, Options; Options(); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("own", [None, "7"])
def test_threads_get_a_short_spin_before_torch_is_loaded_unless_the_caller_chose_another(own):
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    environment |= {} if own is None else {"GOMP_SPINCOUNT": own}
    code = "import os, sys, nst_engine; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split() == [own or "1000", "False"]


def test_a_file_is_the_same_mask_for_the_library_and_on_the_command_line(tmp_path):
    rgba = np.random.default_rng(4).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    Image.fromarray(rgba).save(tmp_path / "mask.png")
    with Image.open(tmp_path / "mask.png") as image:
        assert np.array_equal(library_pictures.mask(image), read_mask(tmp_path / "mask.png", (20, 30)))

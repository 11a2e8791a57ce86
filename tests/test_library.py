"""``from nst_engine import stylize, Options``: arrays or images in, an array out."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from nst_engine import Options, library_pictures, originals, progress, stylize
from nst_engine.commands.inputs import read_mask
from nst_engine.errors import OptionError, OutOfMemory, PictureError
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


Q = np.random.default_rng(6).integers(0, 256, (20, 30, 3), dtype=np.uint8)
Q[0, 0], Q[0, 1] = 0, 255
ALPHA = np.full((20, 30, 1), 128, np.uint8)
GRAY = Q[..., :1]
FRACTIONS = (Q / 255).astype(np.float32)

SAME = {
    "fractions in double": Q / 255,
    "fractions in half": (Q / 255).astype(np.float16),
    "fractions with overshoot": np.where(FRACTIONS == 1, np.float32(1.1), np.where(FRACTIONS == 0, -0.1, FRACTIONS)),
    "0 to 255 in floats": Q.astype(np.float32),
    "0 to 65535 in floats": Q * 257.0,
    "sixteen bits": Q.astype(np.uint16) * 257,
    "sixteen bits the other way round": (Q.astype(np.uint16) * 257).astype(">u2"),
    "eight bits in 32": Q.astype(np.int32),
    "sixteen bits in 64": Q.astype(np.int64) * 257,
    "nested lists": Q.tolist(),
    "channels first": Q.transpose(2, 0, 1),
    "a batch of one": Q[None],
    "a batch of one, channels first": FRACTIONS.transpose(2, 0, 1)[None],
    "a tensor": torch.from_numpy(Q),
    "a tensor as ComfyUI has it": torch.from_numpy(FRACTIONS)[None],
    "a tensor as torchvision has it": torch.from_numpy(FRACTIONS).permute(2, 0, 1),
    "a tensor with a gradient": torch.from_numpy(FRACTIONS).requires_grad_(),
    "an image": Image.fromarray(Q),
    "an image in CMYK": Image.fromarray(Q).convert("CMYK"),
}


def visible(pixels):
    """The picture as the engine sees it, in [0, 1]."""
    return np.clip(originals.fractions(pixels), 0, 1)


@pytest.mark.parametrize("kind", SAME)
def test_pictures_of_all_kinds_are_the_same_picture(kind):
    pixels = library_pictures.pixels(SAME[kind])
    assert visible(pixels)[..., :3] == pytest.approx(FRACTIONS, abs=2e-3 if "half" in kind else 1e-5)
    (style,) = library_pictures.styles([StylePicture("a", SAME[kind])])
    assert np.array_equal(style.pixels, pixels)


def test_bfloat16_and_a_tensor_of_inference_mode_are_taken():
    with torch.inference_mode():
        tensor = torch.from_numpy(FRACTIONS).bfloat16() + 0
    assert visible(library_pictures.pixels(tensor)) == pytest.approx(FRACTIONS, abs=4e-3)


GRAYS = {
    "H×W": GRAY[..., 0],
    "H×W×1": GRAY,
    "1×H×W": GRAY.transpose(2, 0, 1),
    "L": Image.fromarray(GRAY[..., 0]),
    "I;16": Image.fromarray(GRAY[..., 0].astype(np.uint16) * 257),
    "I": Image.fromarray(GRAY[..., 0].astype(np.int32)),
    "I with 16 bits": Image.fromarray(GRAY[..., 0].astype(np.int32) * 257),
    "F": Image.fromarray(FRACTIONS[..., 0]),
    "F to 255": Image.fromarray(GRAY[..., 0].astype(np.float32)),
}


@pytest.mark.parametrize("kind", GRAYS)
def test_gray_pictures_of_all_kinds_are_the_same_and_so_are_masks(kind):
    assert visible(library_pictures.pixels(GRAYS[kind])[..., :3]) == pytest.approx(
        np.repeat(GRAY / 255, 3, 2), abs=1e-5
    )
    mask = library_pictures.mask(GRAYS[kind])
    assert visible(mask) == pytest.approx(GRAY / 255, abs=1e-5)


@pytest.mark.parametrize(
    ("white", "opaque"), [(1, 1), (1, 255), (1, 65535), (255, 1), (255, 255), (65535, 1), (65535, 65535)]
)
def test_alpha_in_other_numbers_than_the_colors_is_understood(white, opaque):
    colors, alpha = FRACTIONS * white, np.full((20, 30, 1), opaque / 2)
    assert visible(library_pictures.pixels(np.dstack([colors, alpha]))) == pytest.approx(
        np.dstack([FRACTIONS, np.full((20, 30), 0.5)]), abs=1e-5
    )
    gray = library_pictures.pixels(np.dstack([colors[..., :1], alpha]))
    assert visible(gray)[..., 3] == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize(("most", "alpha", "white"), [(20, 255, 255), (255, 20, 255), (65535, 200, 65535)])
def test_what_is_dark_or_faint_is_known_by_the_rest(most, alpha, white):
    given = np.dstack([FRACTIONS * most, np.full((20, 30, 1), alpha)])
    assert visible(library_pictures.pixels(given)) == pytest.approx(given / white, abs=1e-5)


@pytest.mark.parametrize("mode", ["LA", "La", "RGBa", "RGBA"])
def test_images_with_alpha_keep_it(mode):
    image = Image.fromarray(np.dstack([GRAY, GRAY, GRAY, ALPHA]))
    pixels = library_pictures.pixels(image.convert("LA").convert(mode) if mode == "La" else image.convert(mode))
    assert np.all(pixels[..., 3] == 128)
    assert np.abs(pixels[..., 0].astype(int) - GRAY[..., 0]).max() <= 2


@pytest.mark.parametrize("mode", ["P", "1", "HSV", "YCbCr", "LAB", "RGBX"])
def test_images_of_all_modes_look_as_pillow_shows_them(mode):
    image = Image.fromarray(Q).convert(mode)
    pixels = library_pictures.pixels(image)
    assert np.array_equal(pixels[..., :3], np.asarray(image.convert("RGB")))
    assert np.all(pixels[..., 3] == 255)


class OnACard:
    """An array that, as CuPy's, is not copied unasked."""

    def __array__(self, *arguments):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


REFUSED = {
    "16 bits that are dark": (Q.astype(np.uint16), "uint16 numbers from 0 to 255: any may be white"),
    "12 bits": (Q.astype(np.uint16) * 16, "uint16 numbers from 0 to 4080"),
    "-1 to 1": (FRACTIONS * 2 - 1, "float32 numbers from -1 to 1"),
    "light beyond white": (FRACTIONS * 4, "float32 numbers from 0 to 4"),
    "signed": (Q.astype(np.int16) - 128, "int16 numbers from -128 to 127"),
    "zeros and ones": ((Q > 9).astype(np.int64), "int64 numbers from 0 to 1"),
    "a thousand": (FRACTIONS * 1000, "from 0 to 1000"),
    "complex": (FRACTIONS.astype(complex), "given as an array of complex128"),
    "objects": (FRACTIONS.astype(object), "given as an array of object"),
    "a name": ("photo.jpg", "given as a str"),
    "nothing": (None, "given as a NoneType"),
    "an array of a card": (OnACard(), "given as a OnACard"),
    "lists of all lengths": ([[1, 2], [3]], "given as a list"),
    "two in a batch": (np.stack([Q, Q]), "an array of the shape 2×20×30×3"),
    "five channels": (np.dstack([Q, Q[..., :2]]), "an array of the shape 20×30×5"),
    "a line": (np.zeros(3), "an array of the shape 3"),
    "a number": (3, "an array of the shape one number"),
    "a closed image": (None, "cannot be read"),
    "a tensor without numbers": (torch.empty(20, 30, 3, device="meta"), "given as a tensor on meta of float32"),
    "a sparse tensor": (torch.ones(20, 30).to_sparse(), "in the layout sparse_coo"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_may_mean_two_things_is_refused(kind, tmp_path):
    picture, told = REFUSED[kind]
    if kind == "a closed image":
        Image.fromarray(Q).save(tmp_path / "a.png")
        picture = Image.open(tmp_path / "a.png")
        picture.close()
    with pytest.raises(PictureError, match=re.escape(told)) as caught:
        library_pictures.pixels(picture)
    assert caught.value.remedy


def test_black_is_black_in_all_numbers():
    for kind in (bool, np.uint16, np.int64, np.float64):
        assert not library_pictures.pixels(np.zeros((20, 30, 3), kind)).any()
    assert library_pictures.pixels(np.ones((20, 30, 3), bool)).min() == 255


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float64])
def test_a_mask_of_zeros_and_ones_is_black_and_white(kind):
    given = (GRAY[..., 0] > 128).astype(kind)
    assert np.array_equal(visible(library_pictures.mask(given))[..., 0], given)
    assert np.array_equal(visible(library_pictures.mask(torch.from_numpy(given)[None]))[..., 0], given)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (Options(size="48"), "Option 'size' is '48'"),
        (Options(quality="ultra"), "Option 'quality' is 'ultra'"),
        (Options(iterations=-1), "Option 'iterations' is -1"),
        (Options(strength=float("nan")), "Option 'strength' is nan"),
        (Options(network=5), "Option 'network' is 5"),
        ({"size": 10**9}, "Option 'size' is 1000000000"),
        ({"style-scale": 1.0}, "There is no option 'style-scale'"),
        (None, "The options are given as a NoneType"),
    ],
)
def test_options_are_checked_however_they_are_made(options, told):
    with pytest.raises(OptionError, match=re.escape(told)):
        stylize(Q, Q, options)


def test_numbers_of_numpy_are_options_too(content, style):
    given = Options(quality="draft", size=np.int64(32), iterations=np.int32(1), strength=np.float32(50))
    assert stylize(content, style, given).shape == content.shape


def test_a_weight_that_is_no_number_is_refused():
    with pytest.raises(PictureError, match="The weight of a style is 2"):
        stylize(Q, [StylePicture("a", Q, "2")], {"quality": "draft", "size": 32})


def test_a_batch_of_styles_is_several():
    batch = np.stack([Q, 255 - Q])
    for given in (batch, torch.from_numpy(batch), list(batch), tuple(torch.from_numpy(batch))):
        found = library_pictures.styles(given)
        assert np.array_equal([style.pixels for style in found], batch)


@contextlib.contextmanager
def default(get, put, value):
    former = get()
    put(value)
    try:
        yield
    finally:
        put(former)


AROUND = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "float64": lambda: default(torch.get_default_dtype, torch.set_default_dtype, torch.float64),
    "bfloat16": lambda: default(torch.get_default_dtype, torch.set_default_dtype, torch.bfloat16),
    "another device": lambda: default(lambda: None, torch.set_default_device, "meta"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
}
SETTINGS = (
    Options(quality="draft", iterations=3, size=32, recipe="painterly", color="match"),
    Options(quality="draft", iterations=3, size=32, recipe="gatys", optimizer="adam", photo_weight=1.0),
    Options(
        quality="draft", iterations=3, size=32, init="noise", color="content", style_layers="relu1_1,relu2_1:1:gram"
    ),
)


@pytest.fixture(scope="module")
def plain():
    return [stylize(Q, Q[::-1], options, protection=GRAY) for options in SETTINGS]


@pytest.mark.slow
@pytest.mark.parametrize("around", AROUND)
def test_whatever_the_program_around_has_switched_on_the_picture_is_the_same(plain, around):
    with AROUND[around]():
        before = torch.is_grad_enabled(), torch.get_default_dtype()
        pictures = [stylize(Q, Q[::-1], options, protection=GRAY) for options in SETTINGS]
        assert before == (torch.is_grad_enabled(), torch.get_default_dtype())
    for picture, expected in zip(pictures, plain, strict=True):
        assert np.array_equal(picture, expected)


@pytest.mark.slow
def test_the_engine_may_be_loaded_where_another_device_is_the_default():
    code = (
        "import numpy as np, torch; torch.set_default_device('meta'); torch.set_default_dtype(torch.float64);"
        "torch.inference_mode().__enter__(); from nst_engine import Options, stylize;"
        "pattern = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3);"
        "picture = stylize(pattern, pattern[::-1], Options(quality='draft', iterations=2, size=32));"
        "assert 0.2 < picture[..., :3].mean() < 0.8"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_without_alpha_it_is_as_if_all_were_opaque(content, style):
    assert np.array_equal(stylize(content[..., :3], [style[..., :3]], QUICK), stylize(content, style, QUICK))


def test_progress_events_tell_and_show(content, style):
    steps = []
    stylize(content, style, QUICK, on_step=steps.append)
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert steps[-1].seconds_left == pytest.approx(0, abs=1e-6)
    assert {"content", "style", "tv", "total"} == steps[0].losses().keys()
    assert steps[0].preview().dtype == np.uint8


def test_who_listens_slowly_is_not_told_of_every_layer(content, style, monkeypatch):
    monkeypatch.setattr(progress, "SILENCE", 0.2)
    left, waits = [], []

    def slow(step):
        waits.extend(time.monotonic() - when for steps, when in left[-1:] if steps == step.steps and step.fraction < 1)
        time.sleep(0.25)
        left.append((step.steps, time.monotonic()))

    stylize(content, style, QUICK, on_step=slow)
    assert all(wait > 0.2 for wait in waits), "within one step"


def test_a_shortage_of_who_listens_ends_the_job_and_makes_no_smaller_tiles(content, style):
    heard = []

    def full(step):
        heard.append(step)
        raise MemoryError("too many previews")

    with pytest.raises(OutOfMemory):
        stylize(content, style, QUICK, on_step=full)
    assert len(heard) == 1


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


def test_the_callers_smallest_numbers_stay_what_they_are(content, style):
    stylize(content, style, QUICK)
    assert sys.float_info.min / 2 > 0
    torch.set_flush_denormal(True)
    try:
        stylize(content, style, QUICK)
        assert sys.float_info.min / 2 == 0
    finally:
        torch.set_flush_denormal(False)


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


def test_of_two_that_say_what_to_start_from_neither_is_taken(content, style):
    with pytest.raises(OptionError, match="both say what to start from"):
        stylize(content, style, Options(init="noise"), init=content)

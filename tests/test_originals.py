"""Pictures and masks as they were given: read at any size, in bands, without copies of their own size."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

from nst_engine.errors import PictureError
from nst_engine.originals import OriginalMask, OriginalPicture
from nst_engine.pixels import Size, bands
from nst_engine.tensors import resize, to_image, to_pixels

KINDS = {"uint8": 255, "uint16": 65535}


@pytest.fixture
def many_bands(monkeypatch) -> None:
    """Bands of a few rows, as large pictures have them."""
    monkeypatch.setattr("nst_engine.pixels.BAND_PIXELS", 500)


def transparent(content):
    """The content, invisible at the top and half so below."""
    content[:10, :, 3], content[10:20, :, 3] = 0, 0.5
    return content


def test_bands_cover_a_picture_once():
    size = Size(1001, 4000)
    rows = [row for band in bands(size) for row in range(band.start, band.stop)]
    assert rows == list(range(1001))
    assert list(bands(Size(2, 10**7))) == [slice(0, 1), slice(1, 2)]


@pytest.mark.parametrize("size", [Size(48, 64), Size(24, 32), Size(31, 64), Size(90, 70)])
def test_a_picture_made_smaller_in_bands_is_the_picture_made_smaller_at_once(content, size, many_bands):
    at_once = resize(to_image(content[..., :3]), size).clamp(0, 1)
    assert OriginalPicture("content", content).at(size) == pytest.approx(at_once, abs=1e-5)


def test_what_is_transparent_takes_the_mean_color_of_what_is_not(content, many_bands):
    original = OriginalPicture("content", transparent(content))
    picture = to_pixels(original.at(original.size))
    alpha = content[..., 3:]
    mean = (content[..., :3] * alpha).sum((0, 1)) / alpha.sum()
    assert picture[:10, :, :3] == pytest.approx(np.broadcast_to(mean, (10, 64, 3)), abs=1e-5)
    assert picture[10:20, :, :3] == pytest.approx((content[10:20, :, :3] + mean) / 2, abs=1e-5)
    assert np.array_equal(picture[20:, :, :3], content[20:, :, :3])
    assert np.array_equal(picture[..., 3], content[..., 3])


@pytest.mark.parametrize("kind", list(KINDS))
def test_whole_numbers_of_8_and_16_bits_are_fractions_of_white(content, kind):
    numbers = np.rint(transparent(content) * KINDS[kind]).astype(kind)
    size = Size(24, 32)
    expected = OriginalPicture("content", numbers.astype(np.float32) / np.float32(KINDS[kind])).at(size)
    assert torch.equal(OriginalPicture("content", numbers).at(size), expected)
    opaque = numbers.copy()
    opaque[..., 3] = KINDS[kind]
    assert OriginalPicture("content", opaque).at(size).shape == (1, 3, *size)


def test_masks_are_fractions_and_what_is_no_number_is_black(many_bands):
    mask = np.full((48, 64, 1), 0.25, np.float32)
    mask[0, 0], mask[1, 1] = np.nan, 7
    made = OriginalMask("selection", mask, Size(48, 64)).at(Size(48, 64))[0, 0]
    assert (made[0, 0], made[1, 1], made[2, 2]) == (0, 1, 0.25)
    numbers = OriginalMask("selection", np.full((48, 64), 51, np.uint8), Size(48, 64))
    assert numbers.at(Size(24, 32)) == pytest.approx(torch.full((1, 1, 24, 32), 0.2))


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(PictureError, match="The selection is 3×2 pixels, the content 64×48"):
        OriginalMask("selection", np.ones((2, 3, 1), np.uint8), Size(48, 64))


def test_a_large_picture_is_never_copied_whole():
    pixels = np.zeros((2400, 3200, 4), np.uint8)
    pixels[..., 3], pixels[0, 0, 3] = 255, 0
    tracemalloc.start()
    OriginalPicture("content", pixels).at(Size(48, 64))
    peak = tracemalloc.get_traced_memory()[1]  # of NumPy: PyTorch's tensors here are narrow
    tracemalloc.stop()
    assert peak < 0.4 * pixels.nbytes * 4

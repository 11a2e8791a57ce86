"""The picture as it is seen, made band by band."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nst_engine.canvas import Canvas
from nst_engine.composition import composed
from nst_engine.errors import PictureError
from nst_engine.originals import OriginalPicture
from nst_engine.pixels import Masks, Size

CPU = torch.device("cpu")
PAINTED = Size(24, 32)


def canvas(content, **masks) -> Canvas:
    return Canvas(OriginalPicture("content", content), Masks(**masks), PAINTED, CPU)


@pytest.fixture
def painted() -> torch.Tensor:
    return torch.rand(1, 3, *PAINTED, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("keeps_colors", [False, True])
@pytest.mark.parametrize("size", [Size(48, 64), PAINTED, Size(15, 20)])
def test_a_picture_made_in_bands_is_the_picture_made_at_once(content, painted, size, keeps_colors, monkeypatch):
    content[:10, :, 3], content[10:20, :, 3] = 0, 0.5
    ramp = np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64, 1)
    base = canvas(content, protection=ramp, selection=ramp[:, ::-1])
    at_once = composed(painted, base, size, keeps_colors)
    monkeypatch.setattr("nst_engine.pixels.BAND_PIXELS", 300)
    assert composed(painted, base, size, keeps_colors) == pytest.approx(at_once, abs=1e-6)


def test_protected_and_invisible_parts_keep_every_bit_of_the_content(content, painted):
    numbers = np.rint(content * 65535).astype(np.uint16)
    numbers[:10, :, 3] = 0
    protection = np.zeros((48, 64, 1), np.uint8)
    protection[20:30] = 255
    picture = composed(painted, canvas(numbers, protection=protection), Size(48, 64), False)
    assert np.array_equal(np.rint(picture * 65535).astype(np.uint16)[:10], numbers[:10])
    assert np.array_equal(np.rint(picture * 65535).astype(np.uint16)[20:30], numbers[20:30])
    assert abs(picture[32:, :, :3] - content[32:, :, :3]).mean() > 0.1


def test_whole_numbers_are_rounded(content, painted):
    base = canvas(content)
    fractions = composed(painted, base, Size(48, 64), False)
    whole = composed(painted, base, Size(48, 64), False, np.uint8)
    assert np.array_equal(whole, np.rint(fractions * 255).astype(np.uint8))


def test_smaller_copies_are_few(content):
    scaled = canvas(content).content
    for width in range(16, 32):
        scaled.at(Size(20, width))
    assert len(scaled.smaller) == scaled.REMEMBERED


def test_one_pixel_is_enough_to_paint_and_none_is_not(content):
    selection = np.zeros((48, 64, 1), np.uint8)
    with pytest.raises(PictureError, match="Nothing of the content is left to paint."):
        canvas(content, selection=selection)
    selection[47, 63] = 255
    canvas(content, selection=selection)

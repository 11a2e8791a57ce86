"""What Photoshop saves: the merged picture is read, and what only its layers tell is told as such."""

from __future__ import annotations

import struct

import numpy as np
import picture_files
import pytest

from nst_engine.errors import PictureError
from nst_engine.files import reading

COLORS = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def read(folder, name, data):
    (folder / name).write_bytes(data)
    return reading.read(folder / name)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_photoshop_saves_for_others_is_read(tmp_path, channels):
    values = np.concatenate([COLORS, np.full((24, 32, 1), 128, np.uint8)], axis=2)[..., :channels]
    picture = read(tmp_path, "a.psd", picture_files.psd(values, names=["Transparency"]))
    assert np.array_equal(picture.pixels, values if channels > 1 else values.repeat(3, axis=2))
    assert picture.metadata.dpi == (300, 300)


@pytest.mark.parametrize(
    ("names", "layers", "is_alpha"),
    [
        (["Transparency", "sky"], b"", True),
        (["sky"], b"", False),
        ([], b"", False),
        ([], struct.pack(">Ih", 2, -1), True),
        ([], struct.pack(">Ih", 2, 1), False),
    ],
)
def test_a_selection_that_was_kept_in_a_psd_is_no_transparency(tmp_path, names, layers, is_alpha):
    values = np.dstack([COLORS, COLORS[..., 0]])
    picture = read(tmp_path, "a.psd", picture_files.psd(values, names, layers))
    assert np.array_equal(picture.pixels, values if is_alpha else COLORS)


def test_a_psd_that_is_not_read_is_told_as_what_it_is(tmp_path):
    with pytest.raises(PictureError, match="a PSD picture with 16 bits per channel, which is not read here"):
        read(tmp_path, "a.psd", picture_files.psd(COLORS.astype(np.uint16) * 257))
    with pytest.raises(PictureError, match="a PSD picture of layers alone"):
        read(tmp_path, "a.psd", picture_files.psd(np.full_like(COLORS, 255), is_merged=False))

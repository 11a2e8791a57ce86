"""Files that a full disk, a broken copy or an interrupted download left without their ends."""

from __future__ import annotations

import io

import numpy as np
import pytest
import pyvips
from PIL import Image

from nst_engine.files import reading

VALUES = np.random.default_rng(1).integers(0, 256, (64, 50), dtype=np.uint8)


def encoded(image_format, **options):
    file = io.BytesIO()
    Image.fromarray(VALUES).save(file, image_format, **options)
    return file.getvalue()


@pytest.mark.parametrize("interlace", [0, 1])
def test_a_gif_without_its_last_bytes_is_read_with_a_warning(tmp_path, interlace):
    data = encoded("GIF", interlace=interlace)
    (tmp_path / "a.gif").write_bytes(data[:-1])  # nothing of the picture is missing
    whole = reading.read(tmp_path / "a.gif")
    assert np.array_equal(whole.pixels[..., 0], VALUES)
    assert not whole.warnings
    for cut in (2, 300, 900):
        (tmp_path / "a.gif").write_bytes(data[:-cut])
        picture = reading.read(tmp_path / "a.gif")
        assert "is damaged (its end is missing" in picture.warnings[0]
        assert (picture.pixels[..., 0] == VALUES).mean() > 0.7


@pytest.mark.parametrize("image_format", ["BMP", "GIF", "WEBP", "PNG", "JPEG", "TIFF"])
def test_half_a_file_of_any_format_is_known_as_half(tmp_path, image_format):
    data = encoded(image_format)
    for size in (0, 1, 8, 40, len(data) // 2):
        (tmp_path / "a").write_bytes(data[:size])
        assert reading.is_half(tmp_path / "a"), size
    (tmp_path / "a").write_bytes(data)
    assert not reading.is_half(tmp_path / "a")


@pytest.mark.parametrize("compression", ["deflate", "lzw"])
@pytest.mark.parametrize("place", [0.2, 0.95])
def test_damaged_tiles_of_a_tiff_are_told_and_not_painted_black(tmp_path, compression, place):
    noise = np.random.default_rng(2).integers(0, 256, (256, 32, 3), dtype=np.uint8)
    image = pyvips.Image.new_from_array(noise, interpretation="srgb")
    data = bytearray(image.tiffsave_buffer(compression=compression, tile=True, tile_width=32, tile_height=16))
    (tmp_path / "a.tif").write_bytes(data)
    assert not reading.read(tmp_path / "a.tif").warnings
    start = int(len(data) * place)
    data[start : start + 50] = bytes(range(50))
    (tmp_path / "a.tif").write_bytes(data)
    assert reading.is_half(tmp_path / "a.tif")
    assert "is damaged" in (told := reading.read(tmp_path / "a.tif").warnings[0])
    assert "of its 256 rows are whole" in told

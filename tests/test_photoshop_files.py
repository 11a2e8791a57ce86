"""What Photoshop saves: the merged picture is read, and what only its layers tell is told as such."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import picture_files
import pytest

from nst_engine.errors import PictureError
from nst_engine.files import reading

COLORS = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)
HALF = np.full((24, 32, 1), 128, np.uint8)
BITMAP, PALETTE, CMYK, LAB = 0, 2, 4, 9
SOME_LAYERS, TRANSPARENT_LAYERS = struct.pack(">Ih", 2, 1), struct.pack(">Ih", 2, -1)


def read(folder, name, data):
    (folder / name).write_bytes(data)
    return reading.read(folder / name)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_photoshop_saves_for_others_is_read(tmp_path, channels, kind, packed, large):
    values = COLORS[..., :channels].astype(kind) * (257 if kind is np.uint16 else 1)
    values[3:] //= 2
    picture = read(tmp_path, "a.psb", picture_files.psd(values, packed=packed, large=large))
    assert np.array_equal(picture.pixels, values if channels > 1 else values.repeat(3, axis=2))
    assert (picture.depth, picture.metadata.dpi, picture.warnings) == (8 * values.itemsize, (300, 300), ())


def test_fractions_of_photoshops_are_in_proportion_to_the_light(tmp_path):
    light = COLORS.astype(np.float32) / 255 * 1.5
    picture = read(tmp_path, "a.psd", picture_files.psd(light))
    shown = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).clip(0, 1)
    assert np.abs(picture.pixels / 65535 - shown).max() < 0.004
    assert "has numbers beyond 1" in picture.warnings[0]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_what_is_half_transparent_is_no_longer_mixed_with_the_white_below_it(tmp_path, kind):
    most = np.iinfo(kind).max
    wanted = np.dstack([COLORS, HALF]).astype(kind) * (most // 255)
    shown = wanted[..., :3] * 0.5 + most * 0.5
    picture = read(
        tmp_path, "a.psd", picture_files.psd(np.dstack([shown.astype(kind), wanted[..., 3]]), ["Transparency"])
    )
    assert np.abs(picture.pixels.astype(float) - wanted).max() <= most * 0.006


@pytest.mark.parametrize(
    ("names", "layers", "is_alpha"),
    [
        (["Transparency", "sky"], b"", True),
        (["sky"], b"", False),
        ([], b"", False),
        ([], TRANSPARENT_LAYERS, True),
        ([], SOME_LAYERS, False),
        (["\u900f\u660e\u90e8\u5206"], bytes(8) + b"8BIMMt16" + bytes(4), True),
    ],
)
def test_a_selection_that_was_kept_in_a_psd_is_no_transparency(tmp_path, names, layers, is_alpha):
    picture = read(tmp_path, "a.psd", picture_files.psd(np.dstack([COLORS, COLORS[..., 0]]), names, layers))
    assert picture.pixels.shape[2] == (4 if is_alpha else 3)
    assert is_alpha or np.array_equal(picture.pixels, COLORS)


def test_every_color_model_of_photoshops_is_read(tmp_path):
    palette = bytes(range(255, -1, -1)) + bytes(256) + bytes(range(256))
    index = COLORS[..., :1]
    picture = read(tmp_path, "a.psd", picture_files.psd(index, model=PALETTE, palette=palette))
    assert np.array_equal(picture.pixels, np.dstack([255 - index, np.zeros_like(index), index]))
    bits = np.packbits(index >= 128, axis=1)
    picture = read(tmp_path, "a.psd", picture_files.psd(bits, model=BITMAP, width=32))
    assert np.array_equal(picture.pixels[..., :1], np.where(index >= 128, 0, 255))
    ink = np.dstack([COLORS, COLORS[..., 0]])
    picture = read(tmp_path, "a.psd", picture_files.psd(ink, model=CMYK))
    (tmp_path / "a.tif").write_bytes(picture_files.tiff(255 - ink, photometric=5))
    assert np.array_equal(picture.pixels, reading.read(tmp_path / "a.tif").pixels)
    lab = np.zeros((24, 32, 3), np.uint8) + np.array([255, 128, 128], np.uint8)
    assert read(tmp_path, "a.psd", picture_files.psd(lab, model=LAB)).pixels.min() >= 254


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("step", [0, 1])
def test_an_indexed_psd_keeps_its_colors_and_what_is_transparent_in_it(tmp_path, step, packed):
    palette = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1) + step * np.array([0, 60, 120], np.uint8)
    alpha = np.full((24, 32), 255, np.uint8)
    alpha[:, :9] = 0
    planes = np.dstack([COLORS[..., 0], alpha])
    data = picture_files.psd(planes, (), TRANSPARENT_LAYERS, packed=packed, model=PALETTE, palette=palette.T.tobytes())
    picture = read(tmp_path, "a.psd", data)
    assert np.array_equal(picture.pixels, np.dstack([palette[COLORS[..., 0]], alpha]))
    data = picture_files.psd(planes, ["sky"], packed=packed, model=PALETTE, palette=palette.T.tobytes())
    assert np.array_equal(read(tmp_path, "b.psd", data).pixels, palette[COLORS[..., 0]])


def test_a_psd_without_its_palette_is_told_as_that(tmp_path):
    with pytest.raises(PictureError, match="its table of colors is damaged"):
        read(tmp_path, "a.psd", picture_files.psd(COLORS[..., :1], model=PALETTE, palette=bytes(9)))


def test_a_psd_of_a_few_bytes_that_claims_many_rows_takes_no_memory(tmp_path):
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 56, 300_000, 1, 8, 1) + bytes(14)
    (tmp_path / "a.psd").write_bytes(head)
    tracemalloc.start()
    assert reading.size(tmp_path / "a.psd") == (300_000, 1)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 30e6


def test_of_a_psd_without_its_end_what_is_there_is_read(tmp_path):
    data = picture_files.psd(COLORS[..., :1], packed=True)
    picture = read(tmp_path, "a.psd", data[:-60])
    assert "its end is missing" in picture.warnings[0]
    assert np.array_equal(picture.pixels[:20, :, :1], COLORS[:20, :, :1])
    table = len(picture_files.psd(COLORS[..., :1])) - COLORS[..., 0].size
    with pytest.raises(PictureError, match="it ends before its pixels"):
        read(tmp_path, "a.psd", data[: table + 10])


def test_a_psd_that_is_not_read_is_told_as_what_it_is(tmp_path):
    with pytest.raises(PictureError, match="a PSD picture with 32 bits per channel, which is not read here"):
        read(tmp_path, "a.psd", picture_files.psd(COLORS.astype(np.float32), model=LAB))
    with pytest.raises(PictureError, match="a PSD picture of layers alone"):
        read(tmp_path, "a.psd", picture_files.psd(np.full_like(COLORS, 255), is_merged=False))
    with pytest.raises(PictureError, match="a PSD picture of an unusual color model"):
        read(tmp_path, "a.psd", picture_files.psd(COLORS, model=7))

"""TIFF files of other numbers than 8 or 16 bits from 0: floating ones, with a sign, of 32 bits, of less than a byte."""

from __future__ import annotations

import numpy as np
import picture_files
import pytest

from nst_engine.errors import PictureError
from nst_engine.files import profiles, reading

FLOATING = {"f2": 16, "f4": 32, "f8": 64}
SIGNED = {"i1": 8, "i2": 16, "i4": 32}
UNSIGNED = {"u4": 32}
KINDS = {**dict.fromkeys(UNSIGNED, 1), **dict.fromkeys(SIGNED, 2), **dict.fromkeys(FLOATING, 3)}
"""NumPy's name of a kind of numbers → how TIFF calls it."""

ICC_PROFILE = 0x8773


def in_numbers(fractions, dtype):
    """Fractions as such numbers: from the least to the largest where these are whole."""
    if dtype in FLOATING:
        return fractions.astype(dtype)
    most = np.iinfo(dtype)
    return np.rint(fractions * (int(most.max) - int(most.min)) + int(most.min)).clip(most.min, most.max).astype(dtype)


def tiff(fractions, dtype, **options):
    return picture_files.tiff(in_numbers(fractions, dtype), sample_format=KINDS[dtype], **options)


def read(folder, data):
    (folder / "a.tif").write_bytes(data)
    return reading.read(folder / "a.tif")


def visible(picture):
    return picture.pixels / np.iinfo(picture.pixels.dtype).max


@pytest.fixture
def ramp():
    """24×32×4 fractions, with alpha."""
    y, x = np.mgrid[:24, :32]
    return np.stack([x / 31, y / 23, 1 - x / 31, 1 - y / 46], axis=2)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", KINDS)
def test_numbers_of_all_kinds_are_the_same_picture(tmp_path, ramp, dtype, channels, planes, order):
    picture = read(tmp_path, tiff(ramp[..., :channels], dtype, planes=planes, order=order))
    assert picture.depth == (8 if dtype == "i1" else 16)
    assert visible(picture) == pytest.approx(ramp[..., [0, 0, 0] if channels == 1 else range(channels)], abs=0.003)
    assert picture.warnings == ()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("channels", "model"), [(2, 1), (3, 2), (4, 2)])
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_channels_of_less_than_a_byte_are_read_from_where_they_lie_side_by_side(tmp_path, bits, channels, model, order):
    most = 2**bits - 1
    values = np.random.default_rng(bits).integers(0, most + 1, (9, 11, channels)).astype(np.uint8)
    every_bit = np.unpackbits(values.reshape(9, -1, 1), axis=2)[..., 8 - bits :]
    packed = np.packbits(every_bit.reshape(9, -1), axis=1)[..., None]
    fields = {0x0100: (4, [11]), 0x0102: (3, [bits] * channels), 0x0115: (3, [channels]), 0x0152: (3, [2])}
    if channels == 3:
        del fields[0x0152]
    data = picture_files.tiff(packed, order, model, fields=fields | {0x0153: (3, [1] * channels)})
    picture = read(tmp_path, data)
    shown = [0, 0, 0, 1] if model == 1 else range(channels)
    assert np.array_equal(picture.pixels, values[..., shown] * (255 // most))


@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("dtype", KINDS)
def test_gray_that_counts_from_white_is_no_negative(tmp_path, ramp, dtype, channels, planes):
    picture = read(tmp_path, tiff(ramp[..., :channels], dtype, photometric=0, planes=planes))
    assert visible(picture)[..., :3] == pytest.approx(1 - ramp[..., [0, 0, 0]], abs=0.003)
    assert visible(picture)[..., 3:] == pytest.approx(ramp[..., 1:channels], abs=0.003)
    assert picture.warnings == ()


def test_what_is_beyond_white_where_gray_counts_from_it_is_said(tmp_path, ramp):
    (told,) = read(tmp_path, tiff(ramp[..., :1] - 0.5, "f4", photometric=0)).warnings
    assert "has numbers beyond 1 in 50% of its colors" in told


def test_what_is_beyond_white_or_no_number_is_cut_off_and_said(tmp_path, ramp):
    colors = 2 * ramp[..., :3] - 0.5
    colors[3, 4], colors[5, 6], colors[7, 8] = np.nan, np.inf, -np.inf
    picture = read(tmp_path, tiff(colors, "f4"))
    assert visible(picture) == pytest.approx(np.nan_to_num(colors).clip(0, 1), abs=1e-4)
    (told,) = picture.warnings
    assert "has numbers beyond 1 in 25% of its colors" in told


def test_linear_fractions_with_their_profile_are_read_as_gimp_exports_them(tmp_path, ramp):
    fields = {ICC_PROFILE: (7, profiles.of_gamma(1.0, None))}
    picture = read(tmp_path, tiff(ramp[..., :3] ** 2, "f4", fields=fields))
    expected = np.where(ramp**2 <= 0.0031308, ramp**2 * 12.92, 1.055 * ramp ** (2 / 2.4) - 0.055)
    assert visible(picture) == pytest.approx(expected[..., :3], abs=0.004)


@pytest.mark.parametrize("dtype", FLOATING)
def test_fractions_are_turned_upright_and_freed_of_their_alpha(tmp_path, ramp, dtype):
    associated = np.concatenate([ramp[..., :3] * ramp[..., 3:], ramp[..., 3:]], axis=2)
    picture = read(tmp_path, tiff(associated, dtype, alpha=1, fields={0x0112: (3, [6])}))
    assert visible(picture) == pytest.approx(np.rot90(ramp, -1), abs=0.003)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (np.ones((20, 30, 3)), {"sample_format": 3, "fields": {0x013D: (3, [3])}}),
        (np.ones((20, 30, 3), np.uint8), {"sample_format": 3}),
        (np.ones((20, 30, 3), np.complex64), {"sample_format": 6}),
        (np.ones((20, 30, 4), np.float32), {"sample_format": 3, "photometric": 5}),
        (np.ones((20, 30, 3), np.float32), {"sample_format": 3, "photometric": 8}),
        (np.ones((20, 30, 3), np.uint8), {"fields": {0x0102: (3, [5] * 3)}}),
        (np.ones((20, 30, 3), np.uint8), {"fields": {0x0102: (3, [4] * 3)}, "photometric": 8}),
    ],
    ids=["64 bits in differences", "8 bits floating", "complex", "CMYK", "CIELAB", "5 bits", "CIELAB in 4 bits"],
)
def test_numbers_that_nobody_knows_the_colors_of_are_refused_in_a_sentence(tmp_path, values, options):
    with pytest.raises(PictureError, match="its channels are not numbers of 8, 16 or 32 bits"):
        read(tmp_path, picture_files.tiff(values, **options))

"""Colors that files explain badly, or in places where few look: profiles, cameras' notes, bits that do not count."""

from __future__ import annotations

import io
import struct

import numpy as np
import picture_files
import pytest
import pyvips
from PIL import Image, ImageCms

from nst_engine.files import reading

LEVELS = np.arange(24 * 32, dtype=np.uint8).reshape(24, 32, 1)
MODELS = {1: (1, "L"), 3: (2, "RGB"), 4: (5, "CMYK")}
"""Channels → how TIFF numbers the color model, and how Pillow calls it."""

ICC_PROFILE = 0x8773


def levels(channels):
    """24×32×channels values of 8 bits, each channel with other ones."""
    return np.concatenate([LEVELS * (3 + 2 * channel) for channel in range(channels)], axis=2)


def read_tiff(folder, values, profile=b"", fields=None):
    more = {**({ICC_PROFILE: (7, profile)} if profile else {}), **(fields or {})}
    photometric = MODELS[values.shape[2]][0]
    (folder / "a.tif").write_bytes(picture_files.tiff(values, photometric=photometric, alpha=None, fields=more))
    return reading.read(folder / "a.tif")


def profile_of(space):
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()


def libvips_profile(name):
    return bytes(pyvips.Operation.call("profile_load", name))


@pytest.mark.parametrize("depth", [8, 16])
def test_a_profile_by_tables_to_cielab_counts_as_littlecms_has_it(tmp_path, depth):
    profile, values = libvips_profile("cmyk"), levels(4)
    assert profile[16:24] == b"CMYKLab "
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        "CMYK",
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    expected = np.asarray(ImageCms.applyTransform(Image.fromarray(values, "CMYK"), transform))
    picture = read_tiff(tmp_path, values if depth == 8 else values.astype(np.uint16) * 257, profile)
    found = picture.pixels / np.iinfo(picture.pixels.dtype).max * 255
    assert np.abs(found - expected).max() <= 1
    assert picture.warnings == ()


SRGB = profile_of("sRGB")


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("channels", "profile"),
    [
        *((channels, SRGB[:300]) for channels in MODELS),
        *((channels, b"no profile" * 50) for channels in MODELS),
        (4, SRGB),
        (1, libvips_profile("cmyk")),
        (3, libvips_profile("cmyk")),
        (3, SRGB.replace(b"RGB ", b"GRAY", 1)),
        (3, profile_of("LAB")),
        (3, profile_of("XYZ")),
    ],
)
def test_a_profile_that_does_not_fit_is_as_none_and_that_is_said(tmp_path, channels, profile, depth):
    values = levels(channels) if depth == 8 else levels(channels).astype(np.uint16) * 257
    without = read_tiff(tmp_path, values)
    picture = read_tiff(tmp_path, values, profile)
    assert np.array_equal(picture.pixels, without.pixels)
    assert [warning[-len("cannot be used.") :] for warning in picture.warnings] == ["cannot be used."]


def adobe_rgb(space, rules):
    """What a camera writes into EXIF in place of a profile."""
    return {0x8769: {0xA001: (3, [space]), 0xA005: {1: (2, rules)}}}


@pytest.mark.parametrize("kind", picture_files.KINDS)
@pytest.mark.parametrize(
    ("space", "rules", "is_adobe"),
    [(0xFFFF, b"R03\0", True), (2, b"R98\0", True), (1, b"R03\0", False), (0xFFFF, b"R98\0", False)],
)
def test_adobe_rgb_by_a_camera_s_word_counts_as_its_profile_would(tmp_path, kind, space, rules, is_adobe):
    values = np.zeros((32, 32, 3), np.uint8) + np.array([90, 180, 60], np.uint8)
    path = tmp_path / f"a.{picture_files.ending(kind)}"
    path.write_bytes(picture_files.camera_file(kind, values, fields=adobe_rgb(space, rules)))
    found = reading.load(path)[8, 8, :3]
    linear = (values[8, 8] / 255) ** (563 / 256) @ np.array(
        [[1.3984, 0, 0], [-0.3984, 1, -0.0429], [0, 0, 1.0429]]  # from Adobe's primaries to sRGB's
    )
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)
    expected = encoded.clip(0, 1) if is_adobe else values[8, 8] / 255
    assert found == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize("chunk", [{"sRGB": b"\0"}, {"cICP": bytes((1, 13, 0, 1))}])
def test_of_a_png_s_own_word_and_a_camera_s_the_png_s_counts(tmp_path, chunk):
    exif = picture_files.exif(fields=adobe_rgb(0xFFFF, b"R03\0"))
    (tmp_path / "a.png").write_bytes(picture_files.png(levels(3), exif, **chunk))
    assert np.array_equal(reading.read(tmp_path / "a.png").pixels, levels(3))


def test_of_a_profile_and_a_camera_s_word_the_profile_counts(tmp_path):
    fields = {ICC_PROFILE: (7, SRGB), **adobe_rgb(0xFFFF, b"R03\0")}
    assert np.abs(read_tiff(tmp_path, levels(3), fields=fields).pixels.astype(int) - levels(3)).max() <= 1


@pytest.mark.parametrize(
    ("numbers", "name"), [((1, 13), "srgb"), ((12, 13), "p3"), ((2, 2), "srgb"), ((99, 99), "srgb")]
)
def test_numbers_in_place_of_a_profile_count_in_an_avif(tmp_path, numbers, name):
    values = np.zeros((64, 64, 3), np.uint8) + np.array([60, 180, 90], np.uint8)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "AVIF", quality=100, subsampling="4:4:4")
    box = b"colrnclx" + struct.pack(">HH", 1, 13)
    assert box in file.getvalue()
    (tmp_path / "a.avif").write_bytes(file.getvalue().replace(box, b"colrnclx" + struct.pack(">HH", *numbers)))
    expected = read_tiff(tmp_path, values, libvips_profile(name)).pixels
    assert np.abs(reading.read(tmp_path / "a.avif").pixels.astype(int) - expected).max() <= 3


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_says_how_many_of_its_16_bits_count(tmp_path, channels, bits):
    white = (1 << bits) - 1
    values = np.rint(levels(channels) / 255 * white).astype(np.uint16)
    picture = read_tiff(tmp_path, values, fields={0x0119: (3, [white] * channels)})
    assert np.abs(picture.pixels / 257 - levels(channels)).max() < 0.5
    assert picture.warnings == ()


def test_the_largest_value_that_happens_to_be_there_is_not_white(tmp_path):
    values = levels(3).astype(np.uint16) * 100
    assert np.array_equal(read_tiff(tmp_path, values, fields={0x0119: (3, [25500] * 3)}).pixels, values)


@pytest.mark.parametrize("make", [picture_files.png, picture_files.tiff])
def test_bits_that_were_not_scaled_up_are_read_as_they_are_and_that_is_said(tmp_path, make):
    values = levels(3).astype(np.uint16) * 16
    (tmp_path / "a").write_bytes(make(values))
    picture = reading.read(tmp_path / "a")
    assert np.array_equal(picture.pixels, values)
    assert any("is nearly black: its largest value is 4080 of 65535" in warning for warning in picture.warnings)
    (tmp_path / "a").write_bytes(make(values * 2))
    assert not reading.read(tmp_path / "a").warnings


@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_without_a_color_model_has_the_usual_one_and_that_is_said(tmp_path, channels):
    data = bytearray(picture_files.tiff(values := levels(channels), alpha=None))
    entry = data.rindex(struct.pack("<HHI", 0x0106, 3, 1))
    data[entry : entry + 2] = struct.pack("<H", 0x0107)  # another field, of which nobody hears
    (tmp_path / "a.tif").write_bytes(data)
    picture = reading.read(tmp_path / "a.tif")
    assert np.array_equal(picture.pixels, values if channels == 3 else values.repeat(3, axis=2))
    assert "does not say what its numbers mean" in picture.warnings[0]


def test_a_fax_without_a_color_model_counts_from_white(tmp_path):
    bits = Image.fromarray(LEVELS[..., 0] > 128)
    bits.save(tmp_path / "a.tif", compression="group4", tiffinfo={0x0106: 0})
    whole = reading.read(tmp_path / "a.tif").pixels
    data = bytearray((tmp_path / "a.tif").read_bytes())
    entry = data.rindex(struct.pack("<HHI", 0x0106, 3, 1))
    data[entry : entry + 2] = struct.pack("<H", 0x0107)
    (tmp_path / "a.tif").write_bytes(data)
    assert np.array_equal(reading.read(tmp_path / "a.tif").pixels, whole)


@pytest.mark.parametrize("start", [0, 1 << 20])
@pytest.mark.parametrize(("meanings", "seen"), [([0], [0, 1, 2]), ([0, 2], [0, 1, 2, 4])])
def test_of_channels_that_lie_apart_those_that_nobody_looks_at_may_be_missing(tmp_path, meanings, seen, start):
    values = levels(3 + len(meanings))
    starts, sizes = ([8 + channel * LEVELS.size for channel in range(5)], [LEVELS.size] * 5)
    starts[3], sizes[3] = start, start
    many = values.shape[2]
    fields = {0x0111: (4, starts[:many]), 0x0117: (4, sizes[:many]), 0x0152: (3, meanings)}
    (tmp_path / "a.tif").write_bytes(picture_files.tiff(values, planes=True, alpha=None, fields=fields))
    picture = reading.read(tmp_path / "a.tif")
    assert np.array_equal(picture.pixels, values[..., seen])
    assert "is damaged" not in "".join(picture.warnings)

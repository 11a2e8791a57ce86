"""Files of every kind that people have."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from nst_engine import images
from nst_engine.errors import PictureError

RED = (1.0, 0.0, 0.0, 1.0)


def write(path, image, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
def test_what_is_saved_is_loaded(tmp_path, content, name):
    images.save(tmp_path / name, content)
    tolerance = 0.1 if name.endswith(("jpg", "webp")) else 0.5 / 255
    assert np.abs(images.load(tmp_path / name) - content).mean() < tolerance


def test_alpha_survives_where_the_format_has_it(tmp_path, content):
    content[:20, :, 3] = 0.25
    images.save(tmp_path / "a.png", content)
    images.save(tmp_path / "a.jpg", content)
    assert images.load(tmp_path / "a.png")[..., 3] == pytest.approx(content[..., 3], abs=0.003)
    assert images.load(tmp_path / "a.jpg")[..., 3].min() == 1


@pytest.mark.parametrize(
    ("mode", "color"), [("RGB", (255, 0, 0)), ("RGBA", (255, 0, 0, 255)), ("CMYK", (0, 255, 255, 0)), ("P", 0)]
)
def test_color_modes(tmp_path, mode, color):
    image = Image.new(mode, (20, 20), color)
    if mode == "P":
        image.putpalette([255, 0, 0])
    path = write(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"), image)
    assert images.load(path)[5, 5] == pytest.approx(RED, abs=0.02)


@pytest.mark.parametrize(("mode", "gray"), [("L", 128), ("1", 1), ("LA", (128, 128)), ("I;16", 32896)])
def test_gray_modes(tmp_path, mode, gray):
    pixel = images.load(write(tmp_path / "a.png", Image.new(mode, (20, 20), gray)))[5, 5]
    expected = 1.0 if mode == "1" else 0.502
    assert pixel == pytest.approx((expected, expected, expected, 0.502 if mode == "LA" else 1), abs=0.003)


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    path = write(tmp_path / "a.jpg", Image.new("RGB", (30, 20)), exif=exif)
    assert images.load(path).shape == (30, 20, 4)


def test_icc_profile_is_honored(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)
    path = write(tmp_path / "a.png", Image.new("RGB", (20, 20), (0, 255, 0)), icc_profile=swapped)
    assert images.load(path)[5, 5] == pytest.approx(RED, abs=0.02)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(None, "There is no file"), (b"not a picture", "is not a picture"), (b"", "is not a picture")],
    ids=["missing", "text", "empty"],
)
def test_what_is_no_picture_is_refused_in_a_sentence(tmp_path, data, sentence):
    path = tmp_path / "a.png"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(PictureError, match=sentence):
        images.load(path)


def test_a_damaged_picture_is_refused_in_a_sentence(tmp_path, content):
    images.save(tmp_path / "a.png", content)
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:500])
    with pytest.raises(PictureError, match="cannot be read"):
        images.load(tmp_path / "b.png")


def test_nothing_is_overwritten_unasked(tmp_path, content):
    images.save(tmp_path / "a.png", content)
    with pytest.raises(PictureError, match="exists already"):
        images.save(tmp_path / "a.png", content)
    images.save(tmp_path / "a.png", content, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("name", "sentence"), [("a.xyz", "names no picture format"), ("no/a.png", "There is no folder")]
)
def test_an_impossible_output_is_refused_in_a_sentence(tmp_path, content, name, sentence):
    with pytest.raises(PictureError, match=sentence):
        images.save(tmp_path / name, content)

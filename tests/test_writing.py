"""Pictures as files: what is written, and what is never overwritten."""

from __future__ import annotations

import io
import os
import struct

import numpy as np
import pytest
from picture_files import KINDS, bits, ending
from PIL import Image, ImageCms

from nst_engine.errors import PictureError
from nst_engine.files import reading, writing
from nst_engine.files.contents import NOTHING


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG", "a.tif", "a.tiff", "a.webp"])
def test_what_is_saved_is_loaded(tmp_path, content, name):
    writing.save(tmp_path / name, content)
    tolerance = 0.1 if name.lower().endswith(("jpg", "jpeg", "webp")) else 0.5 / 255
    assert np.abs(reading.load(tmp_path / name) - content).mean() < tolerance


def test_alpha_survives_where_the_format_has_it(tmp_path, content):
    content[:20, :, 3] = 0.25
    writing.save(tmp_path / "a.png", content)
    writing.save(tmp_path / "a.jpg", content)
    assert reading.load(tmp_path / "a.png")[..., 3] == pytest.approx(content[..., 3], abs=0.003)
    assert reading.load(tmp_path / "a.jpg")[..., 3].min() == 1


@pytest.mark.parametrize("kind", ["png16", "tif16"])
def test_sixteen_bits_are_written_and_read_again(tmp_path, fine, kind):
    path = tmp_path / f"a.{ending(kind)}"
    writing.save(path, fine.astype(np.float32) / 65535, depth=16)
    assert np.rint(reading.load(path) * 65535).astype(int).tolist() == fine.tolist()
    with Image.open(path) as image:
        depths = [path.read_bytes()[24]] * 4 if kind == "png16" else list(image.tag_v2[0x0102])
    assert depths == [16] * 4


@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
def test_formats_without_sixteen_bits_are_written_in_eight(tmp_path, content, name):
    writing.save(tmp_path / name, content, depth=16)
    assert reading.read(tmp_path / name).depth == 8
    assert np.abs(reading.load(tmp_path / name) - content).mean() < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_says_that_it_is_srgb(tmp_path, content, kind):
    path = tmp_path / f"a.{ending(kind)}"
    writing.save(path, content, depth=bits(kind))
    with Image.open(path) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
        assert image.mode == "RGB"  # nothing is transparent


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_picture_makes_the_same_file(tmp_path, content, kind, monkeypatch):
    path = tmp_path / f"a.{ending(kind)}"
    writing.save(path, content, depth=bits(kind))
    first = path.read_bytes()
    writing._srgb_profile.cache_clear()
    moment = struct.pack(">6H", 1999, 9, 9, 9, 9, 9)
    to_bytes = ImageCms.ImageCmsProfile.tobytes
    monkeypatch.setattr(
        ImageCms.ImageCmsProfile, "tobytes", lambda self: to_bytes(self)[:24] + moment + to_bytes(self)[36:]
    )
    writing.save(path, content, depth=bits(kind), force=True)
    assert path.read_bytes() == first


def test_nothing_is_overwritten_unasked(tmp_path, content):
    writing.save(tmp_path / "a.png", content)
    with pytest.raises(PictureError, match="exists already"):
        writing.save(tmp_path / "a.png", content)
    writing.save(tmp_path / "a.png", content, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("name", "sentence"), [("a.xyz", "names no picture format"), ("no/a.png", "There is no folder")]
)
def test_an_impossible_output_is_refused_in_a_sentence(tmp_path, content, name, sentence):
    with pytest.raises(PictureError, match=sentence):
        writing.save(tmp_path / name, content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, content, kind, full_disk):
    path = tmp_path / f"a.{ending(kind)}"
    path.write_bytes(b"old")
    with full_disk(1000), pytest.raises(PictureError, match="cannot be written"):
        writing.save(path, content, force=True, depth=bits(kind))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"old"


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(PictureError, match="Nothing can be written to the folder"):
        writing.check_output(tmp_path / "a.png", force=False)


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(PictureError, match="is a folder"):
        writing.check_output(tmp_path / "a.png", force=True)


def test_a_picture_too_long_for_its_format_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(PictureError, match="cannot be written"):
        writing.save(tmp_path / "a.webp", np.ones((1, 20000, 4), np.float32))
    assert not list(tmp_path.iterdir())


def test_permissions_are_those_of_any_new_file(tmp_path, content):
    writing.save(tmp_path / "a.png", content)
    (tmp_path / "b").touch()
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize("name", ["a.webp", "a.jpg"])
def test_what_an_encoder_refuses_in_the_end_is_kept_as_a_png(tmp_path, name):
    picture = np.full((1, 70_000, 4), 0.5, np.float32)
    with pytest.raises(PictureError, match="cannot be written .*; what was made is kept as .*png") as error:
        writing.deliver(tmp_path / name, picture, False, 8, NOTHING, writing.WHITE)
    (kept,) = tmp_path.iterdir()
    assert str(kept) in str(error.value)
    assert reading.load(kept).shape == picture.shape


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [3, 4])
def test_numbers_of_any_kind_are_written(tmp_path, dtype, channels):
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    values = (np.linspace(0.1, 1, 600 * 8 * channels).reshape(600, 8, channels) * white).astype(dtype)
    writing.save(tmp_path / "a.png", values, depth=16)
    expected = writing.fractions(values)
    assert np.abs(reading.load(tmp_path / "a.png")[..., :channels] - expected).max() < 1e-4

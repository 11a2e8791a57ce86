"""What commands write: where, and what not."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from command_line import Done, engine, here
from PIL import Image
from test_places_on_linux import kept, tiny_disk  # noqa: F401 - a fixture

from nst_engine.files import reading, writing


@pytest.fixture
def place(tmp_path, content, style, monkeypatch) -> Path:
    """The working folder: pictures to read, and nothing else."""
    for name, picture in (("content.png", content), ("style.png", style), ("left.png", content)):
        writing.save(tmp_path / name, picture)
    monkeypatch.chdir(tmp_path)
    return tmp_path


QUICK = ("--quality", "draft", "--iterations", 1, "--size", 32)
STYLIZE = ("stylize", "--content", "content.png", "--style", "style.png", *QUICK)


def stylize(*arguments: object) -> Done:
    return here(*STYLIZE, *arguments)


@pytest.mark.parametrize(
    "report", ["content.png", "./STYLE.png", "left.png", "output.png", "link.json", "notes.json", "."]
)
def test_a_report_replaces_nothing_unasked(place, report):
    (place / "link.json").symlink_to("content.png")
    (place / "notes.json").write_text("precious")
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    done = stylize("--output", "output.png", "--protect", "left.png", "--report", report)
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR ")
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


@pytest.mark.parametrize("report", ["content.png", "style.png", "output.png"])
def test_a_report_never_replaces_a_picture_of_its_own_job(place, report):
    before = (place / "content.png").read_bytes(), (place / "style.png").read_bytes()
    assert "are the same file" in stylize("--output", "output.png", "--report", report, "--force").stderr
    assert ((place / "content.png").read_bytes(), (place / "style.png").read_bytes()) == before


def test_a_report_goes_through_a_pipe_or_replaces_if_asked(place):
    done = engine(*STYLIZE, "--output", "a.png", "--report", "/dev/stdout")
    assert json.loads(done.stdout)["options"]["iterations"] == 1
    (place / "r.json").write_text("old")
    assert stylize("--output", "b.png", "--report", "r.json", "--force").returncode == 0
    assert json.loads((place / "r.json").read_text())["options"]["iterations"] == 1


@pytest.mark.parametrize("ending", ["webp", "jpg"])
def test_a_picture_too_long_for_its_format_is_refused_before_the_work(place, ending):
    writing.save(place / "long.png", np.full((17, 65600, 4), 0.5, np.float32))
    done = stylize("--content", "long.png", "--output", f"a.{ending}")
    assert f"ERROR a.{ending} cannot be written: " in done.stderr
    assert "has no room for 65600×17 pixels" in done.stderr


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "/proc/a.png", "content.png/a.png"])
def test_an_output_that_cannot_be_is_refused_before_the_work(place, name):
    done = stylize("--content", "missing.png", "--output", name)  # were it read, that would be the complaint
    assert done.returncode == 1
    assert "missing.png" not in done.stderr


def test_a_result_goes_through_a_link(place):
    (place / "link.png").symlink_to("far.png")
    assert "exists already" in stylize("--output", "link.png").stderr
    assert stylize("--output", "link.png", "--force").returncode == 0
    assert (place / "link.png").is_symlink()
    assert reading.load(place / "far.png").shape == (48, 64, 4)


def test_a_picture_that_no_longer_fits_its_disk_is_kept_elsewhere(place, content, tiny_disk, monkeypatch):  # noqa: F811
    monkeypatch.setenv("HOME", str(place))
    content[..., 3] = np.random.default_rng(1).random((48, 64))
    writing.save("content.png", content, force=True, depth=16)
    (tiny_disk / "more").write_bytes(bytes(36_000))
    done = stylize("--output", tiny_disk / "a.tif", "--depth", 16, "--report", place / "report.json")
    assert done.returncode == 1
    assert json.loads((place / "report.json").read_text())["history"]
    assert "cannot be written (No space left on device); what was made is kept as" in done.stderr
    found = kept(done.stderr.splitlines()[0].removesuffix("."))
    assert reading.load(found).shape == (48, 64, 4)
    assert found.parent == place
    assert sorted(path.name for path in tiny_disk.iterdir()) == ["filling", "more"]


@pytest.mark.parametrize("command", ["stylize", "nst", "batch"])
def test_a_disk_that_fills_leaves_nothing_half(place, command, monkeypatch, full_disk):
    (place / "photos").mkdir()
    (place / "content.png").rename(place / "photos" / "content.png")
    lines = {
        "stylize": ["--content", "photos/content.png", "--style", "style.png", "--output", "a.png", *QUICK],
        "nst": ["-c", "photos/content.png", "-s", "style.png", "-r", "a.png", "-n", "1"],
        "batch": ["photos", "--style", "style.png", "--output", ".", *QUICK],
    }
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    before = sorted(place.iterdir())
    with full_disk(3000):
        done = here(command, *lines[command])
    assert done.returncode == 1
    known_before = command == "nst"  # which enlarges the picture, so that it surely does not fit
    assert ("Raise the limit (ulimit -f)." if known_before else "File too large") in done.stderr
    assert sorted(place.iterdir()) == before


@pytest.mark.parametrize("name", ["a8.png", "a16.png", "a8.tif", "a16.tif", "a.webp", "a.jpg"])
def test_what_was_erased_is_not_in_the_result(place, content, name):
    values = writing.to_bytes(content)
    values[:24] = (255, 0, 255, 0)
    Image.fromarray(values).save("content.png")
    done = stylize("--output", name, "--depth", 16 if "16" in name else 8, "--background", "#00ff00")
    assert done.returncode == 0, done.stderr
    with Image.open(name) as image:
        colors = np.asarray(image.convert("RGB"))[:22].reshape(-1, 3)
    assert np.abs(colors - (0.0, 255.0, 0.0)).max() < 30


def test_the_classic_script_does_not_see_what_was_erased(place, content):
    values = writing.to_bytes(content)
    values[:24] = (255, 0, 255, 0)
    Image.fromarray(values).save("content.png")
    arguments = ["-c", "content.png", "-s", "style.png", "-r", "a.png", "-n", "1", "-l", "0.001"]
    assert here("nst", *arguments).returncode == 0
    assert reading.load("a.png")[:180, ..., 1].min() > 0.9


def test_an_unknown_background_is_refused(place):
    assert "invalid color value: 'nothing'" in stylize("--output", "a.jpg", "--background", "nothing").stderr

"""Paintings by name: what comes with the engine, what a user adds, and how commands speak of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from command_line import here
from PIL import Image

from nst_engine import cli, paintings
from nst_engine.errors import PictureError
from nst_engine.files import reading, writing
from nst_engine.files.formats import READ_ENDINGS
from nst_engine.network import library

sys.path.insert(0, str(Path(__file__).parents[1] / "gimp_plugin/neural-style"))

from nst_plugin.shared import paintings as in_plug_in

SHIPPED_BYTES = 2 * 10**6


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch) -> Path:
    """The folder of the user's own paintings, which is not there yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert tmp_path in paintings.paintings_folder().parents
    return paintings.paintings_folder()


def test_a_dozen_paintings_come_along_in_little_room():
    files = sorted(paintings.SHIPPED.glob("*.jpg"))
    assert [path.stem for path in files] == sorted(painting.name for painting in paintings.listed())
    assert len(files) >= 12
    assert sum(path.stat().st_size for path in files) < SHIPPED_BYTES


@pytest.mark.parametrize("painting", paintings.listed(), ids=lambda painting: painting.name)
def test_a_shipped_painting_is_large_enough_and_its_source_is_told(painting):
    with Image.open(painting.path) as image:
        assert image.format == "JPEG"
        assert 768 <= max(image.size) <= 1024
    assert reading.read(painting.path).warnings == ()
    notice = (paintings.SHIPPED / "NOTICE").read_text(encoding="utf-8")
    assert f"\n{painting.path.name} " in notice


def test_paintings_lie_beside_the_networks(own):
    assert own.parent == library.networks_folder().parent


def test_own_paintings_come_after_the_shipped_ones_whose_names_stay_theirs(own, style):
    own.mkdir(parents=True)
    for name in ("waves.png", "scream.png", ".hidden.png"):
        writing.save(own / name, style)
    (own / "notes.txt").write_text("no picture")
    names = [painting.name for painting in paintings.listed()]
    assert names[-1] == "waves"
    assert len(names) == len(set(names))
    assert paintings.find("waves").path == own / "waves.png"
    assert paintings.find("scream").path.parent == paintings.SHIPPED


@pytest.mark.posix
def test_what_is_no_file_is_no_painting_and_its_name_is_not_given_again(own):
    own.mkdir(parents=True)
    (own / "folder.png").mkdir()
    os.mkfifo(own / "pipe.png")  # whoever opened it would wait for ever
    (own / "lost.png").symlink_to("nowhere.png")
    shipped = len(list(paintings.SHIPPED.glob("*.jpg")))
    assert len(paintings.listed()) == shipped
    assert in_plug_in.listed("", str(own)) == []
    assert in_plug_in.free_path("folder", ".png", str(own)) == str(own / "folder 2.png")
    assert in_plug_in.free_path("lost", ".png", str(own)) == str(own / "lost 2.png")


def test_several_names_and_all_of_them_give_each_painting_once():
    assert [painting.name for painting in paintings.named(["udnie", "scream", "udnie"])] == ["udnie", "scream"]
    assert paintings.named(["scream", "all"])[0].name == "scream"
    assert len(paintings.named(["scream", "all"])) == len(paintings.listed())


def test_an_unknown_painting_is_refused_with_those_there_are():
    with pytest.raises(PictureError, match="There is no painting 'Scream'") as caught:
        paintings.find("Scream")
    assert "scream" in caught.value.remedy


def test_the_list_tells_names_titles_and_the_folder(capsys, own):
    cli.main(["paintings"])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("great-wave ") and "Hokusai" in line for line in lines)
    assert str(own) in lines[-1]


@pytest.mark.slow
def test_a_picture_is_painted_by_the_name_of_a_painting(tmp_path, content):
    photo, output, report = tmp_path / "photo.png", tmp_path / "painted.png", tmp_path / "report.json"
    writing.save(photo, content)
    quick = ("--size", 48, "--quality", "draft", "--iterations", 1)
    done = here(
        "stylize", "--content", photo, "--painting", "great-wave", "--output", output, *quick, "--report", report
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert reading.load(output).shape == (48, 64, 4)
    assert "great-wave" in report.read_text()


@pytest.mark.slow
def test_files_and_paintings_are_styles_together(tmp_path, content, style):
    folder, file = tmp_path / "photos", tmp_path / "stripes.png"
    folder.mkdir()
    writing.save(folder / "photo.png", content)
    writing.save(file, style)
    quick = ("--size", 32, "--quality", "draft", "--iterations", 1)
    words = ("--style", file, "--painting", "udnie", "prison", "--grid", "--output", tmp_path / "painted")
    assert here("batch", folder, *words, *quick).returncode == 0
    names = {path.stem for path in (tmp_path / "painted").iterdir()}
    assert names == {f"photo in the style of {name}" for name in ("stripes", "udnie", "prison")} | {"contact-sheet"}


@pytest.mark.parametrize("command", [["stylize", "--content", "photo.png"], ["batch", "."]])
def test_without_file_and_painting_there_is_no_style(command, tmp_path, content, monkeypatch):
    monkeypatch.chdir(tmp_path)
    writing.save(tmp_path / "photo.png", content)
    done = here(*command, "--output", tmp_path / "painted.png")
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR There is no style.")


def test_plug_in_and_engine_know_the_same_paintings(own, style):
    own.mkdir(parents=True)
    for name in ("waves.PNG", "waves.jpg", "scream.png", ".hidden.png", "notes.txt"):
        writing.save(own / name, style) if name.endswith("jpg") else (own / name).write_bytes(b"")
    known = [(painting.name, painting.title, str(painting.path)) for painting in paintings.listed()]
    assert [tuple(painting) for painting in in_plug_in.listed(str(paintings.SHIPPED))] == known
    assert set(READ_ENDINGS) == in_plug_in.ENDINGS


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/neural-style/paintings"),
        ("linux", {}, "~/.local/share/neural-style/paintings"),
        ("win32", {"LOCALAPPDATA": "/Users/Zoë/AppData/Local"}, "/Users/Zoë/AppData/Local/neural-style/paintings"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "~/Library/Application Support/neural-style/paintings"),
    ],
)
def test_the_plug_in_looks_for_own_paintings_where_each_system_has_such_files(platform, environ, folder):
    assert Path(in_plug_in.own_folder(environ, platform)) == Path(folder).expanduser()


def test_the_plug_in_finds_no_paintings_where_there_are_none(tmp_path):
    assert in_plug_in.listed(str(tmp_path), str(tmp_path / "own")) == []


@pytest.mark.parametrize(
    ("title", "name"),
    [("waves", "waves 2"), ("a/b:c", "a-b-c"), ("..", "style"), ("é" * 99, "é" * 60)],
)
def test_a_style_is_kept_under_a_name_that_is_free_and_that_every_system_takes(title, name, tmp_path):
    (tmp_path / "Waves.png").write_bytes(b"")
    assert Path(in_plug_in.free_path(title, ".png", str(tmp_path))) == tmp_path / f"{name}.png"

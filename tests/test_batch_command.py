"""A whole folder at once: nst-engine batch."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import Done, here
from PIL import Image

from nst_engine import Options
from nst_engine.commands import contact_sheet
from nst_engine.commands.batch import _paint_all, _save_sheets
from nst_engine.commands.inputs import read_styles
from nst_engine.commands.tasks import Manner, Task, tasks
from nst_engine.files import reading, writing
from nst_engine.pixels import StylePicture


@pytest.fixture
def folder(tmp_path, content, style) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    writing.save(folder / "a.png", content)
    writing.save(folder / "c.jpg", content[::-1])
    (folder / "b.jpg").write_text("no picture")
    (folder / "notes.txt").write_text("not meant")
    writing.save(tmp_path / "waves.png", style)
    writing.save(tmp_path / "sky.png", style[:, ::-1])
    return folder


def batch(folder: Path, *arguments: object) -> Done:
    output = folder.parent / "painted"
    return here("batch", folder, "--output", output, "--quality", "draft", "--iterations", 1, "--size", 32, *arguments)


def test_batch_paints_a_folder_and_reports_what_is_bad_at_the_end(folder):
    done = batch(folder, "--style", folder.parent / "waves.png")
    assert done.returncode == 1
    assert "ERROR 1 of 3 pictures could not be painted (b.jpg: " in done.stderr
    assert ".)" not in done.stderr
    painted = folder.parent / "painted"
    assert sorted(path.name for path in painted.iterdir()) == ["a.png", "c.jpg"]
    assert reading.load(painted / "a.png").shape == (48, 64, 4)


def test_batch_resumes(folder):
    (folder / "b.jpg").unlink()
    painted = folder.parent / "painted"
    painted.mkdir()
    (painted / "a.png").write_text("precious")
    style = folder.parent / "waves.png"
    assert "a.png exists already" in batch(folder, "--style", style).stderr
    (painted / "c.jpg").unlink()
    assert batch(folder, "--style", style, "--resume").returncode == 0
    assert (painted / "a.png").read_text() == "precious"
    assert (painted / "c.jpg").exists()


def test_batch_paints_a_grid_and_its_contact_sheet(folder):
    (folder / "b.jpg").unlink()
    done = batch(folder, "--style", folder.parent / "waves.png", folder.parent / "sky.png", "--grid")
    assert done.returncode == 0, done.stderr
    painted = folder.parent / "painted"
    assert sorted(path.name for path in painted.iterdir()) == [
        "a in the style of sky.png", "a in the style of waves.png", "c in the style of sky.jpg",
        "c in the style of waves.jpg", "contact-sheet.jpg",
    ]  # fmt: skip
    sheet = reading.load(painted / "contact-sheet.jpg")
    assert sheet.shape[:2] == (8 + 3 * 248, 8 + 3 * 248)
    assert sheet[:200, :200, :3].min() > 0.95  # the corner above the contents stays empty
    assert sheet[300:400, 300:400, :3].std() > 0.01


def test_batch_refuses_an_empty_folder(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    done = here("batch", empty, "--style", "style.png", "--output", tmp_path / "painted")
    assert "has no pictures" in done.stderr
    assert not (tmp_path / "painted").exists()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def small(tmp_path, content, style) -> Path:
    """A folder of one photograph; beside it a style, and an empty folder for results."""
    folder = tmp_path / "photos [2024] *"
    folder.mkdir()
    (tmp_path / "painted").mkdir()
    writing.save(folder / "a.png", content)
    writing.save(tmp_path / "waves.png", style)
    return folder


def test_batch_leaves_hidden_files_alone_and_knows_endings_in_any_letters(small):
    (small / "._a.png").write_bytes(b"\0\5\x16\7 what macOS notes")
    (small / "a.png").rename(small / "A.PNG")
    done = batch(small, "--style", small.parent / "waves.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert names(small.parent / "painted") == ["A.PNG"]


@pytest.mark.parametrize("rest", [b"", bytes(5000), "half", "beginning"])
def test_batch_resumes_what_a_full_disk_left_half(small, rest):
    whole = (small / "a.png").read_bytes()
    result = small.parent / "painted" / "a.png"
    result.write_bytes({"half": whole[: len(whole) // 2], "beginning": whole[:4]}.get(rest, rest))
    there = result.read_bytes()
    done = batch(small, "--style", small.parent / "waves.png", "--resume")
    aside = result.with_name("a (half).png")
    told = f"WARNING a.png was there as half a picture; that is {aside.name} now.\n" if there else ""
    assert (done.returncode, done.stderr) == (0, told)
    assert reading.load(result).shape == (48, 64, 4)
    assert not there or aside.read_bytes() == there


def test_what_looks_half_and_is_not_ours_is_not_lost_when_a_batch_goes_on(small):
    photo = small.parent / "mine.png"
    photo.write_bytes(cut := (small / "a.png").read_bytes()[:-20])
    (result := small.parent / "painted" / "a.png").symlink_to(photo)
    assert batch(small, "--style", small.parent / "waves.png", "--resume").returncode == 0
    assert photo.read_bytes() == cut
    assert result.with_name("a (half).png").readlink() == photo
    assert not result.is_symlink()


def test_a_half_picture_that_cannot_be_set_aside_costs_no_picture(small):
    (small / "a.png").rename(photo := small / f"{'a' * 250}.png")
    (result := small.parent / "painted" / photo.name).write_bytes(half := photo.read_bytes()[:-20])
    done = batch(small, "--style", small.parent / "waves.png", "--resume")
    assert "exists already; what was made is kept as" in done.stderr
    assert result.read_bytes() == half


def test_a_link_or_a_name_that_leaves_no_room_for_another_stops_no_batch(small):
    (small / "b.png").symlink_to("x" * 300)
    shutil.copy(small / "a.png", small / f"{'c' * 245}.png")
    done = batch(small, "--style", small.parent / "waves.png", "--grid", "--resume")
    assert (done.returncode, done.stderr) == (0, "Left out, as no file is there: b.png.\n")
    names = ["a in the style of waves.png", f"{'c' * 109} in the style of waves.png", "contact-sheet.jpg"]
    assert sorted(path.name for path in (small.parent / "painted").iterdir()) == names


def test_of_many_bad_files_a_few_are_named(small):
    for number in range(40):
        (small / f"bad{number}.png").write_bytes(b"")
    (small / "a.png").unlink()
    done = batch(small, "--style", small.parent / "waves.png")
    assert "40 of 40 pictures could not be painted" in done.stderr
    assert " more)" in done.stderr
    assert "All others" not in done.stderr


def test_batch_does_not_paint_over_its_own_photographs(small):
    before = (small / "a.png").read_bytes()
    for more in ((), ("--resume",), ("--grid",)):
        done = here("batch", small, "--style", small.parent / "waves.png", "--output", small / ".", *more)
        assert done.stderr.startswith("ERROR The results would go into")
    assert (names(small), (small / "a.png").read_bytes()) == (["a.png"], before)


def test_two_styles_of_one_name_have_results_of_their_own(small, style):
    others = small.parent / "others"
    others.mkdir()
    writing.save(others / "Waves.jpg", style[::-1])
    styles = small.parent / "waves.png", others / "Waves.jpg"
    done = batch(small, "--grid", "--style", *styles)
    assert (done.returncode, done.stderr) == (0, "")
    painted = ["a in the style of Waves 2.png", "a in the style of waves.png", "contact-sheet.jpg"]
    assert names(small.parent / "painted") == painted
    one, other = (reading.load(small.parent / "painted" / name) for name in painted[:2])
    assert np.abs(one - other).max() > 0.01


@pytest.mark.parametrize("letter", ["n", "ü", "波"])
@pytest.mark.parametrize("grid", [False, True])
def test_results_of_pictures_with_the_longest_names_can_be_written(tmp_path, letter, grid):
    longest = letter * (250 // len(letter.encode()))
    styles = [StylePicture(longest, np.zeros((16, 16, 3), np.uint8))]
    contents = [Path(f"{longest}{ending}") for ending in (".gif", ".GIF", ".jpg")]
    outputs = [task.output for task in tasks(contents, styles, tmp_path, grid)]
    for output in outputs:
        output.touch()
    assert len({output.name.casefold() for output in outputs}) == 3
    assert all(output.name.startswith(longest[:30]) for output in outputs)


def test_a_contact_sheet_replaces_nothing(small):
    sheet = small.parent / "painted" / "contact-sheet.jpg"
    sheet.write_text("precious")
    style = small.parent / "waves.png"
    assert "contact-sheet.jpg exists already" in batch(small, "--style", style, "--grid").stderr
    assert names(small.parent / "painted") == ["contact-sheet.jpg"]
    assert batch(small, "--style", style, "--grid", "--resume").returncode == 0
    assert sheet.read_text() == "precious"
    assert reading.load(small.parent / "painted" / "contact-sheet 2.jpg").shape == (504, 504, 4)
    assert batch(small, "--style", style, "--grid", "--force").returncode == 0
    assert reading.load(sheet).shape == (504, 504, 4)


def test_a_batch_that_was_done_makes_nothing_when_it_goes_on(small):
    batch(small, "--style", small.parent / "waves.png", "--grid")
    before = names(small.parent / "painted")
    assert batch(small, "--style", small.parent / "waves.png", "--grid", "--resume").returncode == 0
    assert names(small.parent / "painted") == before


def test_more_pictures_than_a_sheet_can_hold_have_several(small):
    style, painted = small.parent / "waves.png", small.parent / "painted"
    tasks = [Task(Path(f"{number}.png"), [], small / "a.png") for number in range(contact_sheet.ROWS + 1)]
    sheets = [painted / "1.jpg", painted / "2.jpg"]
    assert _save_sheets(sheets, [style], tasks, Manner(Options(), False, False, writing.WHITE)) == []
    shapes = [reading.load(sheet).shape[:2] for sheet in sheets]
    assert shapes == [contact_sheet.size(1, contact_sheet.ROWS), contact_sheet.size(1, 1)]


def test_formats_that_are_only_read_become_png_and_the_rest_is_named(small):
    frames = [Image.new("RGB", (48, 32), color) for color in ("red", "blue")]
    frames[0].save(small / "a.gif", save_all=True, append_images=frames[1:])
    (small / "b.nef").write_bytes(b"II*\0")
    done = batch(small, "--style", small.parent / "waves.png")
    assert done.returncode == 0
    assert names(small.parent / "painted") == ["a.gif.png", "a.png"]
    assert "Left out, as no picture is read that is so called: b.nef." in done.stderr
    assert "WARNING" in done.stderr and "animated" in done.stderr


def test_a_style_that_is_not_there_leaves_no_folder(small):
    (small.parent / "painted").rmdir()
    assert "There is no file none.png." in batch(small, "--style", "none.png").stderr
    assert not (small.parent / "painted").exists()


def test_a_folder_that_takes_nothing_is_said_once(small):
    done = here("batch", small, "--style", small.parent / "waves.png", "--output", "/proc/painted")
    assert done.stderr.startswith("ERROR The folder /proc/painted cannot be made")


def test_what_lies_in_the_place_of_a_result_and_is_none_is_not_taken_for_done(small):
    painted = small.parent / "painted"
    (painted / "a.png").symlink_to("nowhere.png")
    assert "a.png exists already" in batch(small, "--style", small.parent / "waves.png", "--resume").stderr
    (painted / "a.png").unlink()
    (painted / "a.png").mkdir()
    assert "a.png is a folder" in batch(small, "--style", small.parent / "waves.png", "--resume").stderr


@pytest.mark.posix
def test_names_of_pictures_that_are_no_files_are_left_out_with_a_word(small):
    (small / "b.png").symlink_to("gone.png")
    (small / "c.jpg").symlink_to("c.jpg")
    os.mkfifo(small / "d.png")
    (small / "e.png").mkdir()
    done = batch(small, "--style", small.parent / "waves.png")
    assert (done.returncode, names(small.parent / "painted")) == (0, ["a.png"])
    assert "Left out, as no file is there: b.png, c.jpg, d.png." in done.stderr


def test_what_another_batch_has_made_meanwhile_is_left_out_where_both_resume(small):
    result = small.parent / "painted" / "a.png"
    result.write_bytes((small / "a.png").read_bytes())
    tasks = [Task(small / "a.png", read_styles([small.parent / "waves.png"], [], []), result)]
    manner = Manner(Options(quality="draft", size=32, iterations=1), True, False, writing.WHITE)
    assert _paint_all(tasks, manner) == (1, [])
    assert result.read_bytes() == (small / "a.png").read_bytes()
    assert _paint_all(tasks, manner._replace(resume=False))[1] == [f"a.png: {result} exists already"]

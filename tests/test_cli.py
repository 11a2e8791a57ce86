"""The command nst-engine, as a person runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import picture_files
import pytest
from command_line import Done, engine, here
from PIL import Image

from nst_engine.files import reading, writing
from nst_engine.files.contents import Metadata


@pytest.fixture
def files(tmp_path, content, style) -> dict[str, Path]:
    writing.save(tmp_path / "content.png", content)
    writing.save(tmp_path / "style.png", style)
    return {name: tmp_path / name for name in ("content.png", "style.png", "output.png", "report.json")}


def stylize(files: dict[str, Path], *arguments: object) -> Done:
    c, s, o, _ = files.values()
    return here("stylize", "--content", c, "--style", s, "--output", o, "--quality", "draft", *arguments)


def test_stylize_writes_picture_and_report(files):
    c, s, o, report = files.values()
    quick = ("--quality", "draft", "--iterations", 3)
    done = engine("stylize", "--content", c, "--style", s, "--output", o, *quick, "--report", report)
    assert (done.returncode, done.stdout) == (0, "")
    assert reading.load(files["output.png"]).shape == (48, 64, 4)
    report = json.loads(files["report.json"].read_text())
    assert report["options"]["iterations"] == 3
    assert report["seconds"]["start_up"] > 0


def test_score_judges_the_stylized_picture_better_than_the_content(files):
    stylize(files, "--size", 64)
    c, s, o, _ = files.values()
    before, after = (
        json.loads(here("score", "--content", c, "--style", s, "--image", image, "--size", 64).stdout)["gatys"]
        for image in (c, o)
    )
    assert before["content"] == 0
    assert after["style"] < before["style"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--size", -3], "Option 'size' is -3."),
        (["--network", "nowhere"], "There is no network 'nowhere'."),
        (["--device", "mps"], "This machine has no device 'mps'."),
        (["--style-layers", "relu7"], "Option 'style_layers' has the part 'relu7'."),
        (["--content", "missing.jpg"], "There is no file missing.jpg."),
        (["--report", "/nowhere/r.json"], "There is no folder /nowhere."),
        (
            ["--init", "noise", "--init-picture", Path(__file__).parent / "pictures/style-night-cafe.jpg"],
            "--init and --init-picture both say what to start from.",
        ),
    ],
)
def test_a_mistake_gives_one_sentence_and_what_to_do(files, arguments, sentence):
    done = stylize(files, *arguments)
    assert done.returncode == 1
    error, tip = done.stderr.splitlines()
    assert error == f"ERROR {sentence}"
    assert tip.startswith("TIP ")
    assert not files["output.png"].exists()


@pytest.mark.parametrize("option", ["--content", "--output", "--style", "--region", "--protect", "--report"])
def test_a_name_that_is_empty_is_told_by_its_option(files, option):
    done = stylize(files, option, "")
    assert done.returncode == 2
    assert f"argument {option}: no name is given" in done.stderr


def test_a_region_s_file_may_have_the_name_of_what_is_left(files, tmp_path):
    done = stylize(files, "--region", "./-")
    assert done.stderr.startswith("ERROR There is no file -.")


def test_a_folder_in_place_of_the_output_is_told_as_one(files, tmp_path):
    done = stylize(files, "--output", tmp_path)
    assert done.stderr.startswith(f"ERROR {tmp_path} is a folder.\n")


def test_an_existing_output_is_kept(files):
    files["output.png"].write_text("precious")
    assert "exists already" in stylize(files).stderr
    assert files["output.png"].read_text() == "precious"


def test_help_comes_without_torch():
    code = "import sys; from nst_engine import cli; cli._parser(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_doctor_says_what_a_bug_report_needs():
    report = json.loads(engine("doctor").stdout)
    assert {"versions", "processor", "devices", "networks", "memory_bytes", "places"} <= report.keys()
    assert report["processor"]["convolution_milliseconds"]["float32"] > 0
    assert report["devices"]["cpu"].endswith("works")


def test_several_styles_regions_and_masks(files, tmp_path, content):
    left = np.zeros((48, 64, 4), np.float32)
    left[..., 3] = 1
    left[:, :32, :3] = 1
    mask = tmp_path / "left.png"
    writing.save(mask, left)
    c, s, o, _ = files.values()
    done = here(
        "stylize", "--content", c, "--style", s, c, "--blend", 1, 2, "--region", mask, "-", "--protect", mask,
        "--output", o, "--quality", "draft", "--iterations", 2, "--init-picture", s, "--depth", 16,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    picture = reading.read(o)
    assert picture.depth == 16
    assert reading.load(o)[:, :30, :3] == pytest.approx(reading.load(c)[:, :30, :3], abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--blend", 1, 2], "There are 1 styles and 2 values of --blend."),
        (["--blend", 0], "A value of --blend is no positive number."),
        (["--blend", "1e400"], "A value of --blend is no positive number."),
        (["--protect", "missing.png"], "There is no file missing.png."),
    ],
)
def test_mistakes_with_styles_and_masks(files, arguments, sentence):
    assert stylize(files, *arguments).stderr.startswith(f"ERROR {sentence}")


def test_sixteen_bits_and_exif_go_through(files, content):
    files["content.png"].unlink()
    writing.save(files["content.png"], content, depth=16, metadata=Metadata(picture_files.exif()))
    stylize(files, "--iterations", 1)
    result = reading.read(files["output.png"])
    assert result.depth == 16
    assert picture_files.ARTIST in result.metadata.exif


def test_ctrl_c_keeps_the_picture_as_it_stands(files):
    c, s, o, _ = files.values()
    command = [sys.executable, "-m", "nst_engine", "stylize", "--content", c, "--style", s, "--output", o]
    command += ["--quality", "best", "--iterations", "100000", "--report", files["report.json"]]
    with subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE, text=True) as process:
        assert "step" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Finishing with the picture as it stands" in said
    assert reading.load(o).shape == (48, 64, 4)
    assert len(json.loads(files["report.json"].read_text())["history"]) < 100_000


def test_the_classic_command_line(files):
    c, s, o, _ = files.values()
    o.write_text("precious")
    assert "exists already" in here("nst", "-c", c, "-s", s, "-r", o).stderr
    assert o.read_text() == "precious"
    weights = ["--content_weight", "1e3", "--style_weight", "1e-1", "--tv_weight", "10"]
    done = here("nst", "-c", c, "-s", s, "-r", o, *weights, "-l", 2, "-n", 3, "-p", 2, "-v", "--force")
    assert (done.returncode, done.stderr) == (0, "")
    assert reading.load(o).shape == (384, 512, 4)
    lines = done.stdout.splitlines()
    assert lines[0] == "loaded the model"
    assert [line[:16] for line in lines if line.startswith("[")] == ["[iteration    0]", "[iteration    2]"]
    assert "total loss: " in lines[2]
    assert lines[-1] == f"saved the result as {o}"


@pytest.mark.parametrize(
    ("arguments", "name", "told"),
    [
        (["-n", 0], "num_iter", "from 1 to 100000"),
        (["-l", 256], "learning_rate", "from 0.000255 to 255"),
        (["--tv_weight", 1e9], "tv_weight", "from 0 to 1.53787e+07"),
        (["--style_weight", "nan"], "style_weight", "from 0 to 1e+12"),
    ],
)
def test_numbers_of_the_classic_command_are_refused_in_its_own_units(files, arguments, name, told):
    c, s, o, _ = files.values()
    done = here("nst", "-c", c, "-s", s, "-r", o, *arguments)
    assert done.returncode == 1
    assert f"Option '{name}' is " in done.stderr
    assert told in done.stderr


def test_the_classic_command_is_silent_otherwise_and_refuses_a_zero(files):
    c, s, o, _ = files.values()
    assert "print_every" in here("nst", "-c", c, "-s", s, "-r", o, "-p", 0, "-v").stderr
    done = here("nst", "-c", c, "-s", s, "-r", o, "-n", 1)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_odd_about_a_style_a_mask_or_a_start_is_said_as_of_a_content(files, content):
    folder = files["content.png"].parent
    animated, cut, tagged = folder / "animated.gif", folder / "cut.jpg", folder / "tagged.jpg"
    image = Image.fromarray(np.rint(content[..., :3] * 255).astype(np.uint8))
    image.save(animated, save_all=True, append_images=[image.rotate(180)])
    image.save(cut, quality=95)
    cut.write_bytes(cut.read_bytes()[:-2])
    image.save(tagged, xmp=b"<rdf:RDF xmpNote:HasExtendedXMP='0123456789ABCDEF0123456789ABCDEF'/>")
    done = stylize(
        files, "--style", animated, "--protect", cut, "--init-picture", tagged, "--iterations", 1, "--size", 32
    )
    told = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    assert done.returncode == 0, done.stderr
    assert sorted(line.split()[1] for line in told) == sorted(str(path) for path in (animated, cut, tagged))


def test_a_style_from_a_camera_s_raw_file_is_refused_as_a_content_is(files):
    raw = files["style.png"].with_name("a.cr2")
    raw.write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes(400))
    for done in (stylize(files, "--style", raw), stylize(files, "--content", raw)):
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"ERROR {raw} is a camera's raw file (CR2), which is not read here.")


def test_names_that_begin_with_a_dash_are_understood_or_helped_with(files):
    odd = files["content.png"].with_name("-a%d.png")
    odd.write_bytes(files["content.png"].read_bytes())
    told = stylize(files, "--content", odd.name).stderr
    assert told.rstrip().endswith("expected one argument; a name that begins with - goes as ./-name")
    done = stylize(files, "--content", odd, "--output", odd.with_name("-b%%s.png"), "--iterations", 1, "--size", 32)
    assert (done.returncode, odd.with_name("-b%%s.png").exists()) == (0, True)


def test_sixteen_bits_are_refused_where_the_format_has_eight(files):
    done = stylize(files, "--output", files["output.png"].with_suffix(".jpg"), "--depth", 16)
    assert done.returncode == 1
    assert "output.jpg cannot have 16 bits per channel: JPEG has 8." in done.stderr

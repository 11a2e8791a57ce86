"""The command nst-engine, as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nst_engine import images


def engine(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nst_engine", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture
def files(tmp_path, content, style) -> dict[str, Path]:
    images.save(tmp_path / "content.png", content)
    images.save(tmp_path / "style.png", style)
    return {name: tmp_path / name for name in ("content.png", "style.png", "output.png", "report.json")}


def stylize(files: dict[str, Path], *arguments: object) -> subprocess.CompletedProcess[str]:
    c, s, o, _ = files.values()
    return engine("stylize", "--content", c, "--style", s, "--output", o, "--quality", "draft", *arguments)


def test_stylize_writes_picture_and_report(files):
    done = stylize(files, "--iterations", 3, "--report", files["report.json"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert images.load(files["output.png"]).shape == (48, 64, 4)
    report = json.loads(files["report.json"].read_text())
    assert report["options"]["iterations"] == 3
    assert report["seconds"]["start_up"] > 0


def test_score_judges_the_stylized_picture_better_than_the_content(files):
    stylize(files, "--size", 64)
    c, s, o, _ = files.values()
    before, after = (
        json.loads(engine("score", "--content", c, "--style", s, "--image", image, "--size", 64).stdout)["gatys"]
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
    ],
)
def test_a_mistake_gives_one_sentence_and_what_to_do(files, arguments, sentence):
    done = stylize(files, *arguments)
    assert done.returncode == 1
    error, tip = done.stderr.splitlines()
    assert error == f"ERROR {sentence}"
    assert tip.startswith("TIP ")
    assert not files["output.png"].exists()


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

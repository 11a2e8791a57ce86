"""The command lines that the README shows, and the whole way with the real engine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from console import Outcome, run_script_fu, without_noise
from plug_in import CHECKOUT, HERE, REAL_ENGINE, PlugIn
from real_gimp import PYTHON_FU, SCRIPT_FU

BATCH = "gimp_plugin/batch"
README_LINES = re.findall(r"^gimp-console .*", (CHECKOUT / "README.md").read_text(), re.MULTILINE)
# The checkout's engine, whatever else is installed.

FAILED = {PYTHON_FU: 64, SCRIPT_FU: 70}
both_interpreters = pytest.mark.parametrize("interpreter", [PYTHON_FU, SCRIPT_FU])


@pytest.fixture(scope="module")
def pictures(installed_plug_in: PlugIn) -> Iterator[Path]:
    """A folder that GIMP sees, with the files that the README's examples name, and nothing painted yet."""
    folder = installed_plug_in.gimp.outside("/tmp") / f"{installed_plug_in.profile.name}-batch"
    shutil.copytree(CHECKOUT / BATCH, folder / BATCH)
    for name in ("photos", "painted"):
        (folder / name).mkdir()
    installed_plug_in.use("answers")
    installed_plug_in.facts(f"""
folder = {installed_plug_in.gimp.inside(folder)!r}
for name, color in (("photo.jpg", RED), ("painting.jpg", CYAN), ("photos/a.jpg", GREEN), ("photos/ü b.jpg", RED)):
    image = new_image()
    layer = add_layer(image, name, 0, 0, 100, 80, color)
    for x in range(0, 100, 10):
        fill(layer, x, 0, 5, 80, YELLOW)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file(folder + "/" + name), None)
    image.delete()
""")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def folder(pictures: Path) -> Path:
    for painted in (pictures / "result.png", *(pictures / "painted").iterdir()):
        painted.unlink(missing_ok=True)
    return pictures


def run_line(plug_in: PlugIn, folder: Path, line: str) -> Outcome:
    """Run a command line in the folder, by the shell that a user would type it into."""
    environment = {"GIMP3_DIRECTORY": plug_in.gimp.inside(plug_in.profile)}
    process = plug_in.gimp.run(
        ["env", f"--chdir={plug_in.gimp.inside(folder)}", "sh", "-c", line], environment, timeout=400
    )
    return Outcome(process.returncode, process.stdout, without_noise(process.stderr))


def readme_line(interpreter: str, name: str) -> str:
    (line,) = (line for line in README_LINES if f"={interpreter} " in line and name in line)
    return line


@both_interpreters
def test_the_readme_s_line_for_a_file_is_true(plug_in: PlugIn, folder: Path, interpreter: str) -> None:
    outcome = run_line(plug_in, folder, readme_line(interpreter, '"result.png"'))
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "result.png\n", "")
    assert (folder / "result.png").read_bytes().startswith(b"\x89PNG")


@both_interpreters
def test_the_readme_s_line_for_a_folder_is_true(plug_in: PlugIn, folder: Path, interpreter: str) -> None:
    outcome = run_line(
        plug_in, folder, readme_line(interpreter, "stylize_folder" if interpreter == PYTHON_FU else "stylize-folder")
    )
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert sorted(outcome.stdout.splitlines()) == ["painted/a.jpg", "painted/ü b.jpg"]
    for name in ("a.jpg", "ü b.jpg"):
        assert (folder / "painted" / name).read_bytes().startswith(b"\xff\xd8")


def test_the_readme_shows_nothing_else() -> None:
    assert len(README_LINES) == 4


@both_interpreters
def test_a_painting_takes_the_place_of_a_file(plug_in: PlugIn, folder: Path, interpreter: str) -> None:
    nothing, painting = ("None", 'painting="udnie"') if interpreter == PYTHON_FU else ('""', '#:painting "udnie"')
    line = readme_line(interpreter, '"result.png"').replace('"painting.jpg"', nothing)
    outcome = run_line(plug_in, folder, re.sub(r"(#:)?size[ =]512", painting, line))
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "result.png\n", "")


def test_what_keeps_a_picture_from_being_better_is_said(installed_plug_in: PlugIn) -> None:
    installed_plug_in.use("remarks")
    outcome = installed_plug_in.run("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 64, 64, CYAN)
photo = add_layer(image, "photo", 0, 0, 64, 48, GREEN)
stylize(image, photo, style=style)
image.delete()
""")
    assert "Memory ran short" in outcome.stderr


@both_interpreters
def test_failure_is_an_exit_code_and_a_clear_line(plug_in: PlugIn, folder: Path, interpreter: str) -> None:
    line = readme_line(interpreter, '"result.png"').replace("painting.jpg", "missing.jpg")
    outcome = run_line(plug_in, folder, line)
    assert outcome.exit_code == FAILED[interpreter]
    assert f"There is no style file {plug_in.gimp.inside(folder)}/missing.jpg: choose another one." in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert outcome.stdout == ""
    assert not (folder / "result.png").exists()


@both_interpreters
def test_a_picture_that_fails_does_not_keep_the_others_of_its_folder(
    plug_in: PlugIn, folder: Path, interpreter: str
) -> None:
    (folder / "photos/notes.jpg").write_text("no picture")
    line = readme_line(interpreter, "stylize_folder" if interpreter == PYTHON_FU else "stylize-folder")
    try:
        outcome = run_line(plug_in, folder, line)
    finally:
        (folder / "photos/notes.jpg").unlink()
    assert outcome.exit_code == FAILED[interpreter]
    assert "photos/notes.jpg" in outcome.stderr
    assert "1 of 3 pictures failed." in outcome.stderr
    assert sorted(outcome.stdout.splitlines()) == ["painted/a.jpg", "painted/ü b.jpg"]


REFUSED = {
    'stylize_folder("nowhere/*.jpg", "painting.jpg", "painted")': "No file fits nowhere/*.jpg.",
    'stylize_folder("photos/*.jpg", "painting.jpg", "./photos")': "./photos/a.jpg is there already",
    'stylize("photo.jpg", "painting.jpg", "result.png", size=99999)': "size cannot be 99999.",
    'stylize("photo.jpg", "painting.jpg", "result.png", quality="superb")': "quality cannot be 'superb'.",
    'stylize("photo.jpg", "painting.jpg", "result.png", sparkle=1)': "sparkle",
}
TRY_ALL = """
import os, sys
exec(open({script!r}).read())
for wrong in {calls!r}:
    try:
        exec(wrong)
    except Exception as problem:
        print(f"{{wrong}} raises {{problem}}", file=sys.stderr, flush=True)
exec(wrong)
"""


def test_python_fu_refuses_what_it_cannot_do(plug_in: PlugIn, folder: Path) -> None:
    (folder / "refused.py").write_text(TRY_ALL.format(script=f"{BATCH}/stylize.py", calls=list(REFUSED)))
    batch = shlex.quote('exec(open("refused.py").read())')
    outcome = run_line(plug_in, folder, f"gimp-console -idf --quit --batch-interpreter={PYTHON_FU} -b {batch}")
    assert outcome.exit_code == FAILED[PYTHON_FU]
    assert [call for call in REFUSED if f"{call} raises" not in outcome.stderr] == []
    assert [sentence for sentence in REFUSED.values() if sentence not in outcome.stderr] == []
    assert outcome.stdout == ""
    assert not (folder / "result.png").exists()


def test_script_fu_shows_nothing_that_a_terminal_obeys(plug_in: PlugIn, pictures: Path) -> None:
    script = plug_in.gimp.inside(pictures / BATCH / "stylize.scm")
    folder = "nö\x1b\x7f\x9b\u061c\u202e\u2066"
    outcome = run_script_fu(plug_in.gimp, plug_in.profile, f'(load "{script}") (stylize-folder "{folder}" "" "")')
    assert outcome.exit_code == FAILED[SCRIPT_FU]
    assert "No file fits nö??????." in outcome.stderr


@both_interpreters
def test_the_real_engine_paints_a_file(plug_in: PlugIn, folder: Path, interpreter: str) -> None:
    plug_in.use_command(REAL_ENGINE)
    line = readme_line(interpreter, '"result.png"').replace("512", "64")
    outcome = run_line(plug_in, folder, line)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stderr == ""
    plug_in.use("answers")
    facts = plug_in.facts(f"""
images = [Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file({plug_in.gimp.inside(folder)!r} + "/" + name))
          for name in ("photo.jpg", "result.png")]
photo, result = [image.get_layers()[0] for image in images]
tell(size=[result.get_width(), result.get_height()], photo=quadrant_pixels(photo), result=quadrant_pixels(result))
for image in images:
    image.delete()
""")
    assert facts["size"] == [100, 80]
    assert facts["result"] != facts["photo"]


def test_the_real_engine_s_own_refusals_reach_the_user(plug_in: PlugIn) -> None:
    plug_in.use_command(REAL_ENGINE)
    facts = plug_in.facts("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 40, 40, CYAN)
speck = add_layer(image, "speck", 0, 0, 1, 1, RED)
glass = add_layer(image, "glass", 0, 0, 40, 40, (1, 0, 0, 0))
photo = add_quadrants(image)
tell(speck=stylize(image, speck, style=style), speck_style=stylize(image, photo, style=speck),
     glass_style=stylize(image, photo, style=glass), layers=len(image.get_layers()))
image.delete()
""")
    assert facts["layers"] == 4
    assert all(facts[name].startswith("execution-error: ") for name in ("speck", "speck_style", "glass_style"))
    assert "1×1" in facts["speck"] or "pixel" in facts["speck"]
    assert "transparent" in facts["glass_style"]


def test_killing_the_plug_in_leaves_no_engine_and_the_image_as_it_was(plug_in: PlugIn) -> None:
    plug_in.use("hangs")
    code = (HERE / "in_gimp.py").read_text() + """
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
photo = add_quadrants(image)
answer = stylize(image, photo, style=style)
tell(answer=answer, names=[layer.get_name() for layer in image.get_layers()])
image.delete()
"""  # fmt: skip
    script = plug_in.profile / "killed.py"
    script.write_text(code)
    batch = f"exec(open({plug_in.gimp.inside(script)!r}).read())"
    argv = ["gimp-console", "-idf", "--quit", f"--batch-interpreter={PYTHON_FU}", "-b", batch]
    environment = {"GIMP3_DIRECTORY": plug_in.gimp.inside(plug_in.profile)}
    console = plug_in.gimp.popen(argv, environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    engine = wait_for_process("engines/hangs.py")
    plug_in_process = parent_of(engine)
    time.sleep(1)  # the job is under way
    os.kill(plug_in_process, signal.SIGKILL)
    killed = time.monotonic()
    while is_alive(engine):
        assert time.monotonic() - killed < 30  # it would work for minutes
        time.sleep(0.05)
    output, _ = console.communicate(timeout=30)
    assert '"names": ["photo", "painting"]' in output
    assert '"answer": "execution-error' in output or '"answer": "calling-error' in output


def wait_for_process(command: str) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if command in entry.read_text(errors="replace"):
                    return int(entry.parent.name)
            except OSError:
                continue
        time.sleep(0.1)
    raise TimeoutError(command)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

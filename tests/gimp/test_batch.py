"""The command lines that the README shows, and the whole way with the real engine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import CHECKOUT, HERE, PlugIn
from console import Outcome, run_batch
from real_gimp import PYTHON_FU, SCRIPT_FU

BATCH = CHECKOUT / "gimp_plugin/batch"
# The checkout's engine, whatever else is installed.
REAL_ENGINE = ["/usr/bin/env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "nst_engine", "worker"]

FAILED = {PYTHON_FU: 64, SCRIPT_FU: 70}


@pytest.fixture(scope="module")
def folder(installed_plug_in: PlugIn) -> Iterator[Path]:
    """A folder that GIMP sees, with a photo, a painting, and the batch examples."""
    folder = installed_plug_in.gimp.outside("/tmp") / f"{installed_plug_in.profile.name}-batch"
    shutil.copytree(BATCH, folder)
    installed_plug_in.use("answers")
    installed_plug_in.facts(f"""
folder = {installed_plug_in.gimp.inside(folder)!r}
for name, color in (("photo.png", RED), ("painting.png", CYAN)):
    image = new_image()
    layer = add_layer(image, name, 0, 0, 100, 80, color)
    for x in range(0, 100, 10):
        fill(layer, x, 0, 5, 80, YELLOW)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file(folder + "/" + name), None)
    image.delete()
""")
    yield folder
    shutil.rmtree(folder)


def stylize_files(plug_in: PlugIn, interpreter: str, folder: Path, style: str = "painting.png") -> Outcome:
    """Run the example for an interpreter as the README says, with a small size."""
    inside = plug_in.gimp.inside(folder)
    files = ", ".join(f'"{inside}/{name}"' for name in ("photo.png", style, "result.png"))
    if interpreter == PYTHON_FU:
        code = f'exec(open("{inside}/stylize.py").read()); stylize({files}, size=64, quality="draft")'
    else:
        code = f'(begin (load "{inside}/stylize.scm") (stylize-file {files.replace(",", "")} 64 "draft"))'
    (folder / "result.png").unlink(missing_ok=True)
    return run_batch(plug_in.gimp, plug_in.profile, code, interpreter)


@pytest.mark.parametrize("interpreter", [PYTHON_FU, SCRIPT_FU])
def test_a_file_is_painted(plug_in: PlugIn, folder: Path, interpreter: str) -> None:
    outcome = stylize_files(plug_in, interpreter, folder)
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "", "")
    assert (folder / "result.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("interpreter", [PYTHON_FU, SCRIPT_FU])
def test_failure_is_an_exit_code_and_a_clear_line(plug_in: PlugIn, folder: Path, interpreter: str) -> None:
    outcome = stylize_files(plug_in, interpreter, folder, style="missing.png")
    assert outcome.exit_code == FAILED[interpreter]
    assert f"There is no style file {plug_in.gimp.inside(folder)}/missing.png: choose another one." in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (folder / "result.png").exists()


@pytest.mark.parametrize("interpreter", [PYTHON_FU, SCRIPT_FU])
def test_the_real_engine_paints_a_file(plug_in: PlugIn, folder: Path, interpreter: str) -> None:
    plug_in.use_command(REAL_ENGINE)
    outcome = stylize_files(plug_in, interpreter, folder)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    plug_in.use("answers")
    facts = plug_in.facts(f"""
images = [Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file({plug_in.gimp.inside(folder)!r} + "/" + name))
          for name in ("photo.png", "result.png")]
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
        assert time.monotonic() - killed < 2
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

"""The drivers of this folder, each tried in the real GIMP."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from batches import BatchError
from console import Console, run_python, run_script_fu
from real_gimp import Gimp, session_processes
from window import WindowSession

COUNT_LAYERS = "print(len(Gimp.get_images()[0].get_layers()))"

ADD_LAYER = """
image = Gimp.get_images()[0]
layer = Gimp.Layer.new(image, "added", 8, 8, Gimp.ImageType.RGBA_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
image.insert_layer(layer, None, 0)
Gimp.displays_flush()
"""


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An orange square of 64 pixels."""
    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    rows = zlib.compress(64 * (b"\0" + 64 * b"\xff\x99\x00"))
    path = tmp_path_factory.mktemp("picture") / "orange.png"
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


@pytest.fixture(scope="module")
def window(gimp: Gimp, profile: Path, picture: Path) -> Iterator[WindowSession]:
    with WindowSession(gimp, profile, picture) as session:
        yield session


def test_python_fu_that_ends_well_exits_with_0(gimp: Gimp, profile: Path) -> None:
    outcome = run_python(gimp, profile, "print(Gimp.version(), flush=True)")
    assert (outcome.exit_code, outcome.stdout.strip(), outcome.stderr) == (0, gimp.version, "")


def test_python_fu_that_raises_exits_with_64_and_its_traceback(gimp: Gimp, profile: Path) -> None:
    outcome = run_python(gimp, profile, "\nassert False, 'no such luck'")
    assert outcome.exit_code == 64
    assert 'batch.py", line 2' in outcome.stderr
    assert "no such luck" in outcome.stderr


def test_script_fu_that_fails_exits_with_70(gimp: Gimp, profile: Path) -> None:
    outcome = run_script_fu(gimp, profile, '(error "no such luck")')
    assert outcome.exit_code == 70
    assert "no such luck" in outcome.stderr


def test_a_console_that_takes_too_long_is_ended(gimp: Gimp, profile: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_python(gimp, profile, "import time; time.sleep(600)", timeout=6)


def test_a_running_console_that_died_makes_way_for_a_new_one(gimp: Gimp, profile: Path) -> None:
    with closing(Console(gimp, profile)) as console:
        with pytest.raises(RuntimeError, match="No answer"):
            console.run("import os, signal; os.kill(os.getppid(), signal.SIGKILL)", timeout=60)
        assert console.run("print(6 * 7)", timeout=60).strip() == "42"


def test_a_program_of_the_host_runs_from_inside_with_pipe_and_process_id(gimp: Gimp) -> None:
    code = "import os, sys; print(os.getpid(), sys.prefix, sys.stdin.read())"
    process = gimp.popen(
        gimp.engine_command([sys.executable, "-c", code]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.communicate("a frame")[0].strip() == f"{process.pid} {sys.prefix} a frame"


def test_window_shows_the_picture(window: WindowSession, tmp_path: Path) -> None:
    assert window.batch(COUNT_LAYERS) == "1\n"
    window.screenshot(tmp_path / "window.png")
    assert (tmp_path / "window.png").read_bytes().startswith(b"\x89PNG")


def test_batch_code_that_raises_brings_its_traceback(window: WindowSession) -> None:
    with pytest.raises(BatchError, match="ZeroDivisionError"):
        window.batch("1 / 0")


def test_keys_undo_and_redo(window: WindowSession) -> None:
    window.batch(ADD_LAYER)
    window.focus("GIMP$")
    counts = []
    for key in ("ctrl+z", "ctrl+y"):
        window.key(key)
        counts.append(window.batch(COUNT_LAYERS).strip())
    assert counts == ["1", "2"]


def test_dialog_is_opened_filled_in_and_confirmed(window: WindowSession) -> None:
    window.action("Scale Image")
    window.set_number("Scale Image", "Width", 32)
    window.choose("Scale Image", "Interpolation", "Linear")
    window.press("Scale Image", "Scale")
    window.wait_window("32x32 .*GIMP$")


def test_an_answer_that_comes_too_late_is_none_to_the_next_question(
    window: WindowSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.tree()
    (eyes,) = (process for process in window.processes if "accessible.py" in command_of(process))
    os.kill(eyes, signal.SIGSTOP)
    with monkeypatch.context() as impatient, pytest.raises(TimeoutError, match="no answer"):
        impatient.setattr("window.PATIENCE", 1)
        window.tree()
    assert command_of(eyes) == ""
    assert "gimp" in window.tree()


def command_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


def test_quitting_leaves_no_process(gimp: Gimp, profile: Path, picture: Path) -> None:
    with WindowSession(gimp, profile, picture) as session:
        leaders = [process for process in session.processes]
        assert session.quit() == 0
    assert not any(session_processes(leader) for leader in leaders)
    assert not session.folder.exists()

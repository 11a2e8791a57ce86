"""Commands whose stdin, stdout and stderr are not as they should be."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import nst_engine
from nst_engine.commands import streams
from nst_engine.files import reading, writing

ROOT = str(Path(nst_engine.__file__).parents[1])
JOB = ("--quality", "draft", "--iterations", "2", "--size", "32")


@pytest.fixture
def place(tmp_path, content, style) -> Path:
    """A folder with two pictures and, one floor down, one to paint."""
    writing.save(tmp_path / "content.png", content)
    writing.save(tmp_path / "style.png", style)
    (tmp_path / "photos").mkdir()
    writing.save(tmp_path / "photos" / "a.png", content)
    return tmp_path


COMMANDS = {
    "--help": (),
    "--version": (),
    "stylize": ("--content", "content.png", "--style", "style.png", "--output", "a.png", *JOB),
    "batch": ("photos", "--style", "style.png", "--output", ".", *JOB),
    "nst": ("-c", "content.png", "-s", "style.png", "-r", "a.png", "-n", "1", "-p", "1", "-v"),
    "score": ("--content", "content.png", "--style", "style.png", "--image", "content.png", "--size", "64"),
    "networks": ("list",),
    "doctor": (),
}


def run(place: Path, command: str, **options) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "nst_engine", command, *COMMANDS[command]]
    return subprocess.Popen(line, cwd=place, env={**os.environ, "PYTHONPATH": ROOT}, **options)


def left_pipe() -> int:
    """The writing end of a pipe whose reader has gone, as ``head`` does when it has its lines."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def closed(*descriptors: int):
    return lambda: [os.close(descriptor) for descriptor in descriptors]


def painted(place: Path, command: str) -> bool:
    return command not in ("stylize", "batch", "nst") or reading.load(place / "a.png").shape[0] > 0


@pytest.mark.parametrize("command", COMMANDS)
def test_readers_who_left_cost_nothing(place, command):
    stdout, stderr = left_pipe(), left_pipe()
    with run(place, command, stdout=stdout, stderr=stderr) as process:
        os.close(stdout)
        os.close(stderr)
    assert process.returncode == 0
    assert painted(place, command)


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_streams_cost_nothing(place, command):
    with run(place, command, preexec_fn=closed(0, 1, 2)) as process:
        pass
    assert process.returncode == 0
    assert painted(place, command)


@pytest.mark.parametrize("command", ["stylize", "score"])
def test_what_libraries_say_is_not_written_into_a_picture(place, command):
    """Closed descriptors are the first that a file to be opened would get."""
    with run(place, command, stdout=subprocess.PIPE, preexec_fn=closed(0, 2)) as process:
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert command == "stylize" or json.loads(said)
    assert painted(place, command)


@pytest.mark.parametrize("command", ["--help", "networks", "score"])
def test_an_answer_that_a_full_disk_did_not_take_is_missed(place, command):
    with open("/dev/full", "wb") as full, run(place, command, stdout=full, stderr=subprocess.PIPE) as process:
        _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert b"ERROR What was to be printed could not be written (No space left on device)." in said


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (3, 500)])
@pytest.mark.parametrize("command", ["stylize", "batch"])
def test_terminals_of_any_size_show_progress(place, command, size):
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    import termios

    termios.tcsetwinsize(theirs, size)
    with run(place, command, stderr=theirs) as process:
        os.close(theirs)
    said = os.read(ours, 100_000)
    assert process.returncode == 0, said
    assert size[1] == 1 or b"%" in said
    assert painted(place, command)


def test_a_terminal_that_goes_away_costs_nothing(place):
    ours, theirs = pty.openpty()
    with run(place, "stylize", stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.close(ours)
    assert process.returncode == 0
    assert painted(place, "stylize")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_names_that_the_encoding_cannot_print_are_escaped(place, encoding):
    (place / "content.png").rename(place / os.fsdecode(b"\xe4 \xe2\x9c\xbf\x1b[31m\n.png"))
    environment = {**os.environ, "PYTHONIOENCODING": encoding + ":strict", "PYTHONPATH": ROOT}
    name = os.fsdecode(b"\xe4 \xe2\x9c\xbf\x1b[31m\n.png")
    line = ["score", "--content", name, "--style", "style.png", "--image", "style.png", "--size", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "nst_engine", *line], cwd=place, env=environment, capture_output=True, timeout=300
    )
    assert done.returncode == 1
    assert done.stderr.decode(encoding).startswith("ERROR ")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "seen"),
    [("a\nb", r"a\nb"), ("\x1b[2J", r"\x1b[2J"), ("\u202egpj", r"\u202egpj"), ("é ✿", "é ✿"), ("\udcff", r"\udcff")],
)
def test_what_does_not_print_is_shown_escaped(text, seen):
    assert streams.shown(text) == seen


def test_a_name_on_the_command_line_cannot_command_the_terminal(place):
    line = [sys.executable, "-m", "nst_engine", "score", "\x1b[2J\n"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 2
    assert "\x1b" not in done.stderr

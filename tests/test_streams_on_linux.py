"""Commands whose stdin, stdout and stderr are not as they should be."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import termios
import time
from pathlib import Path

import pytest
from command_line import ENVIRONMENT, here, line

from nst_engine.commands import streams
from nst_engine.commands.display import Display
from nst_engine.files import reading, writing
from nst_engine.progress import Step

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
    "paintings": (),
    "doctor": (),
}


def run(place: Path, command: str, **options) -> subprocess.Popen[bytes]:
    return subprocess.Popen(line(command, *COMMANDS[command]), cwd=place, env=ENVIRONMENT, **options)


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


@pytest.mark.parametrize("command", ["stylize", "nst", "score", "networks", "--help"])
def test_missing_streams_cost_nothing(place, command):
    """Closed descriptors are the first that a file to be opened would get, with all that libraries say."""
    with run(place, command, preexec_fn=closed(0, 1, 2)) as process:
        pass
    assert process.returncode == 0
    assert painted(place, command)


@pytest.mark.parametrize("command", ["--help", "networks"])
def test_an_answer_that_a_full_disk_did_not_take_is_missed(place, command):
    with open("/dev/full", "wb") as full, run(place, command, stdout=full, stderr=subprocess.PIPE) as process:
        _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert b"ERROR What was to be printed could not be written (No space left on device)." in said


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (3, 500), (50, 20)])
def test_terminals_of_any_size_show_progress(size):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, size)
    with open(theirs, "w") as screen, contextlib.redirect_stderr(screen), Display() as display:
        display.begin("日本語" * 20)
        for number in range(1, 4):
            display.show(Step(number / 3, 1.5, f"step {number}", dict, lambda: None, number))
            time.sleep(0.11)  # a bar is drawn ten times a second
    said = os.read(ours, 100_000)
    assert size[1] == 1 or b"67%" in said


def test_a_terminal_without_a_size_costs_no_picture(place):
    _, terminal = pty.openpty()
    with run(place, "batch", stderr=terminal) as process:
        pass
    assert process.returncode == 0
    assert painted(place, "batch")


def test_a_terminal_that_goes_away_costs_nothing(place):
    ours, theirs = pty.openpty()
    with run(place, "stylize", stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.close(ours)
    assert process.returncode == 0
    assert painted(place, "stylize")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_names_that_the_encoding_cannot_print_are_escaped(place, encoding):
    name = os.fsdecode(b"\xe4 \xe2\x9c\xbf\x1b[31m\n.pth")
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": encoding + ":strict"}
    done = subprocess.run(line("networks", "verify", name), cwd=place, env=environment, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.decode(encoding).startswith("ERROR There is no network '")
    assert len(done.stderr.splitlines()) == 2
    assert b"\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("text", "seen"),
    [("a\nb", r"a\nb"), ("\x1b[2J", r"\x1b[2J"), ("\u202egpj", r"\u202egpj"), ("é ✿", "é ✿"), ("\udcff", r"\udcff")],
)
def test_what_does_not_print_is_shown_escaped(text, seen):
    assert streams.shown(text) == seen


def test_a_name_on_the_command_line_cannot_command_the_terminal():
    done = here("score", "\x1b[2J\n")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr

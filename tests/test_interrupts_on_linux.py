"""Commands that are told to end while they work: by Ctrl-C, by the end of a session or a service."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import ENVIRONMENT, line

from nst_engine.commands.interrupts import ENDINGS, Cancelling, Interrupts
from nst_engine.files import reading, writing

LONG = ("--quality", "best", "--iterations", "100000", "--size", "64")


@pytest.fixture(autouse=True)
def usual_signals() -> Iterator[None]:
    """None of them ignored, as they are for tests that run under ``nohup`` or in the background of a script."""
    usual = {signal.SIGINT: signal.default_int_handler, **dict.fromkeys(ENDINGS, signal.SIG_DFL)}
    former = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.fixture
def place(tmp_path, content, style) -> Path:
    """A folder with a style, and one floor down two pictures to paint."""
    (tmp_path / "photos").mkdir()
    writing.save(tmp_path / "style.png", style)
    writing.save(tmp_path / "photos" / "a.png", content)
    writing.save(tmp_path / "photos" / "b.png", content)
    return tmp_path


COMMANDS = {
    "stylize": ("--content", "photos/a.png", "--style", "style.png", "--output", "a.png", *LONG),
    "batch": ("photos", "--style", "style.png", "--output", ".", *LONG),
    "nst": ("-c", "photos/a.png", "-s", "style.png", "-r", "a.png", "-n", "100000", "-p", "1", "-v"),
}


def at_work(place: Path, command: str, *more: str, **options) -> subprocess.Popen[str]:
    """The command, when it has told of its first step."""
    process = started(place, command, *COMMANDS[command], *more, **options)
    stream = process.stdout if command == "nst" else process.stderr
    while "step" not in (said := stream.readline()) and "[iteration" not in said:
        assert said, process.communicate()
    return process


def started(place: Path, *arguments: str, **options) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(line(*arguments), cwd=place, env=ENVIRONMENT, **pipes, **options)


def ended(process: subprocess.Popen[str], *numbers: int) -> tuple[int, str]:
    """Exit status and words of a process, after these signals."""
    for number in numbers:
        process.send_signal(number)
    try:
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
    return process.returncode, said


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU))
def test_the_picture_as_it_stands_is_saved_and_told_of(place, number):
    status, said = ended(at_work(place, "stylize", "--report", "r.json"), number)
    assert status == 0, said
    assert "Finishing with the picture as it stands" in said
    assert reading.load(place / "a.png").shape == (48, 64, 4)
    assert len(json.loads((place / "r.json").read_text())["history"]) < 100_000


def test_the_classic_script_is_stopped_as_well(place):
    assert ended(at_work(place, "nst"), signal.SIGINT)[0] == 0
    assert reading.load(place / "a.png").shape == (384, 512, 4)


def test_a_batch_finishes_its_picture_and_stops(place):
    status, said = ended(at_work(place, "batch", "--grid"), signal.SIGINT)
    assert status == 130
    assert "Stopped after 1 of 2 pictures; --resume goes on with the others." in said
    assert sorted(path.name for path in place.iterdir()) == ["a in the style of style.png", "photos", "style.png"]
    assert reading.load(place / "a in the style of style.png").shape == (48, 64, 4)


def test_one_more_ctrl_c_cancels():
    said = []
    with Interrupts(said.append) as interrupts:
        signal.raise_signal(signal.SIGINT)
        assert interrupts.stopped
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert len(said) == 1


def test_the_signals_of_an_ending_session_do_not_cancel_what_they_stopped():
    said = []
    with Interrupts(said.append) as interrupts:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(number)
    assert interrupts.stopped
    assert len(said) == 1


def test_under_nohup_a_terminal_may_go(place):
    ignoring = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    process = at_work(place, "nst", **ignoring)
    process.send_signal(signal.SIGHUP)
    later = [process.stdout.readline() for _ in range(3)]
    assert all(line.startswith("[iteration") for line in later)
    assert ended(process, signal.SIGINT)[0] == 0


def test_handlers_are_as_before_afterwards():
    numbers = (signal.SIGINT, *ENDINGS)
    before = [signal.getsignal(number) for number in numbers]
    with Interrupts(print):
        assert [signal.getsignal(number) for number in numbers] != before
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_command_that_makes_no_picture_is_cancelled(place):
    os.mkfifo(place / "slow.png")
    process = started(place, "score", "--style", "style.png", "--content", "slow.png", "--image", "style.png")
    with (place / "slow.png").open("wb"):  # opens when the command does
        assert ended(process, signal.SIGTERM) == (130, "Cancelled.\n")


def test_ctrl_c_in_a_librarys_callback_is_not_lost(capfd):
    """Python cannot raise there: it would print a traceback and go on."""
    import pyvips

    source = pyvips.SourceCustom()
    source.on_read(lambda count: signal.raise_signal(signal.SIGINT) or b"")
    with pytest.raises(KeyboardInterrupt), Cancelling():
        with contextlib.suppress(pyvips.Error):
            pyvips.Image.new_from_source(source, "")
        time.sleep(60)
    assert capfd.readouterr().err == ""


def test_what_ends_a_session_by_several_signals_cancels_once():
    tidied = []
    with pytest.raises(KeyboardInterrupt), Cancelling():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGHUP)
            tidied.append(True)
    assert tidied


RUN = "import os, sys; sys.argv[1:] = {arguments}; {before}; from nst_engine.__main__ import main; main()"


def run_after(before: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a Python of its own in which something was done before."""
    program = RUN.format(arguments=list(arguments), before=before)
    return subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)


def test_ctrl_c_while_the_command_loads_ends_it_without_a_word():
    find_spec = "lambda name, *rest: os.kill(os.getpid(), 2) if name == 'nst_engine.cli' else None"
    done = run_after(f"sys.meta_path.insert(0, type('Loading', (), {{'find_spec': {find_spec}}}))", "--version")
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


@pytest.mark.parametrize(("missing", "command"), [("psutil", "--version"), ("torch", "doctor")])
def test_a_part_of_the_engine_that_is_missing_is_told_in_a_sentence(missing, command):
    done = run_after(f"sys.modules[{missing!r}] = None", command)
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR A part of the engine is missing or damaged (")
    assert "un install/install.py again." in done.stderr
    assert "Traceback" not in done.stderr


def test_pythons_own_helper_outlives_what_ends_a_session():
    """Else it is started anew in the middle, and complains of what it does not know."""
    code = """
from multiprocessing.resource_tracker import _resource_tracker as helper
from nst_engine.commands.interrupts import ENDINGS, held_back
with held_back():
    pass
facts = dict(line.split(":", 1) for line in open(f"/proc/{helper._pid}/status"))
deaf = int(facts["SigBlk"], 16) | int(facts["SigIgn"], 16)
print([number.name for number in ENDINGS if not deaf >> number - 1 & 1])
"""
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr

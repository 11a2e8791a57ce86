"""Users and machines that lack what others have: a home, a name, a /proc, a language."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from command_line import ENVIRONMENT, line

from nst_engine.files import reading, writing

QUICK = ("--quality", "draft", "--iterations", "1", "--size", "32")

COMMANDS = {
    "stylize": ("--content", "ä/a.png", "--style", "ä/a.png", "--output", "out.png", *QUICK, "--report", "r.json"),
    "batch": ("ä", "--style", "ä/a.png", "--output", ".", "--grid", *QUICK),
    "nst": ("-c", "ä/a.png", "-s", "ä/a.png", "-r", "out.png", "-n", "1", "-v"),
    "score": ("--content", "ä/a.png", "--style", "ä/a.png", "--image", "ä/a.png", "--size", "64"),
    "networks": ("list",),
    "paintings": (),
    "doctor": (),
}

NOBODY = ("unshare", "--user", "--map-user=12345")
"""Runs a command as a user who is in no list of users."""

WITHOUT_PROC = ("unshare", "--mount", "sh", "-c", 'umount -l /proc && exec "$@"', "sh")


@pytest.fixture
def place(tmp_path, content) -> Path:
    (tmp_path / "ä").mkdir()
    writing.save(tmp_path / "ä" / "a.png", content)
    return tmp_path


def run(place: Path, command: str, *before: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: ENVIRONMENT[name] for name in ("PATH", "PYTHONPATH")} | environment
    words = [*before, *line(command, *COMMANDS[command])]
    return subprocess.run(words, cwd=place, env=kept, capture_output=True, text=True, encoding="utf-8", timeout=300)


def able(*command: str) -> bool:
    return subprocess.run([*command, "true"], capture_output=True).returncode == 0


def check(done: subprocess.CompletedProcess[str], place: Path) -> None:
    """All went well, and nothing lies where it does not belong, as in a folder named ``~``."""
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    known = {"ä", "out.png", "r.json", "a in the style of a.png", "contact-sheet.jpg"}
    assert {path.name for path in place.iterdir()} <= known
    if (place / "out.png").exists():
        assert reading.load(place / "out.png").shape[2] == 4


@pytest.mark.parametrize("command", ["stylize", "networks", "paintings", "doctor"])
def test_a_user_without_home_and_name(place, command):
    if not able(*NOBODY):
        pytest.skip("no user namespaces here")
    check(run(place, command, *NOBODY), place)


@pytest.mark.parametrize("command", ["stylize", "nst", "doctor"])
def test_a_machine_without_proc(place, command):
    if not able(*WITHOUT_PROC):
        pytest.skip("no mount namespaces here")
    done = run(place, command, *WITHOUT_PROC, HOME=str(place))
    check(done, place)
    if command == "doctor":
        assert json.loads(done.stdout)["memory_bytes"]["total"] > 0


@pytest.mark.parametrize("command", ["batch", "score", "networks"])
def test_no_language_and_a_home_that_is_none(place, command):
    check(run(place, command, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", HOME="/proc/nowhere"), place)


@pytest.mark.parametrize("command", ["stylize", "doctor", "networks", "worker"])
def test_a_working_folder_that_is_gone(place, command):
    """PyTorch's MKL ends the process there."""
    gone = place / "gone"
    gone.mkdir()
    arguments = [str(place / word) if "/" in word or "." in word else word for word in COMMANDS.get(command, ())]
    done = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *line(command, *arguments)],
        cwd=gone,
        env=ENVIRONMENT,
        input=b"",
        capture_output=True,
        timeout=300,
    )
    assert b"FATAL" not in done.stderr
    if command in ("stylize", "doctor"):
        assert done.stderr.startswith(b"ERROR The folder of this shell is gone.")
    else:
        assert done.returncode == 0

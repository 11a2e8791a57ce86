"""Which Pythons can carry the engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from errors import InstallError
from machine import Machine
from pythons import Interpreter, examine, insist_on, running_python, suits_flatpak

Program = Callable[[str, str], Path]

GOOD = Interpreter(
    executable=Path("/usr/bin/python3"),
    version=(3, 12),
    base="/usr",
    has_64_bits=True,
    is_mingw=False,
    has_ensurepip=True,
    has_pip=True,
)


def answering(**changes: object) -> str:
    """Return a script that says of itself what a Python with these properties would."""
    facts = {**vars(GOOD), "executable": "/made/up/python", **changes}
    return f"cat <<'END'\n{json.dumps(facts)}\nEND"


def test_the_running_python_is_examined_truly(linux: Machine) -> None:
    python = running_python(linux)
    assert python.version == sys.version_info[:2]
    assert python.has_64_bits


def test_what_is_no_python_has_nothing_to_say(linux: Machine, add_program: Program) -> None:
    assert examine(add_program("python3", "echo 'command not found' >&2; exit 127"), linux) is None
    assert examine(linux.home / "missing", linux) is None


def test_a_flatpak_needs_a_python_below_home(linux: Machine) -> None:
    assert suits_flatpak(replace(GOOD, base=str(linux.home / "python")), linux)
    assert not suits_flatpak(GOOD, linux)


@pytest.mark.parametrize(
    "python, words",
    [
        (replace(GOOD, version=(3, 9)), "Python 3.10 to 3.14"),
        (replace(GOOD, version=(3, 15)), "Python 3.10 to 3.14"),
        (replace(GOOD, has_64_bits=False), "64 bits"),
        (replace(GOOD, is_mingw=True), "part of a GIMP"),
        (replace(GOOD, base="/Applications/GIMP.app/Contents/Resources"), "part of a GIMP"),
        (replace(GOOD, base=r"C:\Program Files\WindowsApps\PythonSoftwareFoundation"), "Microsoft Store"),
    ],
)
def test_pythons_that_cannot_carry_the_engine_say_why(python: Interpreter, words: str) -> None:
    assert python.obstacle is not None
    assert words in python.obstacle


def test_a_good_python_has_no_obstacle() -> None:
    assert GOOD.obstacle is None


def test_a_named_python_is_taken(linux: Machine, add_program: Program) -> None:
    assert insist_on(add_program("mine", answering(version=(3, 13))), linux).version == (3, 13)


def test_a_named_python_that_will_not_do_is_refused_with_the_reason(linux: Machine, add_program: Program) -> None:
    with pytest.raises(InstallError, match=r"3\.10 to 3\.14"):
        insist_on(add_program("old", answering(version=(3, 8))), linux)


def test_a_named_file_that_is_no_python_is_refused(linux: Machine) -> None:
    with pytest.raises(InstallError, match="is not a Python that runs"):
        insist_on(linux.home / "missing", linux)

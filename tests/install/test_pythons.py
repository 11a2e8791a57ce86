"""Choosing the Python that the engine is built on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from errors import InstallError
from machine import Machine
from pythons import Interpreter, choose_python, examine, launcher_paths

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
    python = examine(sys.executable, linux)
    assert python is not None
    assert python.version == sys.version_info[:2]
    assert python.has_64_bits


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


def test_without_any_good_python_one_has_to_be_fetched(linux: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert choose_python(linux, None) is None


def test_a_broken_command_is_passed_over(linux: Machine, add_program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    add_program("python3.13", "echo 'python3.13: command not found' >&2; exit 127")
    add_program("python3.11", answering(version=(3, 11)))
    chosen = choose_python(linux, None)
    assert chosen is not None
    assert chosen.version == (3, 11)


def test_a_python_with_its_own_pip_comes_first(
    linux: Machine, add_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(add_program("bare", answering(executable="/a", has_ensurepip=False))))
    add_program("python3.10", answering(executable="/b", version=(3, 10)))
    chosen = choose_python(linux, None)
    assert chosen is not None
    assert chosen.executable == Path("/b")


def test_a_flatpak_needs_a_python_below_home(
    linux: Machine, add_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(add_program("running", answering(base="/usr"))))
    assert choose_python(linux, None, for_flatpak=True) is None
    add_program("python3.12", answering(executable="/c", base=str(linux.home / "python")))
    chosen = choose_python(linux, None, for_flatpak=True)
    assert chosen is not None
    assert chosen.executable == Path("/c")


def test_a_named_python_is_taken(linux: Machine, add_program: Program) -> None:
    named = choose_python(linux, add_program("mine", answering(version=(3, 13))))
    assert named is not None
    assert named.version == (3, 13)


def test_a_named_python_that_will_not_do_is_refused_with_the_reason(linux: Machine, add_program: Program) -> None:
    with pytest.raises(InstallError, match=r"3\.10 to 3\.14"):
        choose_python(linux, add_program("old", answering(version=(3, 8))))


def test_a_named_file_that_is_no_python_is_refused(linux: Machine) -> None:
    with pytest.raises(InstallError, match="is not a Python that runs"):
        choose_python(linux, linux.home / "missing")


def test_the_launchers_list_is_read_with_spaces_in_paths() -> None:
    listing = " -V:3.12 *        C:\\Users\\Zoë M\\Python312\\python.exe\n -V:3.10          D:\\Python310\\python.exe\n"
    assert launcher_paths(listing) == ["C:\\Users\\Zoë M\\Python312\\python.exe", "D:\\Python310\\python.exe"]

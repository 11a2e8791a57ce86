"""How the engine's venv comes about: uv and the running Python are stand-ins that keep notes of what they are asked."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import CommandFailed, NoRoom
from engine_home import EngineHome
from installation import Installation
from machine import Machine
from record import Record
from test_pythons import GOOD
from uv import platform_words
from venvs import forget_begun, has_good_venv, make_venv

Program = Callable[[str, str], Path]

PYTHON = """
echo "python $*" >> "{notes}"
case "$*" in
*ensurepip*) cat <<'END'
{facts}
END
;;
*"venv "*) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python" ;;
*"install --quiet uv") cp "{uv}" "$(dirname "$0")/uv" ;;
*"--target"*) mkdir -p "{tools}/bin"; cp "{uv}" "{tools}/bin/uv" ;;
esac
"""
UV = """
test "$1" = --version && exec echo "uv {version}"
echo "uv $*" >> "{notes}"
{answer}
for folder; do :; done; mkdir -p "$folder/bin"; cp "{python}" "$folder/bin/python"
"""


@pytest.fixture
def installation(linux: Machine) -> Installation:
    home = EngineHome(linux.home / "engine")
    home.folder.mkdir()
    return Installation(linux, linux.home, home, Record.load(home.record))


@pytest.fixture
def make(installation: Installation, add_program: Program, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Make the venv with a running Python of these properties and a uv that answers so; return who was asked what."""

    def make(on_path: bool = True, answer: str = "", version: str = "0.9.1", **facts: object) -> list[str]:
        notes, tools = installation.machine.home / "notes", installation.home.tools
        uv = installation.machine.home / "uv to fetch"
        told = json.dumps({**vars(GOOD), "executable": "/made/up/python", **facts}, default=str)
        running = add_program("running", PYTHON.format(notes=notes, facts=told, uv=uv, tools=tools))
        running.write_text(running.read_text().replace("/made/up/python", str(running)))
        add_program("uv", UV.format(notes=notes, version="0.9.1", answer=answer, python=running)).rename(uv)
        if on_path:
            add_program("uv", UV.format(notes=notes, version=version, answer=answer, python=running))
        monkeypatch.setattr(sys, "executable", str(running))
        make_venv(installation, None, for_flatpak=False)
        return asked(installation)

    return make


def asked(installation: Installation) -> list[str]:
    notes = (installation.machine.home / "notes").read_text(encoding="utf-8").splitlines()
    return [line for line in notes if line.startswith(("uv", "python")) and " -c " not in line]


def test_uv_makes_the_venv_from_the_running_python(make: Callable[..., list[str]], installation: Installation) -> None:
    assert make() == [f"uv venv --seed --no-project --python {sys.executable} {installation.home.venv}"]
    assert has_good_venv(installation, for_flatpak=False)


def test_uv_looks_for_a_python_where_the_running_one_will_not_do(
    make: Callable[..., list[str]], installation: Installation
) -> None:
    with pytest.raises(CommandFailed, match="cannot carry the engine: it is part of a GIMP"):
        make(is_mingw=True)  # the stand-in finds no other
    assert asked(installation) == [f"uv venv --seed --no-project --python >=3.10,<3.15 {installation.home.venv}"]


def test_uv_is_fetched_where_it_is_missing(make: Callable[..., list[str]], installation: Installation) -> None:
    first, second, third = make(on_path=False)
    assert first == f"python -I -m venv {installation.home.tools}"
    assert second == "python -I -m pip install --quiet uv"
    assert third.startswith("uv venv --seed")


def test_pip_alone_can_fetch_uv(make: Callable[..., list[str]], installation: Installation) -> None:
    first, second = make(on_path=False, has_ensurepip=False)
    assert first == f"python -I -m pip install --quiet --target {installation.home.tools} uv"
    assert second.startswith("uv venv --seed")


def test_the_pip_of_an_archive_fetches_uv_where_the_running_python_has_none(
    make: Callable[..., list[str]], installation: Installation
) -> None:
    wheel = installation.checkout / "engine/pip-26.3-py3-none-any.whl"
    wheel.parent.mkdir(exist_ok=True)
    wheel.write_bytes(b"")
    first, second = make(on_path=False, has_ensurepip=False, has_pip=False)
    assert first == f"python -I {wheel}/pip install --quiet --target {installation.home.tools} uv"
    assert second.startswith("uv venv --seed")


@pytest.mark.parametrize("is_mingw", [False, True])
def test_gimps_own_python_on_windows_asks_for_the_packages_of_windows(is_mingw: bool) -> None:
    words = platform_words(dataclasses.replace(GOOD, is_mingw=is_mingw))
    assert ("--platform" in words, "--only-binary" in words) == (is_mingw, is_mingw)


def test_an_old_uv_is_passed_over(make: Callable[..., list[str]], installation: Installation) -> None:
    assert make(version="0.4.30")[0] == f"python -I -m venv {installation.home.tools}"


def test_python_makes_the_venv_itself_where_uv_cannot(
    make: Callable[..., list[str]], installation: Installation
) -> None:
    assert make(answer="echo 'error: unreachable'; exit 2")[-1] == f"python -I -m venv {installation.home.venv}"


def test_python_does_not_try_where_uv_had_no_room(make: Callable[..., list[str]], installation: Installation) -> None:
    with pytest.raises(NoRoom, match="Making the venv failed, because a disk is full"):
        make(answer="echo 'error: No space left on device (os error 28)'; exit 2")
    assert [line.split()[0] for line in asked(installation)] == ["uv"]


@pytest.mark.parametrize("place", ["lib/python3.12/site-packages", "Lib/site-packages"])
def test_what_was_half_installed_is_not_taken_for_whole(tmp_path: Path, place: str) -> None:
    packages = tmp_path / place
    for name, code, record in (
        ("whole", "x = 1\n", "whole.py,sha256=x,6\n__pycache__/whole.pyc,,\nwhole-1.dist-info/RECORD,,\n"),
        ("cut", "x", "cut.py,sha256=x,6\n"),
        ("begun", "x = 1\n", None),
        ("gone", None, "gone.py,sha256=x,6\n"),
        ("empty", "x = 1\n", ""),
        ("zeros", "x = 1\n", "\0" * 40),
        ("endless", "x = 1\n", "x" * 200_000),
    ):
        (packages / f"{name}-1.dist-info").mkdir(parents=True)
        for path, text in ((packages / f"{name}.py", code), (packages / f"{name}-1.dist-info/RECORD", record)):
            if text is not None:
                path.write_bytes(text.encode())
    forget_begun(tmp_path)
    assert [path.name for path in packages.glob("*.dist-info")] == ["whole-1.dist-info"]


def test_without_uv_venv_and_pip_one_sentence_says_what_to_install(make: Callable[..., list[str]]) -> None:
    with pytest.raises(CommandFailed, match="neither its module ensurepip nor pip") as caught:
        make(on_path=False, has_ensurepip=False, has_pip=False)
    assert "sudo apt install python3-venv" in caught.value.tip


def test_what_uv_never_needed_stays_the_users(make: Callable[..., list[str]], installation: Installation) -> None:
    make()
    assert not installation.record.owns(installation.home.pythons)
    assert not installation.record.owns(installation.home.cache)

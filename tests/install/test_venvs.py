"""How a venv is made where Python can do it alone, and where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from engine_home import EngineHome
from errors import InstallError
from installation import Installation
from machine import Machine
from test_pythons import GOOD
from venvs import choose_way, make_venv

Program = Callable[[str, str], Path]

BARE = replace(GOOD, has_ensurepip=False, has_pip=False)


def test_a_complete_python_makes_the_venv_itself(linux: Machine) -> None:
    assert choose_way(GOOD, linux) == "venv"


def test_uv_helps_where_ensurepip_is_missing(linux: Machine, add_program: Program) -> None:
    add_program("uv", "")
    assert choose_way(BARE, linux) == "uv"


def test_the_base_pythons_pip_helps_where_ensurepip_is_missing(linux: Machine) -> None:
    assert choose_way(replace(BARE, has_pip=True), linux) == "pip"


def test_root_on_debian_installs_the_missing_package(linux: Machine, add_program: Program) -> None:
    add_program("apt-get", "")
    assert choose_way(BARE, replace(linux, is_superuser=True)) == "apt"


def test_a_user_on_debian_is_told_the_exact_command(linux: Machine, add_program: Program) -> None:
    add_program("apt-get", "")
    with pytest.raises(InstallError) as caught:
        choose_way(BARE, linux)
    assert caught.value.tip == "Run: sudo apt install python3.12-venv"


def test_elsewhere_the_missing_module_is_named(linux: Machine) -> None:
    with pytest.raises(InstallError, match="its module ensurepip is missing"):
        choose_way(BARE, linux)


def test_apt_is_brought_up_to_date_before_the_venv_is_made(linux: Machine, add_program: Program) -> None:
    calls = linux.home / "calls"
    add_program("apt-get", f'echo "apt-get $*" >> "{calls}"')
    python = replace(BARE, executable=add_program("python3", f'echo "python $*" >> "{calls}"'))
    installation = Installation(replace(linux, is_superuser=True), linux.home, EngineHome(linux.home / "engine"))
    make_venv(installation, python, linux.home / "venv")
    assert calls.read_text(encoding="utf-8").splitlines() == [
        "apt-get -q update",
        "apt-get -q -y install python3.12-venv",
        f"python -I -m venv {linux.home / 'venv'}",
    ]

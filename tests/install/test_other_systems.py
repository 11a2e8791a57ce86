"""What Windows and macOS ask of the installer, on made-up machines: odd names, long paths, no console, no registry."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from engine_home import EngineHome, data_folder
from gimps import program_folders
from installation import Installation
from machine import Machine, child_environment
from plan import Wishes, install_plan
from record import Record
from small_engine import write_torch
from source import ENGINE, RELEASE
from steps import may_be_deep
from uv import run_uv
from words import Words

from install import this_machine
from nst_plugin.shared import engines

CHECKOUT = Path(__file__).resolve().parents[2]
HIDDEN_FROM_USERS = ("demo.py", "release.py")
ODD = "Zoë, Müller & Söhne 100% 日本"
"""A name as a folder may have it, with what pip, uv, shells and addresses take for signs of theirs."""


def archive_on(linux: Machine, platform: str) -> Installation:
    """The archive as it was unzipped into a plug-ins folder on another system."""
    machine = replace(linux, platform=platform, environ={})
    checkout = linux.home / ODD / "GIMP/3.0/plug-ins/neural-style"
    (checkout / "nst_plugin/shared").mkdir(parents=True)
    (checkout / RELEASE).write_text(json.dumps({"format": 1, "version": "1.0"}))
    (checkout / "nst_plugin/shared/frames.py").write_text("PROTOCOL = 1")
    return Installation(machine, checkout, EngineHome(data_folder(machine), machine.is_windows), Record())


@pytest.mark.parametrize(
    "platform, folder, python, build",
    [
        ("win32", "AppData/Local/NeuralStyle", "venv/Scripts/python.exe", "cpu, for the processor"),
        ("darwin", "Library/Application Support/NeuralStyle", "venv/bin/python", "index, for macOS"),
    ],
)
def test_an_archives_plan_is_for_the_users_own_folders(
    linux: Machine, platform: str, folder: str, python: str, build: str
) -> None:
    installation = archive_on(linux, platform)
    plan = install_plan(installation, Wishes(in_place=True))
    told = [step.describe() for step in plan]
    assert f"{linux.home / folder}, {installation.checkout.parent}" in told[0]
    assert f"build {build}" in told[2]
    plan[-1].apply(installation)
    command = engines.command(engines.chosen(folder=str(installation.checkout)))
    assert command == [str(linux.home / folder / python), "-I", "-m", "nst_engine", "worker"]
    assert (installation.checkout / ENGINE).read_bytes().isascii()


def test_programs_of_windows_are_looked_for_where_python_says() -> None:
    environ = {"PROGRAMFILES": "/D/Programme", "LOCALAPPDATA": "/C/local"}  # as os.environ has them: in capitals
    found = program_folders(Machine("win32", environ, Path("/C/Users")))
    assert found == [Path("/D/Programme"), Path("/C/local/Programs")]


def test_a_folder_of_wheels_may_have_any_name(tmp_path: Path) -> None:
    wheels = tmp_path / ODD
    write_torch(wheels)
    environ = {**child_environment(this_machine(wheels).environ), "PIP_CONFIG_FILE": os.devnull, "PIP_CONSTRAINT": ""}
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", tmp_path / "there", "torch"]
    subprocess.run(download, env=environ, check=True, stdout=subprocess.DEVNULL)
    assert [path.name.partition("-")[0] for path in (tmp_path / "there").iterdir()] == ["torch"]


def test_a_folder_is_too_deep_where_the_system_takes_no_longer_paths(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d" * 200] * 19, "d" * (3980 - len(str(tmp_path)) - 19 * 201))
    if sys.platform == "linux":
        deep.mkdir(parents=True)
        assert not may_be_deep(deep)
    assert may_be_deep(tmp_path)


def test_no_program_that_is_started_opens_a_console() -> None:
    modules = [path for path in (CHECKOUT / "install").glob("*.py") if path.name not in HIDDEN_FROM_USERS]
    for path in (*modules, *(CHECKOUT / "gimp_plugin/neural-style").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("subprocess.Popen", "subprocess.run"):
                assert "creationflags" in {keyword.arg for keyword in node.keywords}, (path.name, node.lineno)


def test_without_streams_as_under_pythonw_the_installer_does_its_work(tmp_path: Path) -> None:
    code = (
        "import runpy, sys; sys.stdin = sys.stdout = sys.stderr = None; sys.argv = sys.argv[1:]; "
        "sys.path.insert(0, sys.argv[0]); runpy.run_module('install', run_name='__main__')"
    )
    words = [str(CHECKOUT / "install"), "--dry-run", "--gimp-folder", str(tmp_path / "3.0")]
    data = ["--data-folder", str(tmp_path / ODD)]
    done = subprocess.run([sys.executable, "-c", code, *words, *data], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_python_that_uv_brings_leaves_no_trace_in_registry_and_path(
    linux: Machine, add_program: Callable[[str, str], Path]
) -> None:
    seen = linux.home / "seen"
    add_program("uv", f'if [ "$1" = --version ]; then echo uv 0.9; else env > "{seen}"; fi')
    home = EngineHome(linux.home / "data")
    home.folder.mkdir()
    installation = Installation(linux, CHECKOUT, home, Record.load(home.record))
    run_uv(installation, Words("Trying it"), "venv")
    assert {"UV_PYTHON_INSTALL_REGISTRY=0", "UV_PYTHON_INSTALL_BIN=0"} <= set(seen.read_text().splitlines())

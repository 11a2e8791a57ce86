"""The installer as a whole, from plan to removal. The engine's Python is a stand-in that prints a table of options."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_home import EngineHome
from errors import InstallError
from install_state import InstallState
from installation import Installation
from machine import Machine
from plan import Wishes, install_plan, uninstall_plan
from steps import InstallPlugin, MakeVenv, PrepareFolders

Program = Callable[[str, str], Path]

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALLER = CHECKOUT / "install/install.py"


@pytest.fixture
def installation(linux: Machine, add_program: Program) -> Installation:
    """An installation whose venv is already there."""
    home = EngineHome(linux.home / ".local/share/neural-style")
    home.python.parent.mkdir(parents=True)
    add_program("stand-in", "echo '{}'").rename(home.python)
    installation = Installation(linux, CHECKOUT, home)
    installation.claim(home.venv)
    return installation


@pytest.fixture
def gimp(linux: Machine) -> Path:
    folder = linux.home / ".config/GIMP/3.0"
    folder.mkdir(parents=True)
    return folder


def run_installer(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/nowhere", "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", **variables}
    command = [sys.executable, str(INSTALLER), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, encoding="utf-8")


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


def install_plugin_only(installation: Installation, gimp: Path) -> Path:
    PrepareFolders([gimp / "plug-ins"]).apply(installation)
    InstallPlugin(gimp).apply(installation)
    return gimp / "plug-ins/neural-style"


def uninstall(installation: Installation) -> None:
    for step in uninstall_plan(installation):
        step.apply(installation)


def test_a_dry_run_prints_the_plan_and_changes_nothing(home: Path, gimp: Path) -> None:
    before = everything_below(home)
    outcome = run_installer(home, "--dry-run")
    assert outcome.returncode == 0, outcome.stderr
    assert f"Install the plug-in into {gimp / 'plug-ins'}" in outcome.stdout
    assert str(home / ".local/share/neural-style/venv") in outcome.stdout
    assert everything_below(home) == before


def test_without_any_gimp_one_sentence_says_what_to_do(home: Path) -> None:
    outcome = run_installer(home)
    assert outcome.returncode == 1
    assert outcome.stderr.splitlines()[-2] == "ERROR No GIMP 3 that can use the plug-in was found."
    assert outcome.stderr.splitlines()[-1].startswith("TIP Install GIMP 3")
    assert everything_below(home) == []


def test_a_file_where_the_engine_must_go_is_one_sentence(home: Path, gimp: Path) -> None:
    (home / "taken").write_text("")
    outcome = run_installer(home, "--data-folder", str(home / "taken/engine"))
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    assert f"ERROR The folder {home / 'taken/engine'} cannot be written to (Not a directory)." in outcome.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="sudo is about being root")
def test_sudo_is_refused_because_it_would_serve_root_only(home: Path, gimp: Path) -> None:
    outcome = run_installer(home, "--dry-run", SUDO_USER="zoe")
    assert outcome.returncode == 1
    assert "TIP Run it without sudo." in outcome.stderr


def test_a_damaged_record_is_one_sentence(home: Path, gimp: Path) -> None:
    record = home / ".local/share/neural-style/install-state.json"
    record.parent.mkdir(parents=True)
    record.write_text("{")
    outcome = run_installer(home, "--dry-run")
    assert outcome.returncode == 1
    assert "is not the record of an installation" in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("words", ["not json", "[]", '{"a": 1}', "[1]"])
def test_an_engine_command_must_be_a_list_of_words(home: Path, words: str) -> None:
    outcome = run_installer(home, "--engine-command", words)
    assert outcome.returncode == 2
    assert "--engine-command" in outcome.stderr.splitlines()[-1]


def test_removing_where_nothing_is_installed_says_so(home: Path) -> None:
    outcome = run_installer(home, "--uninstall")
    assert outcome.returncode == 0
    assert outcome.stdout.startswith("Nothing is installed in")


def test_every_gimp_gets_the_plugin_and_the_engine_comes_first(installation: Installation, gimp: Path) -> None:
    (gimp.parent / "3.2").mkdir()
    plan = install_plan(installation, Wishes(torch_backend="index"))
    names = [type(step).__name__ for step in plan]
    assert names[:4] == ["PrepareFolders", "MakeVenv", "InstallTorch", "InstallEngine"]
    assert names[4:] == ["InstallPlugin", "InstallPlugin", "SelfTest"]


def test_named_folders_replace_the_found_ones(installation: Installation, gimp: Path, tmp_path: Path) -> None:
    plan = install_plan(installation, Wishes(gimp_folders=[tmp_path / "profile"]))
    assert [step.gimp_folder for step in plan if isinstance(step, InstallPlugin)] == [tmp_path / "profile"]


def test_a_remote_engine_is_written_instead_of_the_local_one(installation: Installation, gimp: Path) -> None:
    PrepareFolders([gimp / "plug-ins"]).apply(installation)
    InstallPlugin(gimp, ["ssh", "gpu-box", "nst-engine", "worker"]).apply(installation)
    engines = json.loads((gimp / "plug-ins/neural-style/engine.json").read_text())["engines"]
    assert engines[0]["command"] == ["ssh", "gpu-box", "nst-engine", "worker"]


def test_installing_twice_leaves_the_same_files_and_record(installation: Installation, gimp: Path) -> None:
    install_plugin_only(installation, gimp)
    files, record = everything_below(gimp), installation.home.state.read_text(encoding="utf-8")
    install_plugin_only(installation, gimp)
    assert everything_below(gimp) == files
    assert installation.home.state.read_text(encoding="utf-8") == record


def test_the_record_is_read_back_as_it_was_written(installation: Installation, gimp: Path) -> None:
    install_plugin_only(installation, gimp)
    assert InstallState.load(installation.home.state) == installation.state


def test_removing_leaves_nothing_behind(installation: Installation, gimp: Path) -> None:
    plugin = install_plugin_only(installation, gimp)
    (plugin / "nst_plugin/__pycache__").mkdir()
    uninstall(installation)
    assert list(gimp.iterdir()) == []
    assert not installation.home.folder.exists()
    assert installation.notes == []


def test_gimp_2_10_gets_its_own_plugin_and_loses_it_again(installation: Installation, gimp: Path) -> None:
    folder = gimp.parent / "2.10"
    PrepareFolders([folder / "plug-ins"]).apply(installation)
    InstallPlugin(folder).apply(installation)
    plugin = folder / "plug-ins/neural_style_210"
    assert (plugin / "neural_style_210.py").is_file()
    (plugin / "nst_plugin/frames.pyc").write_bytes(b"")  # as Python 2.7 leaves it
    uninstall(installation)
    assert not folder.exists()
    assert installation.notes == []


def test_removing_leaves_foreign_and_changed_files_and_names_them(installation: Installation, gimp: Path) -> None:
    plugin = install_plugin_only(installation, gimp)
    (plugin / "notes.txt").write_text("mine")
    (plugin / "engine.json").write_text("changed")
    uninstall(installation)
    assert sorted(path.name for path in plugin.iterdir()) == ["engine.json", "notes.txt"]
    assert str(plugin / "notes.txt") in installation.notes[0]
    assert str(plugin / "engine.json") in installation.notes[0]


def test_removing_leaves_the_engines_own_logs(installation: Installation, gimp: Path) -> None:
    install_plugin_only(installation, gimp)
    engine_log = installation.home.log.parent / "engine.log"
    engine_log.parent.mkdir(exist_ok=True)
    engine_log.write_text("")
    uninstall(installation)
    assert engine_log.exists()
    assert not installation.home.venv.exists()
    assert str(engine_log) in installation.notes[-1]


def test_a_venv_that_somebody_else_made_is_not_touched(linux: Machine) -> None:
    home = EngineHome(linux.home / "mine")
    (home.venv / "precious").mkdir(parents=True)
    with pytest.raises(InstallError, match="was not made by this installer"):
        MakeVenv(home.venv, None).apply(Installation(linux, CHECKOUT, home))
    assert (home.venv / "precious").exists()

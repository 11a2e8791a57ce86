"""Who stops an update or a repair has the engine of before, whatever was done to it meanwhile."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from engine_home import EngineHome
from installation import Installation
from keeping import copy, old_engine_kept
from killing import Killed, Killer
from machine import Machine
from placing import size_of
from record import Record

CHECKOUT = Path(__file__).resolve().parents[2]
OLD = {"python": "a program", "torch/__init__.py": "version = 1", "torch/gone.py": "", "nst_engine/__init__.py": "old"}


def opened(linux: Machine) -> Installation:
    home = EngineHome(linux.home / "data")
    return Installation(linux, CHECKOUT, home, Record.load(home.record))


@pytest.fixture
def installation(linux: Machine) -> Installation:
    """One whose venv is there, with a link in it as venvs have."""
    (linux.home / "data").mkdir()
    installation = opened(linux)
    installation.record.torch_backend = "cpu"
    installation.record.claim(installation.home.venv)
    for name, text in OLD.items():
        path = installation.home.python.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (installation.home.venv / "lib64").symlink_to("bin")
    return installation


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def change(installation: Installation) -> None:
    """As pip does: files go, come, and give way to others of their name."""
    site = installation.home.python.parent
    (site / "torch/gone.py").unlink()
    (site / "torch/new.py").write_text("new")
    (site / "nst_engine/fresh").write_text("half")
    (site / "nst_engine/fresh").rename(site / "nst_engine/__init__.py")
    installation.record.torch_backend = "cu130"
    installation.record.save()


def test_a_repair_that_is_stopped_or_fails_leaves_the_old_engine(installation: Installation) -> None:
    before = contents(installation.home.venv)
    with pytest.raises(KeyboardInterrupt), old_engine_kept(installation):
        change(installation)
        raise KeyboardInterrupt
    assert contents(installation.home.venv) == before
    assert (installation.home.venv / "lib64").is_symlink()
    assert Record.load(installation.home.record).torch_backend == "cpu"
    assert sorted(os.listdir(installation.home.folder)) == ["install-state.json", "venv"]


def test_a_venv_that_was_removed_meanwhile_is_back_too(installation: Installation) -> None:
    before = contents(installation.home.venv)
    with pytest.raises(KeyError), old_engine_kept(installation):
        installation.home.venv.rename(installation.home.folder / "elsewhere")
        raise KeyError
    assert contents(installation.home.venv) == before


def test_what_went_well_stays_and_nothing_is_left_of_the_old(installation: Installation) -> None:
    with old_engine_kept(installation):
        assert size_of(installation.home.before) == size_of(installation.home.venv)
        assert size_of(installation.home.folder) < 2 * size_of(installation.home.venv) + 10_000
        change(installation)
    assert contents(installation.home.venv)["bin/nst_engine/__init__.py"] == "half"
    record = Record.load(installation.home.record)
    assert (record.torch_backend, record.trees) == ("cu130", ["venv"])
    assert sorted(os.listdir(installation.home.folder)) == ["install-state.json", "venv"]


def test_a_first_installation_has_nothing_to_keep(linux: Machine) -> None:
    (linux.home / "data").mkdir()
    installation = opened(linux)
    with old_engine_kept(installation):
        assert list(installation.home.folder.iterdir()) == []


def test_after_a_kill_at_any_moment_the_next_run_has_the_old_engine(
    installation: Installation, linux: Machine, killer: Killer
) -> None:
    before = contents(installation.home.venv)
    for step in itertools.count():
        killer.left = step
        try:
            copy(installation)
            change(installation)
        except Killed:
            pass
        is_through, killer.left = killer.left is not None, None
        installation = opened(linux)
        with old_engine_kept(installation):
            assert contents(installation.home.venv) == before
        if is_through:
            break
    assert step > 10

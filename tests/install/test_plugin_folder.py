"""What the installer puts into a GIMP user folder, and what it refuses to touch."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from errors import InstallError
from plugin_folder import install_plugin, local_engine, other_copies, plugin_name, remote_engine, worker_command
from record import Record
from source import NAME_210, version_of

from nst_engine import __version__

CHECKOUT = Path(__file__).resolve().parents[2]

COMMAND = ["/home/zoë/venv/bin/python", "-I", "-m", "nst_engine", "worker"]
ENGINE = local_engine(COMMAND)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The least that a checkout can be."""
    folder = tmp_path / "check out"
    package = folder / "gimp_plugin/neural-style/nst_plugin"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__/dialog.pyc").write_bytes(b"")
    (package / "dialog.py").write_text("")
    (package.parent / "neural-style.py").write_text("#!/usr/bin/env python3\n")
    (package.parents[1] / "gimp210").mkdir()
    (package.parents[1] / "gimp210/neural_style_210.py").write_text("#!/usr/bin/env python2\n")
    (package.parent / "help").mkdir()
    (package.parent / "help/page.html").write_text("")
    (folder / "nst_engine").mkdir()
    (folder / "nst_engine/frames.py").write_text("")
    (folder / "nst_engine/__init__.py").write_text('__version__ = "1.2"\n')
    return folder


@pytest.fixture
def gimp(home: Path) -> Path:
    folder = home / "GIMP/3.0"
    (folder / "plug-ins").mkdir(parents=True)
    return folder


@pytest.fixture
def record(home: Path) -> Record:
    return Record.load(home / "install-state.json")


def files_in(plugin: Path) -> set[str]:
    return {str(path.relative_to(plugin)) for path in plugin.rglob("*") if path.is_file()}


def test_the_plugin_is_put_together_from_both_halves(checkout: Path, gimp: Path, record: Record) -> None:
    assert install_plugin(gimp / "plug-ins", checkout, '{"format": 1}', ENGINE, record) == []
    plugin = gimp / "plug-ins/neural-style"
    code = {"neural-style.py", "nst_plugin/dialog.py", "nst_plugin/shared/frames.py"}
    assert files_in(plugin) == {"engine.json", "options.json", "help/page.html", *code}
    assert (plugin / "options.json").read_text() == '{"format": 1}'


def test_gimp_2_10_gets_its_own_entry_and_only_what_python_2_understands(
    checkout: Path, gimp: Path, record: Record
) -> None:
    package = checkout / "gimp_plugin/neural-style/nst_plugin"
    (package / "shared").mkdir()
    shared = ["__init__.py", "shared/__init__.py", "shared/settings.py"]
    for name in shared:
        (package / name).write_text("")
    install_plugin(gimp / "plug-ins", checkout, "{}", ENGINE, record, plugin_name(gimp.parent / "2.10"))
    plugin = gimp / "plug-ins" / NAME_210
    package_files = {f"nst_plugin/{name}" for name in (*shared, "shared/frames.py")}
    assert files_in(plugin) == {"neural_style_210.py", "engine.json", "options.json", *package_files}


def test_the_plug_in_is_told_of_its_engine(checkout: Path, gimp: Path, record: Record) -> None:
    install_plugin(gimp / "plug-ins", checkout, "{}", ENGINE, record)
    told = json.loads((gimp / "plug-ins/neural-style/engine.json").read_text())
    assert told == {"format": 1, "version": "1.2", "engines": [{"name": "This computer", "command": COMMAND}]}


def engine_names(gimp: Path) -> list[str]:
    told = json.loads((gimp / "plug-ins/neural-style/engine.json").read_text())
    return [engine["name"] for engine in told["engines"]]


def test_an_engine_elsewhere_comes_first_and_one_that_was_there_before_stays(
    checkout: Path, gimp: Path, record: Record, tmp_path: Path
) -> None:
    (tmp_path / "python").touch()
    install_plugin(gimp / "plug-ins", checkout, "{}", local_engine([str(tmp_path / "python")]), record)
    install_plugin(gimp / "plug-ins", checkout, "{}", remote_engine("me@gpu-box"), record)
    assert engine_names(gimp) == ["me@gpu-box", "This computer"]
    (tmp_path / "python").unlink()
    install_plugin(gimp / "plug-ins", checkout, "{}", remote_engine("other-box", ["ssh", "-4"]), record)
    assert engine_names(gimp) == ["other-box", "me@gpu-box"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"engines": 7}', '{"engines": [7]}', '{"engines": [{"name": 7}]}'])
def test_what_is_no_list_of_engines_is_no_reason_to_stop(checkout: Path, gimp: Path, record: Record, text: str) -> None:
    (gimp / "plug-ins/neural-style").mkdir(parents=True)
    (gimp / "plug-ins/neural-style/engine.json").write_text(text)
    install_plugin(gimp / "plug-ins", checkout, "{}", ENGINE, record)
    assert engine_names(gimp) == ["This computer"]


def test_the_engines_version_is_the_plug_ins_too() -> None:
    assert version_of(CHECKOUT) == __version__


def test_the_worker_is_started_without_what_gimp_tells_python() -> None:
    assert worker_command(Path("/v/bin/python")) == ["/v/bin/python", "-I", "-m", "nst_engine", "worker"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_only_the_entry_is_executable(checkout: Path, gimp: Path, record: Record) -> None:
    install_plugin(gimp / "plug-ins", checkout, "{}", ENGINE, record)
    executable = [path.name for path in gimp.rglob("*") if path.is_file() and os.access(path, os.X_OK)]
    assert executable == ["neural-style.py"]


def test_an_update_removes_what_is_no_more_and_gives_a_new_time(checkout: Path, gimp: Path, record: Record) -> None:
    retired = checkout / "gimp_plugin/neural-style/nst_plugin/retired.py"
    retired.write_text("")
    install_plugin(gimp / "plug-ins", checkout, "{}", ENGINE, record)
    plugin = gimp / "plug-ins/neural-style"
    long_ago = time.time() - 1000
    os.utime(plugin / "neural-style.py", (long_ago, long_ago))
    retired.unlink()
    install_plugin(gimp / "plug-ins", checkout, "{}", ENGINE, record)
    assert not (plugin / "nst_plugin/retired.py").exists()
    assert (plugin / "neural-style.py").stat().st_mtime > long_ago + 500
    assert [path.name for path in (gimp / "plug-ins").iterdir()] == ["neural-style"]


def test_a_plug_in_that_came_some_other_way_is_kept_under_a_new_name(
    checkout: Path, gimp: Path, record: Record
) -> None:
    shutil.copytree(checkout / "gimp_plugin/neural-style", gimp / "plug-ins/neural-style")
    (gimp / "plug-ins/neural-style/notes.txt").write_text("mine")
    kept = install_plugin(gimp / "plug-ins", checkout, "{}", ENGINE, record)
    assert kept == [gimp / "plug-ins/.neural-style.old"]
    assert (kept[0] / "notes.txt").read_text() == "mine"
    assert not (gimp / "plug-ins/neural-style/notes.txt").exists()


def test_a_developers_link_is_kept_under_a_new_name(checkout: Path, gimp: Path, record: Record) -> None:
    source = checkout / "gimp_plugin/neural-style"
    (gimp / "plug-ins/neural-style").symlink_to(source)
    before = files_in(source)
    kept = install_plugin(gimp / "plug-ins", checkout, "{}", ENGINE, record)
    assert kept[0].is_symlink()
    assert files_in(source) == before
    assert not (gimp / "plug-ins/neural-style").is_symlink()


def test_somebody_elses_plugin_of_that_name_is_not_overwritten(checkout: Path, gimp: Path, record: Record) -> None:
    foreign = gimp / "plug-ins/neural-style/neural-style.py"
    foreign.parent.mkdir()
    foreign.write_text("theirs")
    with pytest.raises(InstallError, match="is not this plug-in"):
        install_plugin(gimp / "plug-ins", checkout, "{}", ENGINE, record)
    assert foreign.read_text() == "theirs"


def test_other_copies_are_found_wherever_the_same_gimp_looks(gimp: Path, tmp_path: Path) -> None:
    added = tmp_path / "my plug-ins"
    (gimp / "gimprc").write_text(f'(plug-in-path "${{gimp_dir}}/plug-ins:${{gimp_plug_in_dir}}/plug-ins:{added}")\n')
    places = [
        gimp / "plug-ins/neural-style-old",
        added / "neural-style",
        tmp_path / "usr/lib/x86_64-linux-gnu/gimp/3.0/plug-ins/neural-style",
    ]
    for place in [*places, gimp / "plug-ins/neural-style", gimp / "plug-ins/foggify"]:
        place.mkdir(parents=True)
        name = "foggify.py" if place.name == "foggify" else "neural-style.py"
        (place / name).write_text("")
    assert other_copies(gimp, tmp_path) == sorted(places)

"""What the installer puts into a GIMP user folder, and what it refuses to touch."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from errors import InstallError
from plugin_folder import (
    NAME_210,
    SHARED_WITH_210,
    install_plugin,
    other_copies,
    plugin_name,
    protocol_of,
    worker_command,
)

COMMAND = ["/home/zoë/venv/bin/python", "-I", "-m", "nst_engine", "worker"]


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
    (folder / "README.md").write_text("## Use it in GIMP\n\n## Troubleshooting\n")
    (folder / "nst_engine").mkdir()
    (folder / "nst_engine/frames.py").write_text("PROTOCOL = 7\n")
    return folder


@pytest.fixture
def gimp(home: Path) -> Path:
    folder = home / "GIMP/3.0"
    (folder / "plug-ins").mkdir(parents=True)
    return folder


def test_the_plugin_is_put_together_from_both_halves(checkout: Path, gimp: Path) -> None:
    plugin = install_plugin(gimp / "plug-ins", checkout, '{"format": 1}', COMMAND)
    files = sorted(str(path.relative_to(plugin)) for path in plugin.rglob("*") if path.is_file())
    help_pages = ["help/en/gimp-help.xml", "help/en/neural-style.html"]
    code = ["neural-style.py", "nst_plugin/dialog.py", "nst_plugin/frames.py"]
    assert files == ["engine.json", *help_pages, *code, "options.json"]
    assert (plugin / "options.json").read_text() == '{"format": 1}'


def test_gimp_2_10_gets_its_own_entry_and_only_what_python_2_understands(checkout: Path, gimp: Path) -> None:
    for module in SHARED_WITH_210:
        (checkout / f"gimp_plugin/neural-style/nst_plugin/{module}.py").write_text("")
    plugin = install_plugin(gimp / "plug-ins", checkout, "{}", COMMAND, plugin_name(gimp.parent / "2.10"))
    assert plugin.name == NAME_210
    files = {str(path.relative_to(plugin)) for path in plugin.rglob("*") if path.is_file()}
    shared = {f"nst_plugin/{module}.py" for module in (*SHARED_WITH_210, "frames")}
    assert files == {"neural_style_210.py", "engine.json", "options.json", *shared}
    assert [path.name for path in plugin.rglob("*") if path.is_file() and os.access(path, os.X_OK)] == [
        "neural_style_210.py"
    ]


def test_the_engine_is_named_with_the_protocol_that_frames_state(checkout: Path, gimp: Path) -> None:
    plugin = install_plugin(gimp / "plug-ins", checkout, "{}", COMMAND)
    engine = {"name": "This computer", "command": COMMAND, "protocol": 7}
    assert json.loads((plugin / "engine.json").read_text()) == {"format": 1, "engines": [engine]}
    assert protocol_of(checkout) == 7


def test_the_worker_is_started_without_what_gimp_tells_python() -> None:
    assert worker_command(Path("/v/bin/python")) == ["/v/bin/python", "-I", "-m", "nst_engine", "worker"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_only_the_entry_is_executable(checkout: Path, gimp: Path) -> None:
    plugin = install_plugin(gimp / "plug-ins", checkout, "{}", COMMAND)
    assert [path.name for path in plugin.rglob("*.py") if os.access(path, os.X_OK)] == ["neural-style.py"]


def test_an_older_copy_is_replaced_whole_and_gets_a_new_time(checkout: Path, gimp: Path) -> None:
    long_ago = time.time() - 1000
    os.utime(checkout / "gimp_plugin/neural-style/neural-style.py", (long_ago, long_ago))
    plugin = install_plugin(gimp / "plug-ins", checkout, "{}", COMMAND)
    (plugin / "nst_plugin/retired.py").write_text("")
    install_plugin(gimp / "plug-ins", checkout, "{}", COMMAND)
    assert not (plugin / "nst_plugin/retired.py").exists()
    assert (plugin / "neural-style.py").stat().st_mtime > long_ago + 500
    assert [path.name for path in (gimp / "plug-ins").iterdir()] == ["neural-style"]


def test_the_rest_of_an_interrupted_run_is_no_obstacle(checkout: Path, gimp: Path) -> None:
    for rest in (".neural-style.new", ".neural-style.old"):
        (gimp / "plug-ins" / rest / "deep").mkdir(parents=True)
    install_plugin(gimp / "plug-ins", checkout, "{}", COMMAND)
    assert [path.name for path in (gimp / "plug-ins").iterdir()] == ["neural-style"]


def test_a_developers_link_is_replaced_and_its_target_kept(checkout: Path, gimp: Path) -> None:
    source = checkout / "gimp_plugin/neural-style"
    (gimp / "plug-ins/neural-style").symlink_to(source)
    install_plugin(gimp / "plug-ins", checkout, "{}", COMMAND)
    assert not (gimp / "plug-ins/neural-style").is_symlink()
    assert (source / "neural-style.py").exists()


def test_somebody_elses_plugin_of_that_name_is_not_overwritten(checkout: Path, gimp: Path) -> None:
    foreign = gimp / "plug-ins/neural-style/neural-style.py"
    foreign.parent.mkdir()
    foreign.write_text("theirs")
    with pytest.raises(InstallError, match="is not this plug-in"):
        install_plugin(gimp / "plug-ins", checkout, "{}", COMMAND)
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

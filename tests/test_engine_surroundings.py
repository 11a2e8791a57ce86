"""What the plug-in finds and leaves on the disk: which engine to start, in what environment, with which log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from stand_ins import JOB, command

from nst_plugin.shared import engine_process, engines, settings
from nst_plugin.shared.engine_client import Engine
from nst_plugin.shared.errors import EngineError


def test_each_run_has_a_log_of_its_own_and_the_newest_ten_are_kept(logs: Path) -> None:
    logs.mkdir()
    for day in range(10, 30):
        (logs / f"engine-202601{day}-120000-xyz.log").touch()
    (logs / "mine.txt").touch()
    with Engine(command("answers"), [str(logs)]) as one, Engine(command("answers"), [str(logs)]) as other:
        for number, engine in enumerate((one, other)):
            engine.stylize(JOB._replace(options={"seed": number}), lambda *_: None)
    *older, first, second = sorted(logs.glob("engine-*"))
    assert [path.name[13:15] for path in older] == [str(day) for day in range(22, 30)]
    assert {'"seed": 0' in path.read_text() for path in (first, second)} == {True, False}
    assert (logs / "mine.txt").exists()


def test_a_log_goes_where_it_can_be_written_or_nowhere(tmp_path: Path, logs: Path) -> None:
    (tmp_path / "file").touch()
    with (
        Engine(command("exits"), [str(tmp_path / "file/logs"), str(logs)]) as engine,
        pytest.raises(EngineError, match=f"its log may tell more: {logs}/engine-"),
    ):
        engine.wait_for_greeting()
    with Engine(command("answers"), [str(tmp_path / "file/logs")]) as engine:
        assert engine.stylize(JOB, lambda *_: None).used == {}


def test_gimps_own_variables_do_not_reach_the_engine() -> None:
    kept = {"PATH": "/bin", "HOME": "/home/me", "CUDA_VISIBLE_DEVICES": "0", "LANG": "de_DE.UTF-8"}
    gimps = {
        "PYTHONPATH": "x",
        "PYTHONHOME": "x",
        "GI_TYPELIB_PATH": "x",
        "DYLD_LIBRARY_PATH": "x",
        "GIMP3_DIRECTORY": "x",
    }
    assert engine_process.engine_environment({**kept, **gimps, "LD_LIBRARY_PATH": "x"}) == kept


def test_the_engine_of_engine_json_is_used(tmp_path: Path) -> None:
    (tmp_path / "engine.json").write_text(
        '{"format": 1, "engines": [{"name": "a", "command": ["b", "c"], "protocol": 1}]}'
    )
    assert engines.command(engines.chosen("", str(tmp_path))) == ["b", "c"]


NO_ENGINES = [7, None, [], {}, {"name": "x"}, {"host": 7}, {"command": "x"}, {"command": [7]}, {"host": "x", "ssh": 7}]


@pytest.mark.parametrize("entry", NO_ENGINES, ids=repr)
def test_what_is_no_engine_hides_no_other(tmp_path: Path, entry: object) -> None:
    listed = {"format": 1, "engines": [entry, {"command": ["b"]}]}
    (tmp_path / "engine.json").write_text(json.dumps(listed))
    assert [engine.name for engine in engines.known(str(tmp_path))] == ["This computer"]


@pytest.mark.parametrize("text", [None, "", "[]", '{"format": 1, "engines": []}', '{"format": 2, "engines": []}'])
def test_an_unusable_engine_json_means_that_there_is_no_engine(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "engine.json").write_text(text)
    with pytest.raises(EngineError, match="is not installed"):
        engines.chosen("", str(tmp_path))


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {"XDG_STATE_HOME": "/state"}, "/state/neural-style"),
        ("linux", {"XDG_STATE_HOME": "not/absolute"}, "{home}/.local/state/neural-style"),
        ("linux", {}, "{home}/.local/state/neural-style"),
        ("darwin", {}, "{home}/Library/Logs/neural-style"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/neural-style"),
    ],
)
def test_the_log_lies_where_the_system_keeps_such_files(platform: str, environ: dict[str, str], folder: str) -> None:
    assert settings.log_folders(environ, platform)[0] == folder.format(home=Path.home())


def test_who_has_neither_home_nor_name_has_a_log_among_the_temporary_files(tmp_path: Path) -> None:
    become = "os.setuid(54321)" if os.getuid() == 0 else "pass"
    code = f"import os; from nst_plugin.shared import settings; {become}; print(os.getuid(), settings.log_folders())"
    environment = {"TMPDIR": str(tmp_path), "PYTHONPATH": settings.FOLDER}
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o777)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    user, _, folders = done.stdout.strip().partition(" ")
    assert folders == f"['{tmp_path}/neural-style-{user}']", done.stderr

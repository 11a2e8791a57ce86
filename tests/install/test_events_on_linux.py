"""What a program that runs the installer hears of it, and how it stops it."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from commands import NO_NETWORK, CommandFailed, NoRoom, run
from cutting_index import cutting_index
from engine_home import EngineHome
from errors import InstallError, from_system
from installation import Installation
from machine import Machine
from record import Record
from small_engine import write_torch
from steps import PrepareFolders
from words import Words

import install
from install import this_machine

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 60


def started(home: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    return subprocess.Popen(
        [sys.executable, CHECKOUT / "install/install.py", "--events", *arguments],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def events(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    assert process.stdout is not None
    return [json.loads(line) for line in process.stdout]


def test_the_plan_says_what_where_and_how_large(home: Path) -> None:
    with started(home, "--dry-run", "--in-place", "--torch-backend", "cu128") as process:
        told = {event["event"]: event for event in events(process)}
    plan = told["plan"]
    assert plan["folder"] == str(home / ".local/share/neural-style")
    assert [build["name"] for build in plan["builds"]] == ["cu128", "cpu"]
    assert plan["builds"][0]["bytes"] > plan["builds"][1]["bytes"] > 0
    assert (plan["used"], plan["device"], plan["is_installed"]) == (0, "", False)
    assert plan["free"] > 0
    assert plan["steps"][-1] == f"Tell the plug-in in {CHECKOUT} where its engine is"
    assert "done" in told
    assert list(home.rglob("*")) == []


def test_the_plan_says_whether_an_installer_was_at_work_before(home: Path) -> None:
    place = EngineHome(home / ".local/share/neural-style").record
    place.parent.mkdir(parents=True)
    Record(place=place).save()
    with started(home, "--dry-run", "--in-place") as process:
        (plan,) = (event for event in events(process) if event["event"] == "plan")
    assert plan["is_installed"]


@pytest.mark.parametrize("begun", ["--version", "venv"], ids=["a question", "a long run"])
def test_closing_stdin_is_the_cancel_and_takes_what_it_started_with_it(
    home: Path, programs: Path, add_program: Callable[[str, str], Path], begun: str
) -> None:
    noted = home / "pid"
    add_program("uv", f'if [ "$1" = {begun} ]; then echo $$ > "{noted}"; exec sleep 600; else echo uv 0.9; fi')
    with started(home, "--gimp-folder", str(home / "3.0"), PATH=f"{programs}:/usr/bin:/bin") as process:
        deadline = time.monotonic() + PATIENCE
        while not noted.exists() or not noted.read_text().strip():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert process.stdin is not None
        process.stdin.close()
        told = events(process)
    assert [event["message"] for event in told if event["event"] == "error"] == ["Stopped before the end."]
    assert process.returncode == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)


def test_a_mishap_is_told_with_what_to_do(home: Path) -> None:
    (home / ".local/share").mkdir(parents=True)
    (home / ".local/share/neural-style").write_text("in the way")
    with started(home, "--gimp-folder", str(home / "3.0")) as process:
        told = events(process)
    (error,) = (event for event in told if event["event"] == "error")
    assert error["message"].endswith(".")
    assert error["tip"].endswith(".")
    assert "done" not in {event["event"] for event in told}


def test_options_of_a_command_line_are_told_of_only_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = from_system(PermissionError(errno.EACCES, "Permission denied", "/there"))
    install.fail(problem)
    assert "try again; it goes on from here. Or name other folders with --data-folder" in capsys.readouterr().err
    monkeypatch.setenv("NEURAL_STYLE_EVENTS", "1")
    install.fail(problem)
    assert json.loads(capsys.readouterr().out)["tip"].endswith("try again; it goes on from here.")


def test_a_folder_of_wheels_must_be_there(home: Path) -> None:
    with started(home, "--dry-run", "--in-place", "--wheels", str(home / "nowhere")) as process:
        assert [event["event"] for event in events(process)][-1] == "error"


def test_packages_that_cannot_be_reached_are_said_to_be_that(home: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--index-url", "http://127.0.0.1:9/simple", "--retries", "1"]
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PIP_CONFIG_FILE": os.devnull}
    with pytest.raises(CommandFailed, match="Getting it failed, because packages cannot be reached.") as caught:
        run("Getting it", [*pip, "--dest", str(home / "there"), "no-such"], environ, home / "log")
    assert "--wheels" in caught.value.options
    assert "--" not in caught.value.tip


def test_a_connection_that_broke_off_is_one_that_can_be_mended(home: Path, tmp_path: Path) -> None:
    write_torch(tmp_path / "wheels")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--no-cache-dir",
        "--dest",
        str(home / "there"),
        "torch",
    ]
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PIP_CONFIG_FILE": os.devnull}
    with cutting_index(tmp_path / "wheels") as index:
        environ["PIP_INDEX_URL"] = index.address
        with pytest.raises(CommandFailed, match="Getting it failed, because packages cannot be reached."):
            run(Words("Getting it"), pip, environ, home / "log")
        index.is_cutting = False
        run(Words("Getting it"), pip, environ, home / "log")
    assert [path.name for path in (home / "there").iterdir()] == ["torch-99.0-py3-none-any.whl"]


@pytest.mark.parametrize(
    "line",
    [
        "error: incomplete-download",
        "× Download failed after 6 attempts because not enough bytes were received (5.5 kB/11 kB)",
        "error: Failed to fetch: `https://…`: error sending request for url: dns error: failed to lookup address",
        "WARNING: Retrying after connection broken by 'NewConnectionError(Failed to establish a new connection)'",
        "  Caused by: client error (Connect)",
        "  ╰─▶ error decoding response body",
    ],
)
def test_how_pip_and_uv_say_that_nobody_answers_is_known(line: str) -> None:
    assert NO_NETWORK.search(line)


TIMED_OUT = """
  x Failed to download `torch==99.0`
  ├─▶ Failed to extract archive: torch-99.0.whl
  ├─▶ I/O operation failed during extraction
  ╰─▶ Failed to download distribution due to network timeout. Try increasing UV_HTTP_TIMEOUT (current value: 30s)."""
ON_THE_WAY = "WARNING: Retrying after connection broken by 'NewConnectionError(Failed to establish a new connection)'"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("ERROR: OSError: [Errno 28] No space left on device", "a disk is full: ERROR: OSError: [Errno 28] No space"),
        ("  ╰─▶ failed to write to file: Disk quota exceeded", "a disk is full: failed to write to file: Disk quota"),
        ("error: There is not enough space on the disk. (os error 112)", "a disk is full: error: There is not enough"),
        ("error: Hash mismatch for torch==99.0", "a package is damaged: error: Hash mismatch"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "a package is damaged: ERROR: THESE PACKAGES"),
        (f"{ON_THE_WAY}\n  ╰─▶ Hash mismatch for torch", "a package is damaged: Hash mismatch for torch"),
        ("  ├─▶ Failed to extract archive: torch.whl", "a package is damaged: Failed to extract archive: torch.whl"),
        (TIMED_OUT, "packages cannot be reached."),
    ],
)
def test_what_a_program_dies_of_is_said_with_what_helps(home: Path, lines: str, told: str) -> None:
    words = ["/bin/sh", "-c", 'echo "$1"; echo bye; exit 2', "sh", lines]
    with pytest.raises(InstallError, match=f"Getting it failed, because {re.escape(told)}") as caught:
        run(Words("Getting it"), words, {}, home / "log")
    assert "try again" in caught.value.tip.lower()


def test_a_disk_that_has_no_room_even_for_a_probe_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    with pytest.raises(NoRoom, match=f"the disk of {re.escape(str(home))} is full"):
        run(Words("Getting it"), ["/bin/sh", "-c", "exit 2"], {}, home / "log")


def test_a_damaged_package_of_the_users_own_folder_is_not_fetched_anew(home: Path, tmp_path: Path) -> None:
    write_torch(tmp_path / "wheels")
    for wheel in (tmp_path / "wheels").glob("torch-*.whl"):
        wheel.write_bytes(wheel.read_bytes()[:-40])
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(home / "there"), "torch"]
    environ = {**this_machine(tmp_path / "wheels").environ, "PIP_CONFIG_FILE": os.devnull, "PIP_CONSTRAINT": ""}
    with pytest.raises(CommandFailed, match="a package is damaged: .*torch-99.0") as caught:
        run(Words("Getting it"), pip, environ, home / "log")
    assert caught.value.tip == "Put a whole copy of it into the folder of wheels, and try again."


def test_a_log_that_has_no_room_left_is_named() -> None:
    with pytest.raises(OSError, match="No space left on device") as caught:
        run(Words("Getting it"), ["/bin/sh", "-c", "echo some words"], {}, Path("/dev/full"))
    assert from_system(caught.value).message == "/dev/full cannot be read or written (No space left on device)."


def test_too_little_room_is_said_before_anything_is_fetched(linux: Machine) -> None:
    home = EngineHome(linux.home / "data")
    home.folder.mkdir()
    installation = Installation(linux, CHECKOUT, home, Record.load(home.record))
    with pytest.raises(InstallError, match=r"too little room .* needs about 1000000000\.0 GB"):
        PrepareFolders(home.folder, [], 10**18).apply(installation)


def test_what_is_wrong_with_gimps_folder_is_said_even_where_there_is_too_little_room(linux: Machine) -> None:
    home = EngineHome(linux.home / "data")
    home.folder.mkdir()
    (linux.home / "neural-style").touch()
    installation = Installation(linux, CHECKOUT, home, Record.load(home.record))
    with pytest.raises(InstallError, match="neural-style already exists and is not this plug-in"):
        PrepareFolders(home.folder, [linux.home], 10**18).apply(installation)

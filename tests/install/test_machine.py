"""What child processes inherit, and which paths belong to a GIMP bundle."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from errors import InstallError
from machine import REMOVED, child_environment, home_folder, in_gimp_bundle, matching, text_of

NOBODYS = 61_234
"""A user's number that no system gives away."""


@pytest.mark.parametrize("name", sorted(REMOVED))
def test_variables_that_mislead_python_are_removed(name: str) -> None:
    assert name not in child_environment({name: "/somewhere"})


def test_the_users_own_variables_stay() -> None:
    child = child_environment({"HTTPS_PROXY": "http://proxy:3128", "PIP_FIND_LINKS": "/wheels", "LANG": "de_DE.UTF-8"})
    assert child["HTTPS_PROXY"] == "http://proxy:3128"
    assert child["PIP_FIND_LINKS"] == "/wheels"
    assert child["LANG"] == "de_DE.UTF-8"


def test_only_the_bundles_entries_leave_a_library_path() -> None:
    child = child_environment({"LD_LIBRARY_PATH": "/tmp/.mount_GIMP3xyz/usr/lib:/opt/cuda/lib"})
    assert child["LD_LIBRARY_PATH"] == "/opt/cuda/lib"


def test_the_given_environment_is_not_changed() -> None:
    environ = {"PYTHONHOME": "/gimp"}
    child_environment(environ)
    assert environ == {"PYTHONHOME": "/gimp"}


@pytest.mark.parametrize(
    "path, inside",
    [
        ("/Applications/GIMP.app/Contents/MacOS/python3", True),
        ("/Applications/GIMP-3.0.app/Contents/MacOS/python3", True),
        (r"C:\Program Files\GIMP 3\bin\python.exe", True),
        ("/tmp/.mount_GIMP3abc/usr/bin/python3", True),
        ("/usr/bin/python3", False),
        ("/home/gimp/venv/bin/python", False),
        (r"C:\Users\gimp fan\python.exe", False),
    ],
)
def test_a_gimp_bundle_is_recognized_by_its_folder(path: str, inside: bool) -> None:
    assert in_gimp_bundle(path) is inside


@pytest.mark.posix
@pytest.mark.parametrize("named", ["", "relative", None])
def test_a_user_whom_the_system_does_not_know_has_to_name_his_home(
    monkeypatch: pytest.MonkeyPatch, named: str | None
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: NOBODYS)
    monkeypatch.delenv("HOME") if named is None else monkeypatch.setenv("HOME", named)
    with pytest.raises(InstallError, match="Your home folder is not known") as caught:
        home_folder()
    assert caught.value.tip.startswith("Set HOME")


def test_what_cannot_be_read_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    assert matching(tmp_path / "missing", "*/*") == []
    assert text_of(tmp_path) == ""


def test_names_with_the_signs_of_patterns_are_names(tmp_path: Path) -> None:
    (tmp_path / "[2024]*").mkdir()
    (tmp_path / "[2024]*/b").touch()
    (tmp_path / "[2024]*/a").touch()
    assert [path.name for path in matching(tmp_path / "[2024]*", "*")] == ["a", "b"]

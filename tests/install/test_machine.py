"""What child processes inherit, and which paths belong to a GIMP bundle."""

from __future__ import annotations

import pytest
from machine import REMOVED, child_environment, in_gimp_bundle


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

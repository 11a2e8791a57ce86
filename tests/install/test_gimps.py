"""Finding every GIMP 3 on made-up machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from gimps import find_gimps, has_flatpak
from machine import Machine

Program = Callable[[str, str], Path]


def test_an_empty_machine_has_no_gimp(linux: Machine) -> None:
    assert find_gimps(linux).folders == []


def test_every_version_that_was_started_is_found(linux: Machine) -> None:
    root = linux.home / ".config/GIMP"
    for version in ("2.8", "2.99", "3.0", "3.2"):
        (root / version).mkdir(parents=True)
    assert find_gimps(linux).folders == [root / "3.0", root / "3.2"]


@pytest.mark.parametrize(
    "platform, settings, gimpfu",
    [
        ("linux", "home/.config/GIMP/2.10", "root/usr/lib/gimp/2.0"),
        ("linux", "home/.config/GIMP/2.10", "root/usr/lib/x86_64-linux-gnu/gimp/2.0"),
        ("linux", "home/.config/GIMP/2.10", "root/usr/lib64/gimp/2.0"),
        (
            "linux",
            "home/.var/app/org.gimp.GIMP/config/GIMP/2.10",
            "home/.local/share/flatpak/app/org.gimp.GIMP/current/active/files/lib/gimp/2.0",
        ),
        ("win32", "home/AppData/Roaming/GIMP/2.10", "home/Program Files/GIMP 2/lib/gimp/2.0"),
        (
            "darwin",
            "home/Library/Application Support/GIMP/2.10",
            "root/Applications/GIMP-2.10.app/Contents/Resources/lib/gimp/2.0",
        ),
    ],
)
def test_gimp_2_10_is_found_where_it_has_python_fu(linux: Machine, platform: str, settings: str, gimpfu: str) -> None:
    machine = replace(linux, platform=platform, environ={"PROGRAMFILES": str(linux.home / "Program Files")})
    places = {"home": machine.home, "root": machine.root}
    folder, modules = (places[path.partition("/")[0]] / path.partition("/")[2] for path in (settings, gimpfu))
    folder.mkdir(parents=True)
    without = find_gimps(machine)
    assert without.folders == []
    assert without.notes == [
        "GIMP 2.10 gets no plug-in, because its Python-Fu (gimpfu, with Python 2) was not found. "
        f"If it is there all the same, add --gimp-folder {folder}"
    ]
    (modules / "python").mkdir(parents=True)
    (modules / "python/gimpfu.py").write_text("")
    assert find_gimps(machine) == ([folder], [], False)


def test_a_flatpaks_private_settings_are_found(linux: Machine) -> None:
    folder = linux.home / ".var/app/org.gimp.GIMP/config/GIMP/3.0"
    folder.mkdir(parents=True)
    assert find_gimps(linux).folders == [folder]


@pytest.mark.parametrize(
    "platform, variable, place",
    [
        ("linux", "XDG_CONFIG_HOME", "GIMP/3.0"),
        ("win32", "APPDATA", "GIMP/3.0"),
        ("darwin", "UNUSED", "Library/Application Support/GIMP/3.0"),
    ],
)
def test_each_system_has_its_own_place_for_settings(linux: Machine, platform: str, variable: str, place: str) -> None:
    machine = replace(linux, platform=platform, environ={**linux.environ, variable: str(linux.home)})
    (linux.home / place).mkdir(parents=True)
    assert find_gimps(machine).folders == [linux.home / place]


@pytest.mark.parametrize("named", ["profiles/gimp", "/absolute/gimp"])
def test_the_folder_that_gimp_is_told_to_use_is_used(linux: Machine, named: str) -> None:
    machine = replace(linux, environ={**linux.environ, "GIMP3_DIRECTORY": named})
    assert find_gimps(machine).folders == [linux.home / named]


def test_a_gimp_that_was_never_started_gets_the_folder_it_will_use(linux: Machine, add_program: Program) -> None:
    add_program("gimp-console-3.0", 'echo "GNU Image Manipulation Program version 3.0.4"')
    assert find_gimps(linux).folders == [linux.home / ".config/GIMP/3.0"]
    assert not (linux.home / ".config").exists()


def test_a_flatpak_that_was_never_started_gets_the_folder_it_will_use(linux: Machine, add_program: Program) -> None:
    add_program("flatpak", 'test "$*" = "info org.gimp.GIMP" && echo "     Version: 3.2.6"')
    assert find_gimps(linux).folders == [linux.home / ".config/GIMP/3.2"]
    assert has_flatpak(linux)


def test_a_new_gimp_keeps_its_chance_to_take_over_older_settings(linux: Machine, add_program: Program) -> None:
    (linux.home / ".config/GIMP/2.10").mkdir(parents=True)
    add_program("gimp-console-3.0", 'echo "GNU Image Manipulation Program version 3.0.4"')
    search = find_gimps(linux)
    assert search.folders == []
    assert search.notes[0].startswith("GIMP 3.0 has not been started yet. Start it once")


@pytest.mark.parametrize("script", ['echo "GNU Image Manipulation Program version 2.10.34"', "exit 1", "echo hello"])
def test_programs_that_are_no_gimp_3_are_passed_over(linux: Machine, add_program: Program, script: str) -> None:
    add_program("gimp", script)
    assert find_gimps(linux).folders == []


def test_of_a_snap_one_sentence_says_that_it_cannot(linux: Machine) -> None:
    (linux.home / "snap/gimp").mkdir(parents=True)
    search = find_gimps(linux)
    assert search.folders == []
    assert search.notes[0].startswith("The GIMP from Snap cannot be used")


def test_the_snaps_program_is_not_taken_for_a_native_gimp(linux: Machine, tmp_path: Path) -> None:
    snap_programs = tmp_path / "snap/bin"
    snap_programs.mkdir(parents=True)
    gimp = snap_programs / "gimp"
    gimp.write_text('#!/bin/sh\necho "version 3.0.4"\n')
    gimp.chmod(0o755)
    assert find_gimps(replace(linux, environ={"PATH": str(snap_programs)})).folders == []

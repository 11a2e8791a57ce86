"""The installer from first to last, with every default, for a user without rights. torch and engine are stand-ins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_engine import copy_of_checkout, unzipped, write_torch

SOMEBODY = 61_234
"""A user of no name and no rights, where the tests run as root."""

REACH = ("PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
"""Beginnings of the variables by which this machine reaches packages."""


class Somebody:
    """A person with a home folder, a GIMP that was started, and a folder in PATH that may not be read."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "Zoë Müller"
        self.gimp = self.home / ".config/GIMP/3.0"
        self.gimp.mkdir(parents=True)
        self.ids = {"user": SOMEBODY, "group": SOMEBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self.give(self.home)
        (folder / "private/bin").mkdir(parents=True)
        (folder / "private").chmod(0o700 if self.ids else 0)
        self.checkout = copy_of_checkout(folder / "check out")
        write_torch(folder / "wheels")
        (folder / "wheels/constraints.txt").write_text("torch==99.0\ntorchvision==99.0\n")
        folder.chmod(0o755)

    def give(self, folder: Path) -> None:
        for path in [folder, *folder.rglob("*")] if self.ids else []:
            os.chown(path, SOMEBODY, SOMEBODY)

    def write(self, path: Path) -> Path:
        """Have the person write a file of his own."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
        self.give(path.parent)
        return path

    def unzip(self, folder: Path) -> None:
        """Put an archive of the checkout into a folder, as a program for archives does, and install from there."""
        release = [sys.executable, self.checkout / "install/release.py", "--output", self.folder]
        subprocess.run(release, check=True, capture_output=True)
        (archive,) = self.folder.glob("*.zip")
        self.checkout = unzipped(archive, folder)
        self.give(self.home)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        python = shutil.which("python3", path="/usr/bin:/usr/local/bin:/bin")
        assert python, "a Python that everybody may run"
        environ = {name: value for name, value in os.environ.items() if name.startswith(REACH)}
        environ |= {"HOME": str(self.home), "PATH": f"{self.folder / 'private/bin'}:/usr/bin:/bin", "LANG": "C"}
        environ["PIP_CONSTRAINT"] = str(self.folder / "wheels/constraints.txt")
        environ["PIP_FIND_LINKS"] = f"{environ.get('PIP_FIND_LINKS', '')} {(self.folder / 'wheels').as_uri()}".strip()
        return subprocess.Popen(
            [python, self.checkout / "install/install.py", *arguments],
            env=environ,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            **self.ids,  # type: ignore[call-overload]
        )

    def run(self, *arguments: str) -> str:
        """Run the installer to its good end and return what it prints."""
        with self.start(*arguments) as process:
            printed, _ = process.communicate()
        assert process.returncode == 0, printed
        assert "Traceback" not in printed
        return printed

    def kill_at(self, line: str) -> None:
        """Start the installer, end it hard where it prints a line that begins so, and wait for what it started."""
        with self.start() as process:
            assert process.stdout is not None
            assert any(printed.startswith(line) for printed in process.stdout)
            process.kill()
        while "Another installer is at work" in self.start().communicate()[0]:
            time.sleep(0.2)

    def files(self) -> set[str]:
        """What lies in the home folder, but for what pip keeps of its downloads."""
        names = {path.relative_to(self.home).as_posix() for path in self.home.rglob("*") if not path.is_dir()}
        return {name for name in names if not name.startswith(".cache/")}

    def given_files(self) -> set[str]:
        """The same, but for what Python keeps of modules in a folder that the installer did not write."""
        return {name for name in self.files() if "__pycache__" not in name}


@pytest.fixture
def somebody() -> Iterator[Somebody]:
    with tempfile.TemporaryDirectory() as folder:
        yield Somebody(Path(folder))


def test_a_user_without_rights_installs_updates_and_removes_with_every_default(somebody: Somebody) -> None:
    plugin, data = somebody.gimp / "plug-ins/neural-style", somebody.home / ".local/share/neural-style"
    somebody.kill_at("[2/6]")
    printed = somebody.run()
    assert "the stand-in is fine" in printed
    assert "Next: restart GIMP" in printed
    mine = [somebody.write(plugin / "notes.txt"), somebody.write(data / "networks/mine.safetensors")]
    files = somebody.files()
    assert "It is there and computes." in somebody.run()
    assert somebody.files() == files
    printed = somebody.run("--uninstall")
    assert len(printed.splitlines()) < 12
    left = f"NOTE Left in place, since the installer did not write it: {mine[0]}, {mine[1]}."
    assert printed.splitlines()[-1] == left
    assert somebody.files() == {path.relative_to(somebody.home).as_posix() for path in mine}
    assert somebody.run("--uninstall").startswith("Nothing is installed in")


def test_an_archive_in_the_plug_ins_folder_is_told_of_its_engine_and_else_left_as_it_is(somebody: Somebody) -> None:
    plugin = somebody.gimp / "plug-ins/neural-style"
    somebody.unzip(plugin.parent)
    before = somebody.given_files()
    for _ in range(2):
        assert "the stand-in is fine" in somebody.run()
    assert json.loads((plugin / "engine.json").read_text())["version"] == "0.1.0-unreleased"
    beside_gimp = {name for name in somebody.given_files() if name.startswith(".config/")}
    assert beside_gimp == before | {(plugin / "engine.json").relative_to(somebody.home).as_posix()}
    assert os.access(plugin / "neural-style.py", os.X_OK)
    somebody.run("--uninstall")
    assert somebody.given_files() == before


def test_an_archive_that_was_unzipped_elsewhere_is_copied_into_gimp(somebody: Somebody) -> None:
    somebody.unzip(somebody.home / "Downloads")
    before = somebody.given_files()
    somebody.run()
    names = {name.removeprefix("Downloads/") for name in before}
    beside_gimp = {name for name in somebody.given_files() if name.startswith(".config/")}
    assert beside_gimp == {f".config/GIMP/3.0/plug-ins/{name}" for name in {*names, "neural-style/engine.json"}}
    somebody.run("--uninstall")
    assert somebody.given_files() == before


def test_without_a_network_all_packages_come_from_a_folder(somebody: Somebody) -> None:
    somebody.unzip(somebody.home / "Downloads")
    wheels = somebody.folder / "wheels"
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "-d", wheels, "uv", "pip"], check=True)
    wheels.chmod(0o755)
    printed = somebody.run("--wheels", str(wheels))
    assert "the stand-in is fine" in printed
    assert "build index" in printed

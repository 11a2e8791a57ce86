"""The installer from first to last, with every default, for a user without rights. torch and engine are stand-ins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SOMEBODY = 61_234
"""A user of no name and no rights, where the tests run as root."""

REACH = ("PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
"""Beginnings of the variables by which this machine reaches packages."""

TORCH = """
from unittest.mock import MagicMock
__version__ = "99.0"
rand, isfinite, nn, backends = MagicMock(), MagicMock(), MagicMock(), MagicMock()
backends.mps.is_available.return_value = False
"""
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 99.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


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
        write_wheel(folder / "wheels", "torch", TORCH)
        write_wheel(folder / "wheels", "torchvision", "")
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
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                os.chmod(opened.extract(entry, folder), entry.external_attr >> 16)
        self.give(self.home)
        self.checkout = folder / "neural-style"

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


def copy_of_checkout(folder: Path) -> Path:
    """The checkout with an engine that needs nothing but torch and finds itself fine."""
    ignored = shutil.ignore_patterns("__pycache__", "data")
    for name in ("install", "gimp_plugin", "nst_engine"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "setup.cfg"):
        shutil.copyfile(CHECKOUT / name, folder / name)
    setup = (folder / "setup.cfg").read_text()
    start = setup.index("install_requires")
    end = setup.index("\n[", start)
    (folder / "setup.cfg").write_text(f"{setup[:start]}install_requires = torch\n{setup[end:]}")
    (folder / "nst_engine/data").mkdir()
    (folder / "nst_engine/data/NOTICE").write_text("nothing to note")
    (folder / "CHANGELOG.md").write_text("## Unreleased\n\n- An installer.\n")
    (folder / "nst_engine/__main__.py").write_text("import torch\nprint('the stand-in is fine')\n")
    return folder


def write_wheel(folder: Path, package: str, code: str) -> None:
    folder.mkdir(exist_ok=True)
    facts = f"{package}-99.0.dist-info"
    files = {f"{package}/__init__.py": code, f"{facts}/METADATA": METADATA.format(package), f"{facts}/WHEEL": WHEEL}
    with zipfile.ZipFile(folder / f"{package}-99.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr(f"{facts}/RECORD", "".join(f"{name},,\n" for name in files))


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
    before = somebody.files()
    for _ in range(2):
        assert "the stand-in is fine" in somebody.run()
    assert json.loads((plugin / "engine.json").read_text())["version"] == "0.1.0-unreleased"
    beside_gimp = {name for name in somebody.files() if name.startswith(".config/")}
    assert beside_gimp == before | {(plugin / "engine.json").relative_to(somebody.home).as_posix()}
    assert os.access(plugin / "neural-style.py", os.X_OK)
    somebody.run("--uninstall")
    assert somebody.files() == before


def test_an_archive_that_was_unzipped_elsewhere_is_copied_into_gimp(somebody: Somebody) -> None:
    somebody.unzip(somebody.home / "Downloads")
    before = somebody.files()
    somebody.run()
    names = {name.removeprefix("Downloads/") for name in before}
    beside_gimp = {name for name in somebody.files() if name.startswith(".config/")}
    assert beside_gimp == {f".config/GIMP/3.0/plug-ins/{name}" for name in {*names, "neural-style/engine.json"}}
    somebody.run("--uninstall")
    assert somebody.files() == before

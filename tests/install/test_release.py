"""The archive that users get: what is in it, and that it is the same each time it is made."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from errors import InstallError
from release import newest, packed
from source import plugin_files, read_options, version_of

from nst_engine import __version__

CHECKOUT = Path(__file__).resolve().parents[2]
MOST_BYTES = 30 * 10**6
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10))}
"""Names that no file can have on Windows."""

WINDOWS_PLUG_INS = rf"C:\Users\{'x' * 20}\AppData\Roaming\GIMP\3.0\plug-ins" + "\\"
ENTRY = "neural-style/neural-style.py"

pytestmark = pytest.mark.slow


def made(checkout: Path, folder: Path) -> Path:
    """The archive of a checkout."""
    folder.mkdir()
    environ = {**os.environ, "SOURCE_DATE_EPOCH": "1764320000"}
    subprocess.run([sys.executable, checkout / "install/release.py", "--output", folder], env=environ, check=True)
    (archive,) = folder.iterdir()
    return archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(CHECKOUT, tmp_path_factory.mktemp("release") / "here")


@pytest.fixture(scope="module")
def unzipped(archive: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(archive.parent.parent / "unzipped")
    return archive.parent.parent / "unzipped/neural-style"


def test_the_archive_is_the_same_wherever_and_whenever_it_is_made(archive: Path, tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    elsewhere = shutil.copytree(CHECKOUT, tmp_path / "check out", ignore=ignored, copy_function=shutil.copyfile)
    again = made(elsewhere, tmp_path / "there")
    assert again.name == archive.name
    assert again.read_bytes() == archive.read_bytes()


def test_it_is_one_folder_below_a_limit_with_one_entry_for_gimp_that_may_be_run(archive: Path) -> None:
    assert archive.stat().st_size < MOST_BYTES
    with zipfile.ZipFile(archive) as opened:
        entries = {entry.filename: entry for entry in opened.infolist()}
    assert {name.split("/")[0] for name in entries} == {"neural-style"}
    assert not [name for name in entries if name.endswith((".pyc", "demo.py", "release.py", "template.py"))]
    assert "neural-style/engine.json" not in entries
    modes = {name: entry.external_attr >> 16 for name, entry in entries.items() if entry.create_system == 3}
    assert modes.keys() == entries.keys()
    assert modes[ENTRY] == 0o100755
    assert set(modes.values()) == {0o100644, 0o100755}
    for name in ("README.txt", "CHANGES.txt", "LICENSE", "NOTICE", "paintings/NOTICE", "paintings/udnie.jpg"):
        assert f"neural-style/{name}" in entries


def test_every_name_in_it_can_be_had_on_every_system(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
    assert len({name.casefold() for name in names}) == len(names)
    assert [name for name in names if not re.fullmatch(r"(?!.*\.(/|$))[A-Za-z0-9_.+/-]+", name)] == []
    assert not {Path(part).stem.upper() for name in names for part in name.split("/")} & RESERVED
    assert len(WINDOWS_PLUG_INS) + max(map(len, names)) < 260


def test_the_plug_in_in_it_is_the_clones(unzipped: Path) -> None:
    for name in ("neural-style", "neural_style_210"):
        clone = plugin_files(CHECKOUT, read_options(CHECKOUT), name)
        inside = plugin_files(unzipped, read_options(unzipped), name)
        assert clone.items() <= inside.items()
    assert version_of(unzipped).startswith(__version__)


def test_its_wheel_is_the_whole_engine(unzipped: Path) -> None:
    (wheel,) = (unzipped / "engine").glob("neural_style*.whl")
    with zipfile.ZipFile(wheel) as opened:
        assert opened.testzip() is None
        names = set(opened.namelist())
    files = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "nst_engine").rglob("*") if path.is_file()}
    assert {name for name in files if "__pycache__" not in name} <= names


def test_its_installer_makes_a_plan(unzipped: Path, tmp_path: Path) -> None:
    words = ["--dry-run", "--gimp-folder", str(tmp_path / "3.0"), "--data-folder", str(tmp_path / "data")]
    done = subprocess.run([sys.executable, unzipped / "install/install.py", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"Install the engine from {unzipped}" in done.stdout


CHANGES = {
    "## Unreleased\n\n- New.\n\n## 1.2 - 2026-01-02\n\n- Old.\n": ("1.2-unreleased", "- New."),
    "## Unreleased\n\n## 1.2 - 2026-01-02\n\n- Old.\n\n## 1.1 - 2025-01-02\n\n- Older.\n": ("1.2", "- Old."),
    "## [1.2] – 2026-01-02\n\n- Old.\n": ("1.2", "- Old."),
    "## 1.3 - 2026-01-02\n\n- Old.\n": None,
    "## 1.2\n\n- Old.\n": None,
    "": None,
}


@pytest.mark.parametrize("text", CHANGES)
def test_version_and_notes_are_the_newest_of_the_changelog(text: str, tmp_path: Path) -> None:
    (tmp_path / "nst_engine").mkdir()
    (tmp_path / "nst_engine/__init__.py").write_text('__version__ = "1.2"\n')
    (tmp_path / "CHANGELOG.md").write_text(text, encoding="utf-8")
    wanted = CHANGES[text]
    if wanted is None:
        with pytest.raises(InstallError):
            newest(tmp_path)
    else:
        assert newest(tmp_path)[::2] == wanted


def test_a_released_version_has_the_date_of_its_release(tmp_path: Path) -> None:
    (tmp_path / "nst_engine").mkdir()
    (tmp_path / "nst_engine/__init__.py").write_text('__version__ = "1.2"\n')
    (tmp_path / "CHANGELOG.md").write_text("## 1.2 - 2026-01-02\n\n- Old.\n")
    assert newest(tmp_path).date == datetime.datetime(2026, 1, 2)


def test_times_before_all_zip_archives_are_their_first_moment() -> None:
    assert packed({"a": b""}, datetime.datetime(1970, 1, 1)) == packed({"a": b""}, datetime.datetime(1980, 1, 1))

#!/usr/bin/env python3
"""Put together what users get: one archive with the plug-in, the engine's wheel and the installer.

It is unzipped into GIMP's plug-ins folder, or anywhere to run its installer. Made twice of one state of the repository,
with one version of setuptools, it has the same bytes. Version and notes are those of the newest part of CHANGELOG.md.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from commands import CommandFailed, ask, gist
from errors import InstallError, from_system
from machine import text_of
from sentences import NOT_IN_GIMP
from source import NAME, RELEASE, WHEELS, contents, copy_engine, plugin_files, read_options, version_of

CHECKOUT = Path(__file__).resolve().parent.parent
FORMAT = 1
PIP = "pip==26.3"
LICENSES = {"LICENSE": "LICENSE", "NOTICE": "nst_engine/data/NOTICE"}
EARLIEST = datetime.datetime(1980, 1, 1)
"""Of a file in a zip archive."""

READ_ME = """\
Neural Style for GIMP {version}

Unzip this archive in GIMP's plug-ins folder, so that the folder "{name}" is in there, and start GIMP anew. GIMP shows
and changes these folders under Edit > Preferences > Folders > Plug-ins. Then open a picture and choose
Filters > Neural Style…: the first time it offers to install its engine.

Or run the installer in a terminal; it finds every GIMP of yours: python3 {name}/install/install.py

Licenses are in LICENSE and NOTICE; where the paintings come from is in paintings/NOTICE.
What is new is in CHANGES.txt.
"""


class Edition(NamedTuple):
    """A version, when it was made, and what the changelog says of it."""

    version: str
    date: datetime.datetime
    notes: str


def main() -> int:
    """Make the archive and say where it is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(), metavar="DIR", help="where to put it (here)")
    folder = parser.parse_args().output
    try:
        edition = newest(CHECKOUT)
        archive = packed(files_of(CHECKOUT, edition), edition.date)
        path = folder / f"neural-style-for-gimp-{edition.version}.zip"
        path.write_bytes(archive)
    except InstallError as error:
        print(f"ERROR {error.message}\nTIP {error.tip}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"ERROR {from_system(error).message}", file=sys.stderr)
        return 1
    print(f"{path}\n{len(archive) / 1e6:.1f} MB, SHA-256 {hashlib.sha256(archive).hexdigest()}\n\n{edition.notes}")
    return 0


def newest(checkout: Path) -> Edition:
    """Return what CHANGELOG.md says of the newest version, or of what is not released yet.

    Raises :class:`InstallError` where the engine has another version.
    """
    version = version_of(checkout)
    parts = re.split(r"^## ", text_of(checkout / "CHANGELOG.md"), flags=re.MULTILINE)[1:]
    for title, notes in ((part.partition("\n")[0].strip(), part.partition("\n")[2].strip()) for part in parts):
        if title == "Unreleased":
            if notes:
                return Edition(f"{version}-unreleased", committed(checkout), notes)
            continue
        found = re.fullmatch(r"\[?([\d.]+)\]? [-–—] (\d{4}-\d\d-\d\d)", title)
        if found and found[1] == version:
            return Edition(version, datetime.datetime.fromisoformat(found[2]), notes)
        raise InstallError(
            f'The newest part of CHANGELOG.md is "{title}", and the engine\'s version is {version}.',
            "Make one of both, as CONTRIBUTING.md says.",
        )
    raise InstallError("CHANGELOG.md tells of no version.", "Write there what is new.")


def committed(checkout: Path) -> datetime.datetime:
    """Return when the newest commit was made, or what SOURCE_DATE_EPOCH says, as reproducible builds have it.

    Files of a later edition must be newer, since a GIMP that knows the earlier one looks at nothing else.
    """
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or ask(
        ["git", "-C", checkout, "log", "-1", "--format=%ct"], os.environ
    )
    if not seconds:
        return EARLIEST
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).replace(tzinfo=None)


def files_of(checkout: Path, edition: Edition) -> dict[str, bytes]:
    """Return all files of the archive by their names in there."""
    files = plugin_files(checkout, read_options(checkout))
    files |= {f"gimp210/{name}": data for name, data in contents(checkout / "gimp_plugin/gimp210").items()}
    installer = contents(checkout / "install")
    files |= {f"install/{name}": data for name, data in installer.items() if name not in NOT_IN_GIMP}
    files |= {name: (checkout / path).read_bytes() for name, path in LICENSES.items()}
    files["README.txt"] = READ_ME.format(version=edition.version, name=NAME).encode()
    files["CHANGES.txt"] = f"{edition.version}\n\n{edition.notes}\n".encode()
    files[RELEASE] = json.dumps({"format": FORMAT, "version": edition.version}).encode()
    name, wheel = engine_wheel(checkout)
    files[f"{WHEELS}/{name}"] = repacked(wheel, edition.date)
    files |= {f"{WHEELS}/{name}": data for name, data in pip_wheel().items()}
    return {f"{NAME}/{name}": data for name, data in sorted(files.items())}


def engine_wheel(checkout: Path) -> tuple[str, bytes]:
    """Return name and content of the engine's wheel, built in a copy."""
    with tempfile.TemporaryDirectory() as scratch:
        copy_engine(checkout, Path(scratch) / "source")
        run_pip("wheel", "--no-deps", "--no-cache-dir", "--wheel-dir", scratch, f"{scratch}/source")
        ((name, wheel),) = wheels_in(Path(scratch)).items()
        return name, wheel


def pip_wheel() -> dict[str, bytes]:
    """Return the wheel of pip, for a GIMP whose own Python has none."""
    with tempfile.TemporaryDirectory() as scratch:
        run_pip("download", "--no-deps", "--dest", scratch, PIP)
        return wheels_in(Path(scratch))


def wheels_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.whl")}


def run_pip(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    if done.returncode:
        raise CommandFailed(f"pip {words[0]} failed: {gist(done.stdout.splitlines())}", "Put that right.")


def repacked(wheel: bytes, date: datetime.datetime) -> bytes:
    """Return a wheel with the same files, without what differs each time it is built."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as given:
        return packed({name: given.read(name) for name in sorted(given.namelist())}, date)


def packed(files: Mapping[str, bytes], date: datetime.datetime) -> bytes:
    """Return a zip archive. Nothing is compressed: weights and pictures hardly can be, so no library counts."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, max(date, EARLIEST).timetuple()[:6])
            entry.create_system = 3  # a Unix, on every system: else nothing would tell which file is a program
            entry.external_attr = (0o100755 if data.startswith(b"#!") else 0o100644) << 16
            target.writestr(entry, data)
    return archive.getvalue()


if __name__ == "__main__":
    sys.exit(main())

"""From an archive in GIMP's plug-ins folder to a painted layer, without a terminal. Torch and engine are stand-ins."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import real_gimp
from cutting_index import cutting_index
from engine_home import EngineHome
from far_side import FarSide, prepare
from lock import locked
from record import Record
from small_engine import copy_of_checkout, unzipped, write_torch
from watching import AFTER, DIALOG, start, wait_for_layers, wait_until
from window import WindowSession

OFFER = "The Engine of Neural Style"
INSTALLING = 240
"""Seconds that an installation may take on a busy machine."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    checkout = copy_of_checkout(folder / "checkout")
    release = [sys.executable, checkout / "install/release.py", "--output", folder]
    subprocess.run(release, check=True, capture_output=True)
    (archive,) = folder.glob("*.zip")
    return archive


class Newcomer:
    """A GIMP that was never started, with nothing but the unzipped archive, and packages from a folder."""

    def __init__(self, gimp: real_gimp.Gimp, archive: Path, folder: Path) -> None:
        self.gimp, self.profile, self.data = gimp, folder / "profile", folder / "data"
        self.plugin = unzipped(archive, self.profile / "plug-ins")
        self.engine = self.data / "neural-style"
        self.data.mkdir()
        wheels = folder / "wheels"
        write_torch(wheels)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "-d", wheels, "uv", "pip"], check=True)
        places = {name: gimp.inside(wheels) for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS")}
        offline = {"PIP_NO_INDEX": "1", "UV_NO_INDEX": "1", "UV_OFFLINE": "1"}
        self.waits = self.data / "waits"
        own = {"XDG_DATA_HOME": gimp.inside(self.data), "TORCH_WAITS_FOR": gimp.inside(self.waits)}
        self.environment = {**places, **offline, **own}

    def window(self, image: Path) -> WindowSession:
        return WindowSession(self.gimp, self.profile, image, self.environment)

    def engine_files(self) -> list[Path]:
        return [path for path in self.engine.rglob("*") if not path.is_dir()] if self.engine.exists() else []


@pytest.fixture
def newcomer(gimp: real_gimp.Gimp, archive: Path) -> Iterator[Newcomer]:
    folder = Path(tempfile.mkdtemp(prefix="newcomer-", dir=gimp.outside("/tmp")))
    yield Newcomer(gimp, archive, folder)
    shutil.rmtree(folder)


def test_from_menu_to_a_painted_layer_and_back_to_nothing(
    newcomer: Newcomer, two_layers: Path, screenshots: Path
) -> None:
    with newcomer.window(two_layers) as window:
        window.search("Neural Style")
        wait_until(lambda: "not installed yet" in window.tree())
        time.sleep(0.5)  # until it is drawn
        window.screenshot(screenshots / "engine-offer.png")
        window.press(OFFER, "Install")
        window.wait_window(f"^{DIALOG}$", INSTALLING)
        window.press(DIALOG, "OK")
        wait_for_layers(window, AFTER)
        window.action("Neural Style Engine")
        wait_until(lambda: "computes on cpu, torch 99.0" in window.tree())
        time.sleep(0.5)  # until it is drawn
        window.screenshot(screenshots / "engine-there.png")
        newcomer.waits.touch()
        window.press(OFFER, "Repair")
        wait_until(lambda: "label '3/6: " in window.tree(), INSTALLING)
        window.press(OFFER, "Cancel")
        wait_until(lambda: not window.find_window(OFFER), INSTALLING)
        newcomer.waits.unlink()
        start(window)
        wait_for_layers(window, [f"{AFTER[0]} in the style of painting", *AFTER])
        window.action("Neural Style Engine")
        window.press(OFFER, "Remove")
        wait_until(lambda: not window.find_window(OFFER), INSTALLING)
    assert newcomer.engine_files() == []
    assert not (newcomer.plugin / "engine.json").exists()
    assert (newcomer.plugin / "neural-style.py").exists()


def test_cancel_leaves_nothing_and_an_older_engine_is_offered_an_update(
    newcomer: Newcomer, two_layers: Path, screenshots: Path
) -> None:
    newcomer.waits.touch()
    with newcomer.window(two_layers) as window:
        window.action("Neural Style")
        window.press(OFFER, "Install")
        wait_until(lambda: "label '3/6: " in window.tree(), INSTALLING)
        window.screenshot(screenshots / "engine-installing.png")
        window.press(OFFER, "Cancel")
        wait_until(lambda: not window.find_window(OFFER))
        assert newcomer.engine_files() == []
        newcomer.waits.unlink()
        assert not window.find_window("^GIMP Message$")
        engines = {"format": 1, "version": "0.0.1", "engines": [{"command": ["/bin/true"], "protocol": 1}]}
        (newcomer.plugin / "engine.json").write_text(json.dumps(engines))
        window.action("Neural Style")
        wait_until(lambda: "The engine is of version 0.0.1, the plug-in of version " in window.tree())
        window.screenshot(screenshots / "engine-older.png")
        window.press(OFFER, "Update")
        window.wait_window(f"^{DIALOG}$", INSTALLING)
        window.press(DIALOG, "Cancel")


def test_what_goes_wrong_is_said_in_the_window(newcomer: Newcomer, two_layers: Path, screenshots: Path) -> None:
    shutil.rmtree(newcomer.profile.parent / "wheels")
    newcomer.environment |= {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}
    with newcomer.window(two_layers) as window:
        window.action("Neural Style")
        window.press(OFFER, "Install")
        wait_until(lambda: "packages cannot be reached. See that this machine is online" in window.tree(), INSTALLING)
        window.screenshot(screenshots / "engine-offline.png")
        window.press(OFFER, "Cancel")
        wait_until(lambda: not window.find_window(OFFER))
    assert newcomer.engine_files() == []


def test_what_another_gimp_has_installed_meanwhile_stays(newcomer: Newcomer, two_layers: Path) -> None:
    engine = newcomer.engine / "venv/engine"
    with newcomer.window(two_layers) as window:
        window.action("Neural Style")
        wait_until(lambda: "not installed yet" in window.tree())
        newcomer.engine.mkdir()
        with locked(newcomer.engine):
            window.press(OFFER, "Install")
            wait_until(lambda: "Another installer is at work in " in window.tree(), INSTALLING)
            Record.load(EngineHome(newcomer.engine, is_windows=False).record).claim(engine.parent)
            engine.parent.mkdir()
            engine.touch()
        window.press(OFFER, "Cancel")
        wait_until(lambda: not window.find_window(OFFER))
    assert engine.exists()


def test_an_installation_whose_connection_broke_off_goes_on(
    newcomer: Newcomer, two_layers: Path, screenshots: Path
) -> None:
    elsewhere = newcomer.profile.parent / "elsewhere"
    elsewhere.mkdir()
    for wheel in (newcomer.profile.parent / "wheels").glob("torch*.whl"):
        wheel.rename(elsewhere / wheel.name)
    with cutting_index(elsewhere) as index:
        newcomer.environment |= {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": index.address}
        with newcomer.window(two_layers) as window:
            window.action("Neural Style")
            window.press(OFFER, "Install")
            wait_until(
                lambda: "Installing torch failed, because packages cannot be reached." in window.tree(), INSTALLING
            )
            window.screenshot(screenshots / "engine-cut.png")
            index.is_cutting = False
            window.press(OFFER, "Install")
            window.wait_window(f"^{DIALOG}$", INSTALLING)
            window.press(DIALOG, "OK")
            wait_for_layers(window, AFTER)


def test_an_engine_on_another_computer_is_named_in_the_window_and_none_is_installed_here(
    newcomer: Newcomer, two_layers: Path, screenshots: Path, far: FarSide
) -> None:
    newcomer.environment["PATH"] = f"{newcomer.gimp.inside(with_ssh(newcomer, far))}:/usr/bin:/bin"
    with newcomer.window(two_layers) as window:
        window.action("Neural Style")
        wait_until(lambda: "not installed yet" in window.tree())
        window.click_on(OFFER, "Other computer")
        window.type("gpu-box")
        window.press(OFFER, "Install")
        wait_until(
            lambda: "The engine on gpu-box is missing, or too old for this plug-in." in window.tree(), INSTALLING
        )
        wait_until(lambda: "Install There" in window.tree())
        window.screenshot(screenshots / "engine-elsewhere.png")
        far.use("answers", version=json.loads((newcomer.plugin / "release.json").read_text())["version"])
        window.press(OFFER, "Install There")
        window.wait_window(f"^{DIALOG}$", INSTALLING)
        window.press(DIALOG, "OK")
        wait_for_layers(window, AFTER)
        window.action("Neural Style Engine")
        wait_until(lambda: "The engine in use is on gpu-box" in window.tree())
        window.press(OFFER, "Cancel")
        wait_until(lambda: not window.find_window(OFFER))
    (engine,) = json.loads((newcomer.plugin / "engine.json").read_text())["engines"]
    assert engine == {"name": "gpu-box", "host": "gpu-box"}
    assert not (newcomer.engine / "venv").exists()


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarSide]:
    far = FarSide(prepare(), tmp_path / "far")
    yield far
    far.close()


def with_ssh(newcomer: Newcomer, far: FarSide) -> Path:
    """A folder with the ssh of somebody who knows the other computer."""
    folder = newcomer.data / "bin"
    folder.mkdir()
    ssh = folder / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec {shlex.join(newcomer.gimp.engine_command(far.ssh()))} "$@"\n')
    ssh.chmod(0o755)
    return folder

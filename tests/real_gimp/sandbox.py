"""A real GIMP 3 with engine and plug-in installed by the installer, apart from the user's own GIMP.

The demonstration and the tests share it; each brings what it lacks and reuses what is there. Everything lies in the
user's cache folder.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from . import preparation
from .gimp import Gimp

sys.path.append(str(Path(__file__).parents[2] / "install"))

from engine_home import EngineHome
from machine import Machine
from plugin_folder import worker_command
from pythons import running_python

import install

PROFILE = "/opt/neural-style/profile"
"""GIMP's profile in its root folder, out of the way of anything else in there."""


class SandboxError(Exception):
    """The installer could not do its work; it has said why."""


@dataclass(frozen=True)
class Sandbox:
    """``python`` is the engine's own, ``profile`` the GIMP user folder that holds the plug-in."""

    gimp: Gimp
    python: Path
    profile: Path


def prepare() -> Sandbox:
    """Bring GIMP, install engine and plug-in anew from this checkout, and return where they are."""
    gimp = preparation.prepare()
    home = EngineHome(preparation.cache_folder() / "engine", is_windows=False)
    profile = gimp.outside(PROFILE) if gimp.root != Path("/") else preparation.cache_folder() / "profile"
    profile.mkdir(parents=True, exist_ok=True)
    bring_venv()
    command = json.dumps(gimp.engine_command(worker_command(home.python)))
    arguments = ["--data-folder", str(home.folder), "--gimp-folder", str(profile), "--engine-command", command]
    # The plain index's build runs everywhere; nobody waits for the best one in a demonstration.
    if install.main([*arguments, "--torch-backend", "index"]):
        raise SandboxError("Engine and plug-in could not be installed.")
    return Sandbox(gimp, home.python, profile)


def bring_venv() -> None:
    """Bring what the installer needs and a bare Debian lacks: a Python that can make a venv."""
    if not running_python(Machine.this_one()).has_ensurepip:
        with preparation.preparing(preparation.DEFAULT_SUITE) as bringing:
            bringing.install_here(["python3-venv"])

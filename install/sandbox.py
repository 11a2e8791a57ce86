"""A real GIMP 3 with engine and plug-in installed by the installer, apart from the user's own GIMP.

The demonstration and the tests share it; each brings what it lacks and reuses what is there. Everything lies in the
user's cache folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import real_gimp
from engine_home import EngineHome
from plugin_folder import worker_command

import install

PROFILE = "/opt/neural-style/profile"
"""GIMP's profile in its root folder, out of the way of anything else in there."""


class SandboxError(Exception):
    """The installer could not do its work; it has said why."""


@dataclass(frozen=True)
class Sandbox:
    """``python`` is the engine's own, ``profile`` the GIMP user folder that holds the plug-in."""

    gimp: real_gimp.Gimp
    python: Path
    profile: Path


def prepare() -> Sandbox:
    """Bring GIMP, install engine and plug-in anew from this checkout, and return where they are."""
    gimp = real_gimp.prepare()
    home = EngineHome(real_gimp.cache_folder() / "engine", is_windows=False)
    profile = gimp.outside(PROFILE) if gimp.root != Path("/") else real_gimp.cache_folder() / "profile"
    profile.mkdir(parents=True, exist_ok=True)
    command = json.dumps(gimp.engine_command(worker_command(home.python)))
    arguments = ["--data-folder", str(home.folder), "--gimp-folder", str(profile), "--engine-command", command]
    # The plain index's build runs everywhere; nobody waits for the best one in a demonstration.
    if install.main([*arguments, "--torch-backend", "index"]):
        raise SandboxError("Engine and plug-in could not be installed.")
    return Sandbox(gimp, home.python, profile)

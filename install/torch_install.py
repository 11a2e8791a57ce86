"""Getting a torch into the engine's venv that has been seen to compute."""

from __future__ import annotations

import json
from typing import NamedTuple

from commands import CommandFailed, ask
from errors import InstallError
from installation import Installation
from output import say
from placing import size_of
from torch_backend import PLAIN_INDEX, bytes_of, device_of, fallbacks
from uv import run_uv
from words import Words

INSTALLING = Words("Installing torch")

PACKAGES = ("torch", "torchvision")
"""What is installed together: a torchvision works with the torch that it was made for, and with no other."""

TRIAL_SECONDS = 300

CONVOLUTION = """
import json, sys, torch
def has(name):
    return hasattr(torch, name) and getattr(torch, name).is_available()
if sys.argv[1] != "best":
    device = sys.argv[1]
elif has("cuda"):
    device = "cuda"
elif has("xpu"):
    device = "xpu"
else:
    device = "mps" if torch.backends.mps.is_available() else "cpu"
picture = torch.rand(1, 3, 32, 32, device=device, requires_grad=True)
torch.nn.functional.conv2d(picture, torch.rand(8, 3, 3, 3, device=device)).square().mean().backward()
assert bool(torch.isfinite(picture.grad).all()), "the gradient is not finite"
name = torch.cuda.get_device_name() if device == "cuda" else device
print(json.dumps({"device": device, "name": name, "version": torch.__version__}))
"""
"""Forward and backward: a card can be "available" and still have no kernel in this build."""

ARE_KNOWN = "import importlib.metadata as known; [known.version(name) for name in ('torch', 'torchvision')]"
"""Fails where one is missing, or where pip would take it for that and fetch another."""


class Trial(NamedTuple):
    """What one convolution ran on."""

    device: str
    name: str
    version: str


def try_convolution(installation: Installation, device: str = "best") -> Trial | None:
    """Run one convolution in the engine's venv; None where torch is missing or cannot compute there."""
    python = str(installation.home.python)
    answer = ask([python, "-I", "-c", CONVOLUTION, device], installation.machine.environ, TRIAL_SECONDS)
    return Trial(**json.loads(answer.splitlines()[-1])) if answer else None


def has_good_torch(installation: Installation, backend: str) -> bool:
    """Say whether an earlier run already answered the same wish, torch still computes, and pip knows both packages."""
    if installation.record.torch_backend != backend or try_any_device(installation) is None:
        return False
    return ask([installation.home.python, "-I", "-c", ARE_KNOWN], installation.machine.environ) is not None


def try_any_device(installation: Installation) -> Trial | None:
    return try_convolution(installation) or try_convolution(installation, "cpu")


def install_torch(installation: Installation, backend: str) -> Trial:
    """Install the wanted build; where its card refuses it the next older one; where no index answers the plain one."""
    trial = None if backend == PLAIN_INDEX else install_special_builds(installation, backend)
    if trial is None:
        expect_plain_build(installation)
        anew = ["--force-reinstall"] if installation.record.torch_backend else []  # another build, or a broken one
        installation.pip(INSTALLING, "install", *anew, *PACKAGES)
        trial = try_any_device(installation)
    if trial is None:
        raise InstallError(
            "torch is installed, but cannot compute a single convolution on this machine.",
            "Try another build, and attach the output of this installer to a report.",
            "--torch-backend cpu takes the one for the processor.",
        )
    wanted_device = device_of(backend)
    if wanted_device not in (None, trial.device):
        told = Words("torch cannot use the graphics card here; the engine will use {device}.", device=trial.name)
        installation.notes.append(told)
    return trial


def expect_plain_build(installation: Installation) -> None:
    """Tell how large it is, and raise where there is no room: on Linux it is that for NVIDIA's cards, for everybody."""
    installation.expected = bytes_of(PLAIN_INDEX, installation.machine)
    installation.need(installation.expected - size_of(installation.home.folder))


def install_special_builds(installation: Installation, backend: str) -> Trial | None:
    """Try the builds from torch's own indexes, best first; None where they cannot be had or none computes."""
    for build in fallbacks(backend):
        try:
            install_build(installation, build)
        except CommandFailed as error:
            say(f"      {error.message}\n      So torch comes from the ordinary package index.")
            return None
        trial = try_convolution(installation)
        if trial and trial.device == device_of(build):
            return trial
        say(f"      The build {build} installed, but cannot use this graphics card.")
    return None


def install_build(installation: Installation, build: str) -> None:
    python = ["--python", str(installation.home.python)]
    anew = [word for package in PACKAGES for word in ("--reinstall-package", package)]
    run_uv(installation, INSTALLING, "pip", "install", *python, "--torch-backend", build, *anew, *PACKAGES)

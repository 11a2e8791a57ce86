"""Which build of torch this machine wants, found out without torch.

The names are those of uv's ``--torch-backend``. uv's own ``auto`` looks at the driver only, and gives an older
card a build without kernels for it, so the card is asked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from commands import ask
from machine import Machine, matching, text_of
from words import Words

PLAIN_INDEX = "index"
"""The build that the ordinary package index has for this system, whatever it is."""

CUDA_BY_DRIVER = ((580, "cu130"), (570, "cu128"), (525, "cu126"))
"""Oldest driver that runs each CUDA build, newest build first."""

LAST_CUDA_BY_CAPABILITY = (((7, 5), "cu130"), ((7, 0), "cu128"), ((5, 0), "cu126"))
"""Oldest card that the newer builds still have kernels for: CUDA 13 dropped Maxwell, Pascal and Volta."""

CUDA_BUILDS = tuple(build for _, build in CUDA_BY_DRIVER)
ROCM_BUILD = "rocm7.2"

GIGABYTE = 10**9
BYTES = {"cpu": 1.3, "xpu": 5.0, ROCM_BUILD: 12.0, **dict.fromkeys(CUDA_BUILDS, 6.0)}
"""About how many gigabytes engine and torch take, by build: half of it is downloaded."""

PLAIN_ON_LINUX = "cu130"
"""What the ordinary index has for Linux; elsewhere it has a build as small as the processor's."""

FOR_THE_PROCESSOR = Words("for the processor")

NVIDIA_QUERY = ("--query-gpu=compute_cap,driver_version", "--format=csv,noheader")
WINDOWS_ADAPTERS = "(Get-CimInstance Win32_VideoController).Name"
ARC_DEVICE_IDS = ("0x56", "0xe2")
"""First digits of the PCI numbers of Intel's Arc cards, A and B series."""


class Wanted(NamedTuple):
    """``reason`` is a half sentence for the plan: "for the NVIDIA card, driver 580"."""

    backend: str
    reason: Words


class NvidiaCard(NamedTuple):
    capability: tuple[int, int]
    driver: int


def wanted_backend(machine: Machine) -> Wanted:
    """Look at the machine's graphics cards and name the build of torch that can use them."""
    if machine.is_macos:
        return Wanted(PLAIN_INDEX, Words("for macOS, Apple's graphics included"))
    cards = nvidia_cards(machine)
    if cards:
        return wanted_for_nvidia(cards)
    return wanted_on_windows(machine) if machine.is_windows else wanted_on_linux(machine)


def bytes_of(backend: str, machine: Machine) -> int:
    """Return about how many bytes the engine takes with this build of torch."""
    if backend == PLAIN_INDEX:
        backend = "cpu" if machine.is_windows or machine.is_macos else PLAIN_ON_LINUX
    return round(BYTES.get(backend, max(BYTES.values())) * GIGABYTE)


def device_of(backend: str) -> str | None:
    """Return torch's name of the device that a build is for; None where any will do."""
    if backend.startswith(("cu", "rocm")):
        return "cuda"
    return {"xpu": "xpu", "cpu": "cpu"}.get(backend)


def fallbacks(backend: str) -> list[str]:
    """Return the builds to try one after the other: the wanted one, older ones for older cards, the processor's."""
    if backend in CUDA_BUILDS:
        return [*CUDA_BUILDS[CUDA_BUILDS.index(backend) :], "cpu"]
    return [backend] if backend == "cpu" else [backend, "cpu"]


def nvidia_cards(machine: Machine) -> list[NvidiaCard]:
    nvidia_smi = machine.program("nvidia-smi")
    answer = ask([nvidia_smi, *NVIDIA_QUERY], machine.environ) if nvidia_smi else None
    return list(read_nvidia_smi(answer or ""))


def read_nvidia_smi(answer: str) -> Iterator[NvidiaCard]:
    """Read lines such as ``8.9, 570.86.15``; a line of another form is a card that cannot be used."""
    for line in answer.splitlines():
        try:
            capability, driver = line.split(",")
            major, minor = capability.split(".")
            yield NvidiaCard((int(major), int(minor)), int(driver.split(".")[0]))
        except ValueError:
            continue


def wanted_for_nvidia(cards: list[NvidiaCard]) -> Wanted:
    """Choose the newest build that both the driver and the oldest card can run."""
    capability = min(card.capability for card in cards)
    driver = min(card.driver for card in cards)
    card_text = Words("compute capability {number}", number=".".join(map(str, capability)))
    by_driver = [build for oldest, build in CUDA_BY_DRIVER if driver >= oldest]
    last = [build for oldest, build in LAST_CUDA_BY_CAPABILITY if capability >= oldest]
    if not last:
        old = Words("for the processor, because the NVIDIA card ({card}) is too old for torch", card=card_text)
        return Wanted("cpu", old)
    if not by_driver:
        told = Words(
            "for the processor, because the NVIDIA driver {driver} is older than 525: update it", driver=driver
        )
        return Wanted("cpu", told)
    build = max(by_driver[0], last[0], key=CUDA_BUILDS.index)
    return Wanted(build, Words("for the NVIDIA card ({card}, driver {driver})", card=card_text, driver=driver))


def wanted_on_windows(machine: Machine) -> Wanted:
    powershell = machine.program("powershell")
    command = [powershell or "", "-NoProfile", "-Command", WINDOWS_ADAPTERS]
    names = (ask(command, machine.environ) or "") if powershell else ""
    if re.search(r"\bArc\b", names):
        return Wanted("xpu", Words("for the Intel Arc card"))
    if "Radeon" in names:
        return Wanted("cpu", Words("for the processor, because torch for AMD on Windows cannot be installed this way"))
    return Wanted("cpu", FOR_THE_PROCESSOR)


def wanted_on_linux(machine: Machine) -> Wanted:
    if has_amd_card(machine):
        return Wanted(ROCM_BUILD, Words("for the AMD card"))
    if has_arc_card(machine):
        return Wanted("xpu", Words("for the Intel Arc card"))
    return Wanted("cpu", FOR_THE_PROCESSOR)


def has_amd_card(machine: Machine) -> bool:
    """The kernel lists processors among its compute nodes too; only graphics cards have a target version."""
    nodes = matching(machine.root, "sys/class/kfd/kfd/topology/nodes/*/properties")
    words = [line.split() for node in nodes for line in text_of(node).splitlines()]
    return any(name == "gfx_target_version" and value != "0" for name, value in filter(is_pair, words))


def is_pair(words: list[str]) -> bool:
    return len(words) == 2


def has_arc_card(machine: Machine) -> bool:
    return any(map(is_arc_card, matching(machine.root, "sys/bus/pci/devices/*")))


def is_arc_card(device: Path) -> bool:
    vendor, number, kind = (text_of(device / name).strip() for name in ("vendor", "device", "class"))
    return vendor == "0x8086" and number.startswith(ARC_DEVICE_IDS) and kind.startswith("0x03")

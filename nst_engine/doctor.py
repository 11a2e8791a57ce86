"""What a bug report needs to know of this machine."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, BinaryIO, cast

import numpy as np
import psutil
import torch

from nst_engine import device as devices
from nst_engine import networks, protocol
from nst_engine.errors import NetworkError, ProtocolError
from nst_engine.frames import PROTOCOL
from nst_engine.painting import versions
from nst_engine.protocol import Failure, Result, StylePicture, Stylize

FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def examination() -> dict[str, Any]:
    """Versions, processor and its number formats by a timed convolution, devices, networks, memory, places."""
    memory = psutil.virtual_memory()
    kinds = devices.available()
    return {
        "versions": versions(),
        "processor": {
            "name": devices.processor(),
            "cores": psutil.cpu_count(logical=False),
            "threads": torch.get_num_threads(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "convolution_milliseconds": _formats(torch.device("cpu")),
        },
        "devices": {kind: _device(kind) for kind in kinds},
        "networks": {name: _network(name) for name in networks.listed()},
        "memory_bytes": {"total": memory.total, "available": memory.available},
        "places": {
            "networks": str(networks.networks_folder()),
            "logs": str(networks.networks_folder().parent / "logs"),
        },
    }


def self_test() -> str:
    """Run a tiny job through a worker in a process of its own; returns the device it used.

    Raises StyleTransferError when the worker does not answer as it should.
    """
    picture = np.random.default_rng(0).random((32, 32, 4), dtype=np.float32)
    picture[..., 3] = 1
    job = Stylize(PROTOCOL, {"iterations": 1, "quality": "draft"}, picture, (StylePicture("noise", picture),))
    command = [sys.executable, "-I", "-m", "nst_engine", "worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        to_engine, from_engine = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)
        protocol.send(to_engine, job)
        while True:
            message = protocol.receive(from_engine)
            if isinstance(message, Result):
                return str(message.used["device"])
            if isinstance(message, Failure):
                raise ProtocolError(message.message, message.remedy)
            if message is None:
                raise ProtocolError("The engine ended without an answer.", "Run install/install.py again.")


def _network(name: str) -> str:
    """Its hash, or what is wrong with it."""
    try:
        return networks.load(name).sha256
    except NetworkError as error:
        return f"does not work: {error.message}"


def _device(kind: str) -> str:
    try:
        device = devices.choose(kind)
        devices.convolution_seconds(device, torch.float32)
        return f"{devices.describe(device)}, works"
    except RuntimeError as error:
        return f"does not work: {str(error).splitlines()[0]}"


def _formats(device: torch.device) -> dict[str, float]:
    return {name: round(1000 * devices.convolution_seconds(device, dtype), 3) for name, dtype in FORMATS.items()}

"""What a bug report needs to know of this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import platformdirs
import psutil
import torch

from nst_engine import device as devices
from nst_engine import memory, paintings, protocol
from nst_engine.errors import NetworkError, ProtocolError
from nst_engine.frames import PROTOCOL
from nst_engine.network import library
from nst_engine.painting import versions
from nst_engine.pixels import StylePicture
from nst_engine.protocol import Failure, Result, Stylize

WORKER = (sys.executable, "-I", "-m", "nst_engine", "worker")

SELF_TEST_SECONDS = 300
"""Longest wait for the self-test's picture: a first start from a slow disk takes the better part of a minute."""

FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def examination() -> dict[str, Any]:
    """Versions, processor and its number formats by a timed convolution, devices, networks, memory, places."""
    total, available = memory.machine()
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
        "networks": {name: _network(name) for name in library.listed()},
        "memory_bytes": {"total": total, "available": available, "free_for_a_job": memory.free()},
        "places": {
            "networks": str(library.networks_folder()),
            "paintings": str(paintings.paintings_folder()),
            "logs": str(logs_folder()),
        },
    }


def logs_folder() -> Path:
    """Where the plug-in keeps what its engines print, as its ``settings.py`` has it."""
    places = platformdirs.PlatformDirs("neural-style", appauthor=False)
    try:
        return places.user_log_path if sys.platform == "darwin" else places.user_state_path
    except RuntimeError:  # a user without a home
        return Path(tempfile.gettempdir(), f"neural-style-{os.getuid()}")


def self_test(command: Sequence[str] = WORKER, seconds: float = SELF_TEST_SECONDS) -> str:
    """Run a tiny job through a worker in a process of its own; returns the device it used.

    Raises StyleTransferError when the worker does not answer as it should, or not within so many seconds.
    """
    picture = np.random.default_rng(0).random((32, 32, 4), dtype=np.float32)
    picture[..., 3] = 1
    job = Stylize(PROTOCOL, {"iterations": 1, "quality": "draft"}, picture, (StylePicture("noise", picture),))
    started = time.monotonic()
    with _running(command, seconds) as process:
        answer = _answer(cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout), job)
    if isinstance(answer, Failure):
        raise ProtocolError(answer.message, answer.remedy)
    if answer is None:
        is_late = time.monotonic() - started >= seconds
        failure = f"did not answer within {seconds:g} seconds" if is_late else "ended without an answer"
        raise ProtocolError(f"The engine {failure}.", "Run install/install.py again.")
    return str(answer.used.get("device"))


@contextlib.contextmanager
def _running(command: Sequence[str], seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """A process with pipes that is gone after this block, and after so many seconds."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        deadline = threading.Timer(seconds, process.kill)
        deadline.start()
        try:
            yield process
        finally:
            deadline.cancel()
            process.kill()
            process.communicate()


def _answer(to_engine: BinaryIO, from_engine: BinaryIO, job: Stylize) -> Result | Failure | None:
    """What the job comes to; None when the engine ends before that."""
    with contextlib.suppress(OSError):  # it is gone: what it said before is still to be read
        protocol.send(to_engine, job)
    while (message := protocol.receive(from_engine)) is not None:
        if isinstance(message, (Result, Failure)):
            return message
    return None


def _network(name: str) -> str:
    """Its hash, or what is wrong with it."""
    try:
        return library.load(name).sha256
    except NetworkError as error:
        return f"does not work: {error.message}"


def _device(kind: str) -> str:
    try:
        device, *_ = devices.choose(kind)
        devices.convolution_seconds(device, torch.float32)
        return f"{devices.describe(device)}, works"
    except RuntimeError as error:
        return f"does not work: {str(error).splitlines()[0]}"


def _formats(device: torch.device) -> dict[str, float]:
    return {name: round(1000 * devices.convolution_seconds(device, dtype), 3) for name, dtype in FORMATS.items()}

"""Pictures and pipes that many tests share."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray
from patterns import stripes
from workers import started

Floats = NDArray[np.float32]

hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")  # no example is too slow on a busy machine

IN_GIMP = {"gimp", "gimp210"}
"""The folders of tests in real GIMPs, which are brought on Debian only."""

WINDOWS = {"window", "session", "help_window", "screenshots"}
"""Fixtures that show a window."""

SLOW = {
    "test_batch_command",
    "test_benchmarks",
    "test_cli",
    "test_cluster_connection_on_linux",
    "test_cluster_on_linux",
    "test_endurance",
    "test_extremes",
    "test_far_engine_on_linux",
    "test_for_real_on_linux",
    "test_forecast",
    "test_fuzz",
    "test_hostile_files_on_linux",
    "test_interrupts_on_linux",
    "test_limits_on_linux",
    "test_look",
    "test_outputs_on_linux",
    "test_painting",
    "test_remote_on_linux",
    "test_streams_on_linux",
    "test_surroundings_on_linux",
    "test_worker",
    "test_worker_on_linux",
}
"""Files of tests in which the engine paints to the end, or is installed; elsewhere a slow test says so itself."""

collect_ignore_glob = [] if sys.platform == "linux" else [*IN_GIMP, "*_on_linux.py"]


def pytest_collection_finish() -> None:
    """Pictures are compared: one thread, whose number does not change with what else the machine does."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def names(item: pytest.Item) -> Collection[str]:
    """The fixtures that a test asks for."""
    return getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by where it is."""
    for item in items:
        if sys.platform == "win32" and (item.get_closest_marker("posix") or "full_disk" in names(item)):
            item.add_marker(pytest.mark.skip("Windows has it not, or otherwise"))
        if Path(item.path).parent.name in IN_GIMP:
            item.add_marker("gimp")
            if WINDOWS.intersection(names(item)) or "window" in item.path.stem:
                item.add_marker("window")
        elif item.path.stem in SLOW or item.get_closest_marker("slow"):
            item.add_marker("slow")
        else:
            item.add_marker("fast")


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """The engine at the other end of three pipes."""
    with started() as process:
        yield process


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Where the plug-in keeps what its engines print, which is not there yet."""
    return tmp_path / "a folder to be made"


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """As on a disk that fills up: within the context no file may grow beyond so many bytes."""
    return no_file_beyond


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def content() -> Floats:
    """A small content picture, 48×64."""
    picture = stripes(48, 64, 40, seed=1)
    picture[12:36, 20:44, :3] = (0.9, 0.2, 0.1)
    return picture


@pytest.fixture
def style() -> Floats:
    """A small style picture, 56×56."""
    return stripes(56, 56, 7, seed=2)


@pytest.fixture
def corner():
    """20×30 pixels of smooth gray, in 8 bits, with one corner red and one blue: no turn of it looks like another."""
    values = np.full((20, 30, 3), 128, np.uint8)
    values[:8, :8] = (255, 0, 0)
    values[:8, -8:] = (0, 0, 255)
    return values


@pytest.fixture
def fine():
    """32×64×4 values of 16 bits, all different in each channel."""
    values = np.random.default_rng(3).permutation(65536)[: 32 * 64 * 4]
    return values.reshape(32, 64, 4).astype(np.uint16)

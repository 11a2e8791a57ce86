"""How many threads compute on the processor: no more than there are cores that other programs leave."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psutil
import torch

SECONDS = 0.5
"""How long is watched before the number changes: what is busy for a moment costs less than a change."""


class Watched(NamedTuple):
    """How many cores this process may use, and how many seconds these have been busy so far: for all programs, and for
    this one."""

    cores: int
    busy: float
    own: float


def watched() -> Watched:
    """The processor as it is now; where the system does not tell, without ``/proc``, nobody else is at work."""
    own = time.process_time()
    try:
        times = psutil.cpu_times(percpu=True)
        process = psutil.Process()
        if hasattr(process, "cpu_affinity"):  # not on macOS
            times = [times[core] for core in process.cpu_affinity() if core < len(times)]
    except (psutil.Error, OSError):
        return Watched(os.cpu_count() or 1, own, own)
    return Watched(len(times), sum(core.user + core.system + getattr(core, "nice", 0.0) for core in times), own)


class Threads:
    """PyTorch's threads, at most as many as the caller has set.

    They wait for the slowest of them at the end of every operation, so that one beside a busy program holds up all,
    and what spins meanwhile holds up that one: then fewer are quicker. They are never fewer than half the cores, for
    the system shares those out.
    """

    def __init__(self, watch: Callable[[], Watched] = watched, clock: Callable[[], float] = time.perf_counter) -> None:
        self.watch, self.clock = watch, clock
        self.most = torch.get_num_threads()
        self.moment, self.before, self.others = clock(), watch(), 0.0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Within the context they are as many as is good when it begins; afterwards as before."""
        self.most = torch.get_num_threads()
        try:
            self.adapt()
            yield
        finally:
            _set(self.most)

    def adapt(self) -> None:
        """Leave other programs the cores that they have kept busy since the last time; take back what they let go."""
        if self.most == 1:
            return
        seconds = self.clock() - self.moment
        if seconds >= SECONDS:
            now, before = self.watch(), self.before
            self.others = (now.busy - before.busy - (now.own - before.own)) / seconds
            self.moment, self.before = self.moment + seconds, now
        cores = self.before.cores
        _set(min(self.most, max(round(cores - self.others), cores // 2, 1)))


def _set(count: int) -> None:
    if count != torch.get_num_threads():
        torch.set_num_threads(count)


@contextmanager
def leaving_a_core() -> Iterator[None]:
    """Within the context PyTorch leaves one core to others, where that leaves it two at least."""
    before = torch.get_num_threads()
    _set(max(min(before, 2), before - 1))
    try:
        yield
    finally:
        _set(before)

"""The worker where the system has little to give: memory, streams, a place for its log, a client that listens."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import pty
import re
import resource
import termios
import time

import numpy as np
import psutil
import pytest
from workers import BROKEN, answers, job, started

from nst_engine import protocol
from nst_engine.protocol import Hello

pytestmark = pytest.mark.slow


def test_a_layer_larger_than_the_memory_is_answered_and_ends_the_worker(worker):
    answers(worker, until=Hello)
    used = psutil.Process(worker.pid).memory_info().vms
    resource.prlimit(worker.pid, resource.RLIMIT_AS, (used + 100_000_000, used + 100_000_000))
    large = np.zeros((4000, 4000, 4), np.float32)
    with contextlib.suppress(BrokenPipeError):
        protocol.send(worker.stdin, job(large, large))
    assert answers(worker)[-1].code == "memory"
    assert worker.wait(timeout=30) == 0


@pytest.mark.parametrize("place", ["closed", "full", "/dev/null"])
def test_faults_are_answered_with_or_without_a_log(content, style, place):
    log = open("/dev/full" if place == "full" else "/dev/null", "wb")  # noqa: SIM115
    close = (lambda: os.close(2)) if place == "closed" else None
    with log, started("-c", BROKEN, stderr=log, preexec_fn=close) as worker:
        for _ in range(2):
            protocol.send(worker.stdin, job(content, style))
            assert answers(worker)[-1].code == "internal"
        worker.stdin.close()
        assert worker.wait(timeout=30) == 0


NOBODY = """ERROR A worker talks with an editor through stdin and stdout, and no editor is there.
TIP Leave it to the plug-in to start one, or paint with nst-engine stylize.
"""


@pytest.mark.parametrize("descriptor", [0, 1])
@pytest.mark.parametrize("place", ["closed", "nothing", "a terminal"])
def test_a_worker_that_nobody_talks_with_says_so(place, descriptor):
    master, terminal = pty.openpty()
    path = os.ttyname(terminal) if place == "a terminal" else os.devnull
    with open(path, "r+b", buffering=0) as other, contextlib.ExitStack() as files:
        streams = {("stdin", "stdout")[descriptor]: other}
        close = (lambda: os.close(descriptor)) if place == "closed" else None
        worker = files.enter_context(started(**streams, preexec_fn=close))
        assert worker.stderr.read().decode() == NOBODY
        assert worker.wait(timeout=60) == 1
    os.close(master)
    os.close(terminal)


LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9))"
BROKEN_TORCH = "import sys; sys.path.insert(0, {folder!r}); open({folder!r} + '/torch.py', 'w').write({code!r})"
REASONS = {
    "a tight limit": (
        LIMITED,
        r"memory: The limit on this program's memory leaves [01]\.\d GB, too .* Raise it",
    ),
    "half a library": (
        "import missing_part",
        r"internal: .* \(ModuleNotFoundError: No module named 'missing_part'\)\. Run ",
    ),
    "a broken library": (
        "raise OSError('libtorch_cpu.so: cannot open it')",
        r"internal: .*\(OSError: libtorch_cpu\.so: ",
    ),
    "no memory": ("raise MemoryError", "memory: The memory is too small for this. Close other programs"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_worker_that_cannot_start_tells_its_client_and_its_log(tmp_path, reason):
    cause, told = REASONS[reason]
    before = cause if cause == LIMITED else BROKEN_TORCH.format(folder=str(tmp_path), code=cause)
    with started("-c", f"{before}; from nst_engine.cli import main; main(['worker'])") as worker:
        (failure,) = answers(worker)
        assert re.match(told, f"{failure.code}: {failure.message} {failure.remedy}")
        assert worker.wait(timeout=60) == 1
        assert f"ERROR {failure.message}\nTIP {failure.remedy}\n" in worker.stderr.read().decode()


@pytest.mark.parametrize("garbage", [b"", b"garbage\n"], ids=["gone", "talks nonsense"])
def test_a_client_that_no_longer_reads_keeps_no_worker(worker, style, garbage):
    protocol.send(worker.stdin, job(np.tile(style, (4, 4, 1)), style, size=64))
    waiting = array.array("i", [0])
    while waiting[0] < 30_000:  # half a pipe: of the result, ten times as long, the worker waits to send the rest
        time.sleep(0.05)
        fcntl.ioctl(worker.stdout, termios.FIONREAD, waiting)
    worker.stdin.write(garbage)
    worker.stdin.flush()
    if not garbage:
        worker.stdin.close()
    assert worker.wait(timeout=30) == 0

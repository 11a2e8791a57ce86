"""The worker where the system has little to give: memory, streams, a place for its log, a client that listens."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
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


def test_without_stdin_there_is_no_worker():
    with started(preexec_fn=lambda: os.close(0)) as worker:
        assert worker.wait(timeout=60) in (0, 1)
        assert b"Traceback" not in worker.stderr.read()


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

"""Whether memory and open files stay where they are: ``python -m tests.benchmarks.endurance``.

300 pictures of 300 sizes in one ``batch``, and 200 jobs of as many sizes on one worker; what each process held after
its 20th picture and after its last.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from PIL import Image

from nst_engine import protocol
from nst_engine.frames import PROTOCOL
from nst_engine.pixels import Pixels, StylePicture
from nst_engine.protocol import Failure, Result, Stylize

SETTLED = 20
"""The picture after which nothing new should be held."""

ALLOWED = 1.15
"""Growth from there to the end."""

OPTIONS = {"quality": "draft", "iterations": 1}


class State(NamedTuple):
    """Bytes of memory and number of open files."""

    memory: int
    files: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both rows; fails when one grows."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.endurance", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--pictures", type=int, default=300, metavar="N", help="of the batch")
    parser.add_argument("--jobs", type=int, default=200, metavar="N", help="of the worker")
    parsed = parser.parse_args(arguments)
    print(f"| | pictures | MB after {SETTLED} | MB at the end | growth | files |\n|" + " --- |" * 6)
    rows = {"batch": in_a_batch(parsed.pictures), "worker": on_a_worker(parsed.jobs)}
    for name, states in rows.items():
        early, late = states[SETTLED - 1], states[-1]
        sizes = f"{early.memory / 1e6:.0f} | {late.memory / 1e6:.0f} | {late.memory / early.memory:.2f}"
        print(f"| {name} | {len(states)} | {sizes} | {early.files}, {late.files} |", flush=True)
    if any(states[-1].memory > ALLOWED * states[SETTLED - 1].memory for states in rows.values()):
        raise SystemExit(f"ERROR Memory grew by more than {ALLOWED:.2f}.")


def picture(number: int) -> Pixels:
    """A picture of a size that no other number has, from 64×64 on."""
    height, width = 64 + 2 * (number % 20), 64 + 2 * (number // 20)
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)


def state(process: psutil.Process) -> State:
    """What a process holds now."""
    return State(process.memory_info().rss, process.num_fds() if hasattr(process, "num_fds") else 0)


def in_a_batch(pictures: int) -> list[State]:
    """The states of ``nst-engine batch`` after each picture that it wrote."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        for number in range(pictures):
            Image.fromarray(picture(number)).save(folder / "in" / f"{number:03}.png")
        Image.fromarray(picture(399)).save(folder / "style.png")
        asked = [f"--{option}={value}" for option, value in OPTIONS.items()]
        places = [folder / "in", f"--style={folder / 'style.png'}", f"--output={folder / 'out'}"]
        command = [sys.executable, "-m", "nst_engine", "batch", *places, *asked]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as batch:
            return list(_states_at_each_file(psutil.Process(batch.pid), folder / "out", pictures))


def _states_at_each_file(process: psutil.Process, folder: Path, pictures: int) -> Iterator[State]:
    seen, last = 0, State(0, 0)
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        last = state(process) if process.memory_info().rss else last
        written = len(list(folder.glob("[!.]*"))) if folder.is_dir() else 0
        yield from [last] * (written - seen)
        seen = written
        time.sleep(0.02)
    if seen != pictures:
        raise SystemExit(f"ERROR The batch ended after {seen} pictures.")


def on_a_worker(jobs: int) -> list[State]:
    """The states of a worker after each job."""
    command = [sys.executable, "-m", "nst_engine", "worker"]
    states = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin is not None and worker.stdout is not None
        style = StylePicture("style", picture(399))
        for number in range(jobs):
            protocol.send(worker.stdin, Stylize(PROTOCOL, OPTIONS, picture(number), (style,)))
            while not isinstance(answer := protocol.receive(worker.stdout), Result):
                if answer is None or isinstance(answer, Failure):
                    raise SystemExit(f"ERROR The worker answered {answer}.")
            states.append(state(psutil.Process(worker.pid)))
        worker.stdin.close()
    return states


if __name__ == "__main__":
    main()

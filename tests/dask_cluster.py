"""A dask cluster of real processes on this computer, whose workers note what they do, and a batch for it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from command_line import ENVIRONMENT, line
from distributed import Client

from nst_engine.files import writing
from nst_engine.pixels import Floats

PATIENCE = 120
QUICK = ("--quality", "draft", "--iterations", 1, "--size", 32)


class Cluster:
    """A scheduler, and workers that are started when they are asked for. ``settings`` are dask's, by variable."""

    def __init__(self, folder: Path, protocol: str = "tcp", settings: dict[str, str] | None = None) -> None:
        self.folder, self.notes = folder, folder / "notes"
        self.notes.mkdir()
        self.environment = {**ENVIRONMENT, "NST_NOTES": str(self.notes), **(settings or {})}
        self.processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self.start("scheduler", "--host", f"{protocol}://127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        self.address = until(lambda: file.exists() and address_in(file.read_text()))

    def start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *arguments]
        with open(self.folder / f"{kind}.log", "ab") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def add_worker(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one, with one thread as it stands for one core."""
        preload = str(Path(__file__).with_name("watched_worker.py"))
        return self.start("worker", self.address, "--nthreads", "1", "--preload", preload, *arguments)

    def wait_for(self, workers: int) -> None:
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=PATIENCE)

    def noted(self, what: str) -> list[int]:
        """The processes that noted this, once for each time."""
        return [int(path.name.split("-")[-2]) for path in self.notes.glob(f"{what}-*")]

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Within the block nobody gets beyond the beginning of a picture; before it all notes are cleared."""
        self.forget()
        (self.notes / "gate").touch()
        try:
            yield
        finally:
            (self.notes / "gate").unlink()

    def forget(self) -> None:
        for note in self.notes.iterdir():
            note.unlink()

    def close(self) -> None:
        """End all at once; what a worker has started ends with it."""
        for process in self.processes:
            process.kill()
            process.wait(PATIENCE)


def address_in(description: str) -> str:
    import json

    return str(json.loads(description)["address"]) if description.endswith("}") else ""


def until(found: Callable[[], Any]) -> Any:
    """What is found, as soon as it is."""
    latest = time.monotonic() + PATIENCE
    while not (result := found()):
        assert time.monotonic() < latest, "it never came"
        time.sleep(0.05)
    return result


def photographs(place: Path, content: Floats, style: Floats) -> Path:
    """A folder of them, and beside it two styles."""
    folder = place / "photos"
    folder.mkdir()
    for name, turned in (("a.png", content), ("b.jpg", content[::-1]), ("c.png", content[:, ::-1])):
        writing.save(folder / name, turned)
    writing.save(place / "waves.png", style)
    writing.save(place / "sky.png", style[:, ::-1])
    return folder


def arguments(folder: Path, *more: object) -> tuple[object, ...]:
    output = folder.parent / "painted"
    return ("batch", folder, "--output", output, "--style", folder.parent / "waves.png", *more)


def names(folder: Path) -> list[str]:
    """All that is in the folder of the results, hidden files too."""
    return sorted(path.name for path in (folder.parent / "painted").iterdir())


def started(cluster: Cluster, folder: Path, *more: object) -> subprocess.Popen[str]:
    words = line(*arguments(folder, "--dask", cluster.address, *more))
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=cluster.environment)

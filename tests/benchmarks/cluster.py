"""How many pictures a minute a cluster paints, and what the batch itself costs: ``python -m tests.benchmarks.cluster``.

The workers are processes of this computer with one thread each, so two of them pay where there are two idle cores; what
a picture costs them in processor seconds is worth something on a busy one, too. The last table has what 10,000 large
photographs ask of disk and network: the sizes and times of one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from distributed import LocalCluster
from PIL import Image

from nst_engine import Options
from nst_engine.commands import cluster, cluster_connection
from nst_engine.commands.inputs import read_styles
from nst_engine.commands.tasks import Manner, tasks
from nst_engine.files import reading, writing
from nst_engine.files.contents import NOTHING

from .cpu import PICTURES, paths


class Spread(NamedTuple):
    """A batch: seconds from the first picture's start to the last one's end, and the processor seconds of the workers
    and of this process, in which the scheduler runs as well."""

    seconds: float
    workers: float
    own: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.cluster", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--pictures", type=int, default=8, metavar="N")
    parser.add_argument("--size", type=int, default=256, metavar="N", help="long side")
    parser.add_argument("--large", type=int, default=6000, metavar="N", help="long side of the large photograph")
    parsed = parser.parse_args(arguments)
    print("| workers | pictures | px | seconds | a minute | processor seconds for each | of the batch itself |")
    print("|" + " --- |" * 7)
    for workers in parsed.workers:
        with tempfile.TemporaryDirectory() as folder:
            took = spread(Path(folder), workers, parsed.pictures, parsed.size)
        speed, of_workers, own = 60 * parsed.pictures / took.seconds, took.workers, took.own
        print(
            f"| {workers} | {parsed.pictures} | {parsed.size} | {took.seconds:.1f} | {speed:.1f} | "
            f"{of_workers / parsed.pictures:.2f} | {own / parsed.pictures:.3f} |",
            flush=True,
        )
    print("\n| a photograph | MB | seconds to read | to write |\n| --- | --- | --- | --- |")
    for ending in ("jpg", "png"):
        print(f"| {ending} | " + " | ".join(f"{figure:.2f}" for figure in photograph(ending, parsed.large)) + " |")


def spread(folder: Path, workers: int, pictures: int, size: int) -> Spread:
    """Paint copies of a photograph by so many workers, who have painted one each before."""
    content, style = paths(PICTURES)[0]
    contents = [folder / f"{number}.jpg" for number in range(pictures)]
    for file in contents:
        file.write_bytes(content.read_bytes())
    manner = Manner(Options(quality="draft", size=size), False, False, writing.WHITE)
    styles = read_styles([style], [], [], size)
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as there,
        cluster_connection.connected(there.scheduler_address) as client,
    ):
        for name, due in (("warm", contents[:workers]), ("timed", contents)):
            (folder / name).mkdir()
            before = time.perf_counter(), sum(client.run(time.process_time).values()), time.process_time()
            attempted, problems = cluster.paint_by(client, tasks(due, styles, folder / name, False), manner)
            assert (attempted, problems) == (len(due), [])
            after = time.perf_counter(), sum(client.run(time.process_time).values()), time.process_time()
    return Spread(*(late - early for early, late in zip(before, after, strict=True)))


def photograph(ending: str, long_side: int) -> tuple[float, float, float]:
    """Megabytes of a large photograph, seconds to read it and to write it."""
    content, _ = paths(PICTURES)[0]
    with Image.open(content) as picture:
        large = picture.convert("RGB").resize((long_side, long_side * 2 // 3), Image.Resampling.BICUBIC)
    pixels = np.asarray(large)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"large.{ending}"
        started = time.perf_counter()
        writing.deliver(path, pixels, False, 8, NOTHING, writing.WHITE)
        written = time.perf_counter()
        reading.read(path)
        return path.stat().st_size / 1e6, time.perf_counter() - written, written - started


if __name__ == "__main__":
    main()

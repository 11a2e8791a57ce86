"""What a step costs from 256 to 2048 px, and whether threads change the picture: ``python -m tests.benchmarks.sizes``.

Every size is painted in a process of its own, whose peak of memory is its own too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from nst_engine import device, options, stylize
from nst_engine.score import score

from .cpu import PICTURES, at_side, opaque, paths
from .published import Floats
from .runs import in_fresh_process

STEPS = 4
"""At the finest scale; the first one is not counted, since it comes with the targets."""


class Cost(NamedTuple):
    """Seconds of a step and the process's peak of memory in bytes, for so many pixels."""

    pixels: int
    seconds: float
    memory: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.sizes", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--size", nargs="+", type=int, default=[256, 512, 1024, 2048], metavar="N", help="long sides")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N", help="numbers of threads")
    parsed = parser.parse_args(arguments)
    pair = paths(PICTURES)[0]
    print("| px | Mpx | seconds a step | seconds a step and Mpx | peak memory, GB |\n| --- | --- | --- | --- | --- |")
    for size in parsed.size:
        cost = in_fresh_process(measured, pair, size)
        megapixels = cost.pixels / 1e6
        columns = f"{megapixels:.3f} | {cost.seconds:.2f} | {cost.seconds / megapixels:.1f} | {cost.memory / 1e9:.2f}"
        print(f"| {size} | {columns} |", flush=True)
    print("\n| threads | painterly | mean difference of levels from the first |\n| --- | --- | --- |")
    first: Floats | None = None
    for threads in parsed.threads:
        picture, painterly = in_fresh_process(painted, pair, min(parsed.size), threads)
        first = picture if first is None else first
        print(f"| {threads} | {painterly:.3f} | {255 * np.abs(picture - first).mean():.2f} |")


def measured(pair: tuple[Path, Path], size: int) -> Cost:
    """A few steps at this size."""
    content, style = (at_side(path, size) for path in pair)
    times: list[float] = []
    chosen = options.from_mapping({"quality": "draft", "size": size, "device": "cpu", "iterations": STEPS})
    stylize(content, style, chosen, on_step=lambda step: times.append(time.perf_counter()))
    return Cost(
        content[..., 0].size, (times[-1] - times[-STEPS]) / (STEPS - 1), device.peak_memory(torch.device("cpu"))
    )


def painted(pair: tuple[Path, Path], size: int, threads: int) -> tuple[Floats, float]:
    """A draft with so many threads, and its score."""
    torch.set_num_threads(threads)
    content, style = (at_side(path, size) for path in pair)
    picture = stylize(content, style, options.from_mapping({"quality": "draft", "size": size, "device": "cpu"}))
    trio = (opaque(p[..., :3]) for p in (content, style, picture))
    return picture[..., :3], score(*trio, size)["painterly"]["total"]


if __name__ == "__main__":
    main()

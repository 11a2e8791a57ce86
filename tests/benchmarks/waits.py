"""What a person in front of an editor waits for: ``python -m tests.benchmarks.waits``.

The engine runs as the plug-in runs it, a process at the other end of a pipe that starts with the dialog, greets, and
says how long a job will take. Times are in wall seconds, so they are worth something on an idle machine alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from nst_engine import options, protocol
from nst_engine.frames import PROTOCOL
from nst_engine.pixels import StylePicture
from nst_engine.protocol import Failure, Hello, Plan, Planned, Preview, Result, Stylize

from .cpu import PICTURES, at_side, opaque, paths

WORKER = [sys.executable, "-m", "nst_engine", "worker"]


class Waits(NamedTuple):
    """Seconds from the dialog's opening to the engine's greeting and its plan; from OK to previews and result.

    The first preview shows what the first step starts from, the second one paint; a very short job has no second.
    """

    greeting: float
    plan: float
    first_preview: float
    second_preview: float | None
    result: float
    number_format: str


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.waits", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--size", nargs="+", type=int, default=[512], metavar="N", help="long sides")
    qualities = list(options.specs()["quality"][1].choices)
    parser.add_argument("--quality", nargs="+", choices=qualities, default=["draft", "normal"])
    parsed = parser.parse_args(arguments)
    names = ("px", "quality", *Waits._fields)
    print("| " + " | ".join(names) + " |\n|" + " --- |" * len(names))
    for size in parsed.size:
        for quality in parsed.quality:
            *seconds, number_format = waits(paths(PICTURES)[0], size, quality)
            columns = " | ".join("–" if s is None else f"{s:.2f}" for s in seconds)
            print(f"| {size} | {quality} | {columns} | {number_format} |", flush=True)


def waits(pair: tuple[Path, Path], size: int, quality: str) -> Waits:
    """One dialog and one job, timed."""
    content, style = (opaque(at_side(path, size)) for path in pair)
    chosen = {"quality": quality, "size": size}
    opened = time.perf_counter()
    with subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        to_engine, from_engine = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)
        _next(from_engine, Hello)
        greeting = time.perf_counter() - opened
        protocol.send(to_engine, Plan(chosen, content.shape[1], content.shape[0]))
        _next(from_engine, Planned)
        plan = time.perf_counter() - opened
        pressed = time.perf_counter()
        protocol.send(to_engine, Stylize(PROTOCOL, chosen, content, (StylePicture("style", style),)))
        previews = []
        while isinstance(message := _next(from_engine, Preview, Result), Preview):
            previews.append(time.perf_counter() - pressed)
        result = time.perf_counter() - pressed
        to_engine.close()
    first, second, *_ = [*previews, None]
    return Waits(greeting, plan, first, second, result, message.used["number_format"])


def _next(from_engine: BinaryIO, *kinds: type) -> Any:
    """The next message of one of these kinds; others are passed over."""
    while not isinstance(message := protocol.receive(from_engine), kinds):
        if message is None or isinstance(message, Failure):
            sys.exit(f"ERROR The engine failed: {message}")
    return message


if __name__ == "__main__":
    main()

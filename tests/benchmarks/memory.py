"""What was forecast of a job's memory against what it took: ``python -m tests.benchmarks.memory``.

Every job reads files, paints and writes in a process of its own, whose peak of memory is its own too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from nst_engine import cli, device, memory

from .runs import in_fresh_process

STEPS = 12
"""At the finest scale: enough for all pairs of L-BFGS. What is finished has the steps of its quality."""

FINISHED: dict[str, Any] = {"iterations": None, "quality": "draft"}
"""What is chosen for large pictures."""


class Case(NamedTuple):
    """A job: long sides of the content, of how many styles, and of the size painted at; what else is asked for."""

    content: int
    styles: int
    style: int
    size: int
    chosen: dict[str, Any] = {}
    masks: bool = False
    number_format: str = "bfloat16"


CASES = (
    Case(64, 1, 64, 64),
    Case(64, 1, 64, 64, number_format="float32"),
    Case(512, 1, 512, 512),
    Case(512, 1, 512, 512, number_format="float32"),
    Case(1024, 1, 1024, 1024),
    Case(1024, 1, 1024, 1024, number_format="float32"),
    Case(512, 1, 512, 512, {"recipe": "gatys"}),
    Case(512, 1, 512, 512, {"recipe": "nst"}),
    Case(512, 1, 512, 512, {"optimizer": "adam"}),
    Case(512, 1, 512, 512, {"photo_weight": 1.0}),
    Case(512, 1, 512, 512, {"style_layers": "relu3_1", "content_layers": "relu3_1"}),
    Case(1024, 1, 1024, 1024, {"style_layers": "relu1_1", "content_layers": "relu1_1"}),
    Case(1024, 1, 1024, 1024, {"style_layers": "relu1_1", "content_layers": "relu1_1"}, masks=True),
    Case(1024, 1, 1024, 1024, {"style_layers": "relu5_1", "content_layers": "relu5_1"}),
    Case(512, 3, 512, 512, masks=True),
    Case(256, 1, 2048, 256, {"style_scale": 4.0}),
    Case(6000, 4, 6000, 64),
    Case(9000, 1, 1000, 256),
    Case(9000, 1, 1000, 256, {"color": "content"}, masks=True),
    Case(6000, 1, 6000, 512, {"color": "match"}, masks=True),
    Case(1024, 1, 1024, 1024, {"memory_limit": 1.8}),
    Case(1024, 1, 1024, 1024, {"memory_limit": 2.5}, number_format="float32"),
    Case(2048, 1, 1024, 2048, FINISHED),
    Case(4240, 1, 1024, 4240, FINISHED),
    Case(6000, 1, 1024, 6000, FINISHED),
    Case(512, 1, 512, 512, {"recipe": "neighbors"}),
    Case(1024, 3, 1024, 1024, {"recipe": "neighbors"}, masks=True),
    Case(2048, 1, 2048, 2048, {"recipe": "neighbors", **FINISHED}),
)


class Taken(NamedTuple):
    """Bytes that were forecast for a process, and the most that it had."""

    forecast: int
    peak: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.memory", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--case", nargs="+", type=int, default=range(len(CASES)), metavar="N", help="rows, from 0")
    parsed = parser.parse_args(arguments)
    print("| | content | styles | painted at | | format | forecast, GB | peak, GB | ratio |\n|" + " --- |" * 9)
    for number in parsed.case:
        case = CASES[number]
        with tempfile.TemporaryDirectory() as folder:
            in_fresh_process(make_files, case, Path(folder))
            taken = in_fresh_process(measured, case, Path(folder))
        asked = ", ".join([f"{name} {value}" for name, value in case.chosen.items()] + ["masks"] * case.masks)
        pictures = f"{case.content} px | {case.styles} × {case.style} px | {case.size} px"
        numbers = f"{taken.forecast / 1e9:.2f} | {taken.peak / 1e9:.2f} | {taken.forecast / taken.peak:.2f}"
        print(f"| {number} | {pictures} | {asked} | {case.number_format} | {numbers} |", flush=True)


def make_files(case: Case, folder: Path) -> None:
    """The pictures of a case, 3 : 2, as files."""
    content = colorful(case.content)
    content.save(folder / "content.jpg")
    for number in range(case.styles):
        colorful(case.style).save(folder / f"style-{number}.jpg")
    if case.masks:
        for name in ("protect", "select"):
            content.getchannel("R").save(folder / f"{name}.png")


def colorful(long_side: int) -> Image.Image:
    """A picture of soft spots."""
    spots = np.random.default_rng(long_side).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return Image.fromarray(spots).resize((long_side, long_side * 2 // 3), Image.Resampling.BICUBIC)


def measured(case: Case, folder: Path) -> Taken:
    """One job of the command line, from files to a file."""
    setattr(device, "fastest_format", lambda place: getattr(torch, case.number_format))  # noqa: B010
    chosen = {"size": case.size, "device": "cpu", "iterations": STEPS, **case.chosen}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    files = {"content": "content.jpg", "output": "result.png", "report": "report.json"}
    files |= {"protect": "protect.png", "select": "select.png"} if case.masks else {}
    asked = [f"--{name}={folder / file}" for name, file in files.items()]
    asked += [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
    cli.main(["stylize", *asked, "--style", *(str(path) for path in folder.glob("style-*"))])
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return Taken(report["expected_memory_bytes"], memory.peak())


if __name__ == "__main__":
    main()

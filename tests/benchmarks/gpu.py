"""Whether a GPU paints the same picture as the processor, and how fast: ``python -m tests.benchmarks.gpu``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import NamedTuple

import torch

from nst_engine import device as devices
from nst_engine import options, painting, recipes
from nst_engine.network import library
from nst_engine.network.vgg import VGG19
from nst_engine.objective import Objective, Region, style_statistics
from nst_engine.pixels import StylePicture
from nst_engine.tensors import to_image

from .cpu import PICTURES, at_side, paths

CHECKED_SIDE = 128

TOLERANCE = 0.05
"""Largest relative difference of losses, and smallest missing to 1 in the cosine of gradients."""


class Difference(NamedTuple):
    """How far a device is from the processor in float32: of the total loss, relative, and 1 − cosine of gradients."""

    loss: float
    gradient: float


class Row(NamedTuple):
    """One timed job: a warm painter, so that neither imports nor the choice of algorithms count."""

    px: int
    quality: str
    seconds: float
    megapixel_steps_per_second: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Check, then print the table; exits with 1 where the device's gradient is not the processor's."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=(__doc__ or "").strip())
    parser.add_argument("--device", default="cuda", choices=("cpu", *devices.ACCELERATORS))
    parser.add_argument("--size", nargs="+", type=int, default=[512, 1024, 2048], metavar="N", help="long sides")
    parser.add_argument("--quality", nargs="+", default=["draft", "normal"])
    parsed = parser.parse_args(arguments)
    device = devices.choose(parsed.device)
    dtype = devices.fastest_format(device)
    print(f"{devices.describe(device)}, {str(dtype).removeprefix('torch.')}, torch {torch.__version__}")
    found = difference(device, dtype)
    print(f"against the processor: loss {found.loss:.2e}, direction of the gradient {found.gradient:.2e}")
    if max(found) > TOLERANCE:
        raise SystemExit(f"ERROR The device differs by more than {TOLERANCE}.")
    print("| " + " | ".join(Row._fields) + " |\n|" + " --- |" * len(Row._fields))
    for size in parsed.size:
        for quality in parsed.quality:
            row = timed(parsed.device, size, quality)
            numbers = f"{row.seconds:.2f} | {row.megapixel_steps_per_second:.2f}"
            print(f"| {row.px} | {row.quality} | {numbers} |", flush=True)


def difference(device: torch.device, dtype: torch.dtype) -> Difference:
    """Value and gradient of the default recipe, there against here."""
    losses, gradients = [], []
    for place, number_format in ((torch.device("cpu"), torch.float32), (device, dtype)):
        content, style = (to_image(at_side(path, CHECKED_SIDE)).to(place) for path in paths(PICTURES)[0])
        recipe = recipes.chosen(options.from_mapping({}))
        vgg = VGG19(library.load("vgg19"), place, replicate=True, dtype=number_format)
        region = Region(style_statistics(vgg, style, None, recipe.style_layers))
        value, gradient = Objective(vgg, recipe, content, [region]).value_and_gradient(0.9 * content)
        losses.append(value.as_numbers()["total"])
        gradients.append(gradient.cpu().flatten())
    cosine = float(torch.nn.functional.cosine_similarity(gradients[0], gradients[1], dim=0))
    return Difference(abs(losses[1] / losses[0] - 1), 1 - cosine)


def timed(device: str, size: int, quality: str) -> Row:
    """The second of two jobs with one painter."""
    content, style = (at_side(path, size) for path in paths(PICTURES)[0])
    painter = painting.Painter(options.from_mapping({"device": device, "size": size, "quality": quality}))
    for _ in range(2):
        started = time.perf_counter()
        report = painter.paint(content, [StylePicture("style", style)]).report
        seconds = time.perf_counter() - started
    scales = report["seconds"]["scales"]
    pixels = {max(scale["height"], scale["width"]): scale["height"] * scale["width"] for scale in scales}
    steps = sum(pixels[entry["scale"]] for entry in report["history"])
    return Row(size, quality, seconds, steps / seconds / 1e6)


if __name__ == "__main__":
    main()

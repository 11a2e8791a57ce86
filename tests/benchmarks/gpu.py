"""Whether a GPU paints the same picture as the processor, whole and in tiles, and how fast up to 64 megapixels:
``python -m tests.benchmarks.gpu``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nst_engine import device as devices
from nst_engine import options, painting, recipes
from nst_engine.network import library
from nst_engine.network.vgg import VGG19
from nst_engine.objective import Objective, Region
from nst_engine.pixels import StylePicture
from nst_engine.style_statistics import statistics_of
from nst_engine.tensors import to_image

from .cpu import PICTURES, at_side, paths

CHECKED_SIDE, TILED_SIDE, TILE = 128, 512, 256
"""Long sides of the pictures that are checked against the processor and tiled against whole, and of the tiles."""

TILES_TOLERANCE = 0.01
"""The same as TOLERANCE between tiles and the whole, on one device."""

TOLERANCE = 0.05
"""Largest relative difference of losses, and smallest missing to 1 in the cosine of gradients."""


class Difference(NamedTuple):
    """How far two evaluations are apart: of the total loss, relative, and 1 − cosine of gradients."""

    loss: float
    gradient: float


class Row(NamedTuple):
    """One timed job: a warm painter, so that neither imports nor the choice of algorithms count."""

    px: int
    megapixels: float
    quality: str
    seconds: float
    megapixel_steps_per_second: float
    peak_gigabytes: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Check, then print the table; exits with 1 where the device's gradient is not the processor's."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=(__doc__ or "").strip())
    parser.add_argument("--device", default="cuda", choices=("cpu", *devices.ACCELERATORS))
    parser.add_argument("--size", nargs="*", type=int, default=[512, 1024], metavar="N", help="long sides")
    parser.add_argument("--megapixels", nargs="*", type=float, default=[1, 4, 24, 64], metavar="X", help="and sizes")
    parser.add_argument("--quality", nargs="+", default=["draft", "normal"])
    parsed = parser.parse_args(arguments)
    device, *_ = devices.choose(parsed.device)
    dtype = devices.fastest_format(device)
    print(f"{devices.describe(device)}, {str(dtype).removeprefix('torch.')}, torch {torch.__version__}")
    check("against the processor", difference(device, dtype), TOLERANCE)
    check("tiles against the whole", difference_of_tiles(device, dtype), TILES_TOLERANCE)
    print("| " + " | ".join(Row._fields) + " |\n|" + " --- |" * len(Row._fields))
    for size in (*parsed.size, *(round((1.5e6 * megapixels) ** 0.5) for megapixels in parsed.megapixels)):
        for quality in parsed.quality:
            row = timed(parsed.device, size, quality)
            numbers = f"{row.seconds:.2f} | {row.megapixel_steps_per_second:.2f} | {row.peak_gigabytes:.2f}"
            print(f"| {row.px} | {row.megapixels:.1f} | {row.quality} | {numbers} |", flush=True)


def check(what: str, found: Difference, tolerance: float) -> None:
    """Print a difference; exits with 1 where it is too large."""
    print(f"{what}: loss {found.loss:.2e}, direction of the gradient {found.gradient:.2e}", flush=True)
    if max(found) > tolerance:
        raise SystemExit(f"ERROR The difference is larger than {tolerance}.")


def difference(device: torch.device, dtype: torch.dtype) -> Difference:
    """Value and gradient of the default recipe, there against here in float32."""
    here = evaluated(torch.device("cpu"), torch.float32, CHECKED_SIDE)
    return apart(here, evaluated(device, dtype, CHECKED_SIDE))


def difference_of_tiles(device: torch.device, dtype: torch.dtype) -> Difference:
    """The same in tiles against the picture in one piece, both there."""
    return apart(evaluated(device, dtype, TILED_SIDE), evaluated(device, dtype, TILED_SIDE, TILE))


def evaluated(
    place: torch.device, number_format: torch.dtype, long_side: int, tile_side: int | None = None
) -> tuple[float, Tensor]:
    """Total loss and gradient of a picture of this size."""
    content, style = (to_image(at_side(path, long_side)).to(place) for path in paths(PICTURES)[0])
    recipe = recipes.chosen(options.from_mapping({}))
    vgg = VGG19(library.load("vgg19"), place, recipe.padding, dtype=number_format)
    region = Region(statistics_of(vgg, style, None, recipe.style_layers, recipe.sampled_layers))
    objective = Objective(vgg, recipe, content, [region], tile_side=tile_side)
    losses, gradient = objective.value_and_gradient(0.9 * content)
    return losses.as_numbers()["total"], gradient.cpu().flatten()


def apart(first: tuple[float, Tensor], second: tuple[float, Tensor]) -> Difference:
    """How far two evaluations are apart."""
    cosine = float(torch.nn.functional.cosine_similarity(first[1], second[1], dim=0))
    return Difference(abs(second[0] / first[0] - 1), 1 - cosine)


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
    megapixels = content[..., 0].size / 1e6
    peak = devices.peak_memory(painter.device) / 1e9
    return Row(size, megapixels, quality, seconds, steps / seconds / 1e6, peak)


if __name__ == "__main__":
    main()

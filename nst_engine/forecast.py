"""How much memory a job takes at its most, known before it is taken.

The numbers of bytes a pixel were measured; ``python -m tests.benchmarks.memory`` compares the sum with what processes
really took.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nst_engine import neighbors, pyramid, tiles
from nst_engine.errors import OutOfMemory
from nst_engine.network.layers import LAYERS
from nst_engine.network.vgg import VGG19
from nst_engine.options import Options
from nst_engine.pixels import BAND_PIXELS, Size
from nst_engine.pyramid import Scale
from nst_engine.recipes import Recipe
from nst_engine.style_statistics import STYLE_TILE
from nst_engine.styles import KnownStatistics, size_for
from nst_engine.words import Words

FLOAT = 4
"""Bytes of a number of a picture."""

CHANNELS = (64, 128, 256, 512, 512)
"""Of the network's blocks, each of which has a quarter of the positions of the one before."""

INDEX = 8
"""Bytes of the place that maximum pooling remembers of a number."""

LIBRARIES = 80_000_000
"""What libraries take once, with the first step, and the tiles of a convolution."""

STEP_TRANSIENT, LOOK_TRANSIENT = 4, 3
"""How many maps as large as the first block's come and go in a step, and while a style is looked at; with what the
allocator leaves between them."""

TARGETS = 2
"""How many maps as large as the first block's are gathered of a style's samples, and compared."""

DESCENT = {"lbfgs": 480, "adam": 100, "tensorflow-adam": 100, "lean": 72}
"""Bytes a pixel of what an optimizer remembers and works with."""

PHOTO_TERM = 500
"""Bytes a pixel of the windows that the photo term looks at."""

HELD = 6 * FLOAT
"""Bytes a pixel where something of the content may not change: the content itself, and the picture as it is seen."""

WRITING = 8
"""Bytes a pixel of a picture in whole numbers on its way into a file."""

TILED = 1.5
"""How much more than reckoned a step in tiles may take: their statistics, and what the allocator keeps between them."""

SLOW_TILE = 384
"""The largest tiles of pictures that a processor only finishes: some seconds' work, and little memory."""

PART = 0.7
"""When a forecast turned out too low, so much of it is taken for what was really free."""

BAND = BAND_PIXELS * 100
"""What is taken for rows of a picture while it is read or composed."""

FREE_ARE = "Painting at {size} px needs about {needed:.1f} GB of memory; {left:.1f} GB are free."
LIMIT_LEAVES = "Painting at {size} px needs about {needed:.1f} GB of memory; the limit leaves {left:.1f} GB."
SMALLER = "Choose a size of at most {size}."
SMALLER_OR_RAISE = "Choose a size of at most {size}, or raise the limit."
CLOSE = "No size is small enough: close other programs, or scale the pictures down."
RAISE = "No size is small enough: raise the limit, or scale the pictures down."


class Job(NamedTuple):
    """What the memory of a job depends on, but for the size that it is painted at.

    ``content`` and ``styles`` are the pictures' own sizes; ``masks`` is the number of maps on the content, its alpha
    and styles' regions among them. ``kind`` is that of the result's numbers, ``devices`` how many share the tiles;
    ``is_held`` says whether something of the content may not change, ``regions`` how many parts have a style each.
    """

    content: Size
    styles: Sequence[Size]
    masks: int
    options: Options
    recipe: Recipe
    vgg: VGG19
    kind: np.dtype[Any] = np.dtype(np.float32)
    devices: int = 1
    is_held: bool = False
    regions: int = 1


class Need(NamedTuple):
    """Bytes that a job takes beyond what it was given: while it paints, on the device with most of it, and for its
    result."""

    painting: int
    result: int


class Free(NamedTuple):
    """Bytes free on the device, or on that of several which has least, and in main memory, which may be the same."""

    device: int
    main: int


def need(job: Job, scales: Sequence[Scale], tile_side: int | None = None) -> Need:
    """What a job takes at its most when it is painted at these scales, the finest in tiles of about this side."""
    size, shown = scales[-1].size, shown_at_once(job.recipe, scales, tile_side)
    styles = [size_for(own, max(size), job.options.style_scale) for own in job.styles]
    of_one = _statistics(job.recipe)
    known = max(min(KnownStatistics.MOST, len(scales) * len(styles) * of_one), (len(styles) + 1) * of_one)
    held = 4 * FLOAT * (sum(style.pixels for style in styles) + size.pixels)
    held += (2 * FLOAT * job.masks + (HELD if job.is_held else 0)) * size.pixels
    largest = max((tiles.toll(style, STYLE_TILE, job.recipe.layers).pixels for style in styles), default=0)
    looking = largest * _look(job.recipe, job.vgg)
    stepping = max(_stepping(job, scale, shown) for scale in scales)
    held += LIBRARIES + known + _kernels(job.recipe, job.vgg, max(largest, shown))
    result = (4 * job.kind.itemsize + (WRITING if job.kind.kind == "u" else 0)) * job.content.pixels
    return Need(painting=int(held + max(looking, stepping)), result=held + BAND + result)


def shown_at_once(recipe: Recipe, scales: Sequence[Scale], tile_side: int | None) -> int:
    """The most pixels that the network is shown at once, at any scale: those of the finest's tiles of this side."""
    finest = scales[-1]
    return tiles.toll(finest.size, tile_side, recipe.at(finest.is_finish).layers).pixels


def _stepping(job: Job, scale: Scale, shown: int) -> float:
    """Bytes that a step at a scale takes when the network is shown no more than so many pixels at once."""
    is_tiled, recipe = shown < scale.size.pixels, job.recipe.at(scale.is_finish)
    features = min(shown, scale.size.pixels) * _step(recipe, job.vgg, job.regions)
    matching = FLOAT * neighbors.AT_ONCE + neighbors.MOST_BYTES // 2 if job.recipe.sampled_layers else 0
    held = FLOAT * sum(map(_maps, recipe.content_layers)) + _descent(job.recipe, scale)
    return features * (TILED if is_tiled else 1) + scale.size.pixels * held + matching


def fits(job: Job, scales: Sequence[Scale], free: Free) -> bool:
    """Whether a job can be painted at these scales."""
    return any(True for _ in fitting_tiles(job, scales, free))


def fitting_tiles(job: Job, scales: Sequence[Scale], free: Free) -> Iterator[int | None]:
    """The sides of the finest scale's tiles with which a job can be painted, quickest first."""
    is_slow = scales[-1].is_finish and job.vgg.device.type == "cpu"
    finest = scales[-1]
    for side in tiles.sides_by_work(finest.size, job.recipe.at(finest.is_finish).layers, job.devices):
        if is_slow and (side is None or side > SLOW_TILE):
            continue
        wanted = need(job, scales, side)
        if wanted.painting <= free.device and wanted.result <= free.main:
            yield side


def cost(job: Job, scales: Sequence[Scale], free: Free) -> float | None:
    """What painting at these scales costs in pixels, with the tiles that memory wants; None where it does not fit."""
    for finest_side in fitting_tiles(job, scales, free):
        shown = shown_at_once(job.recipe, scales, finest_side)
        return sum(scale.cost * _toll(job, scale, shown) for scale in scales)
    return None


def _toll(job: Job, scale: Scale, shown: int) -> float:
    """How many times the work of a picture in one piece a step at this scale is for the device with most of it."""
    layers = job.recipe.at(scale.is_finish).layers
    side = tiles.side_within(scale.size, shown, layers, job.devices)
    return tiles.toll(scale.size, side, layers, job.devices).work


def fitting_long_side(job: Job, free: Free) -> int:
    """The largest long side at which a job can be painted; 0 if there is none."""
    low, high = pyramid.COARSEST_LONG_SIDE - 1, max(job.content)
    while low < high:
        side = (low + high + 1) // 2
        if fits(job, _scales(job, pyramid.working_size(job.content, side)), free):
            low = side
        else:
            high = side - 1
    return low if low >= pyramid.COARSEST_LONG_SIDE else 0


def refusal(job: Job, size: Size, free: Free) -> OutOfMemory:
    """Why a job cannot be painted at this size, and at which it can."""
    fitting = fitting_long_side(job, free)
    told = size if fitting else pyramid.working_size(job.content, pyramid.COARSEST_LONG_SIDE)
    wanted = need(job, _scales(job, told), tiles.SIDES[-1])
    short = wanted.painting > free.device
    needed, there = (wanted.painting, free.device) if short else (wanted.result, free.main)
    sentence = Words(
        LIMIT_LEAVES if job.options.memory_limit else FREE_ARE,
        size=max(told),
        needed=needed / 1e9,
        left=max(0, there) / 1e9,
    )
    return OutOfMemory(sentence, _advice(job, fitting))


def ran_out(job: Job, size: Size) -> OutOfMemory:
    """What to say when a job that should have fitted did not. Then only a part of what it needs can have been there."""
    wanted = need(job, _scales(job, size))
    there = Free(int(PART * wanted.painting), int(PART * wanted.result))
    told = Words("The memory ran out while painting at {size} px.", size=max(size))
    return OutOfMemory(told, _advice(job, fitting_long_side(job, there)))


def _scales(job: Job, size: Size) -> list[Scale]:
    """The scales of a job that is painted at a size asked for."""
    return pyramid.schedule(size, job.options, job.recipe, job.vgg.dtype)


def _advice(job: Job, fitting: int) -> Words:
    if fitting:
        return Words(SMALLER_OR_RAISE if job.options.memory_limit else SMALLER, size=fitting)
    return Words(RAISE if job.options.memory_limit else CLOSE)


def _step(recipe: Recipe, vgg: VGG19, regions: int) -> float:
    """Bytes a pixel of a step: the features that its gradients need, those that are compared with the losses'
    derivatives by them, what comes and goes."""
    used, bytes_of_one = _used(recipe), vgg.dtype.itemsize
    kept = sum(map(_maps, used)) * bytes_of_one
    kept += sum(map(_pooled, used)) * (bytes_of_one + INDEX)
    compared = sum(map(_maps, recipe.layers))
    copied = compared if bytes_of_one < FLOAT else 0
    by_several = recipe.layers if regions > 1 else recipe.content_layers.keys() & recipe.style_layers.keys()
    added_up = 2 * max(map(_maps, by_several), default=0)
    photo = PHOTO_TERM if recipe.photo_weight else 0
    targets = TARGETS * _maps(LAYERS[0]) * FLOAT if recipe.sampled_layers else 0
    transient = STEP_TRANSIENT * _maps(LAYERS[0]) * bytes_of_one
    return kept + (copied + compared + added_up) * FLOAT + transient + photo + targets


def _descent(recipe: Recipe, scale: Scale) -> float:
    """Bytes a pixel of what the optimizer holds, whatever the tiles, and of a running average beside it."""
    average = 3 * FLOAT if recipe.keep == "average" else 0
    return DESCENT["lean" if scale.is_lean else recipe.optimizer] + average


def _look(recipe: Recipe, vgg: VGG19) -> float:
    """Bytes a pixel of a look at a style."""
    kept = sum(_maps(layer) for layer in recipe.style_layers) * FLOAT
    return kept + LOOK_TRANSIENT * _maps(LAYERS[0]) * vgg.dtype.itemsize


def _kernels(recipe: Recipe, vgg: VGG19, pixels: int) -> int:
    """Bytes that the network itself still takes for pictures of so many pixels."""
    convolutions = zip(_used(recipe), vgg.convolutions.values(), strict=False)
    return sum(convolution.unmade_bytes(pixels // 4 ** _block(layer)) for layer, convolution in convolutions)


def _statistics(recipe: Recipe) -> int:
    """Bytes of a style's statistics: a mean and a matrix for each layer, or samples of several."""
    summed = (CHANNELS[_block(layer)] for layer in recipe.style_layers if layer not in recipe.sampled_layers)
    samples = neighbors.MOST_BYTES if recipe.sampled_layers else 0
    return samples + sum(FLOAT * channels * (channels + 1) for channels in summed)


def _used(recipe: Recipe) -> tuple[str, ...]:
    """All layers down to the deepest that is looked at."""
    deepest = max((LAYERS.index(layer) for layer in recipe.layers), default=-1)
    return LAYERS[: deepest + 1]


def _maps(layer: str) -> float:
    """Numbers of a layer's features for each pixel of the picture."""
    return float(CHANNELS[_block(layer)] / 4 ** _block(layer))


def _pooled(layer: str) -> float:
    """Numbers for each pixel of the picture that a pooling before this layer leaves; 0 where there is none."""
    block = _block(layer)
    return CHANNELS[block - 1] / 4**block if block and layer.endswith("_1") else 0.0


def _block(layer: str) -> int:
    """How many times the picture was made smaller by two before a layer such as 'relu4_2'."""
    return int(layer.removeprefix("relu")[0]) - 1

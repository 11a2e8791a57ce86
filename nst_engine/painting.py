"""The story of one job, from pixels to pixels."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

import nst_engine
from nst_engine import color, estimate, networks, optimize, pyramid, recipes, regions
from nst_engine import device as devices
from nst_engine.enlarge import enlarged
from nst_engine.errors import OutOfMemory, PictureError
from nst_engine.objective import Frame, Losses, Objective, Region, Statistics, blended, framed, style_statistics
from nst_engine.options import Options
from nst_engine.protocol import Pixels, StylePicture
from nst_engine.pyramid import Scale, Size
from nst_engine.recipes import Recipe
from nst_engine.vgg import SMALLEST_SIDE, VGG19

Floats = NDArray[np.float32]

PREVIEW_PIXELS = 1_000_000
"""Largest preview."""


@dataclasses.dataclass(frozen=True)
class Step:
    """What is known after each step: ``fraction`` 0…1 of the job, ``seconds_left`` (None while unknown), a text.

    ``losses`` has the keys content, style, tv and total. ``preview()`` makes the picture as it stands, H×W×4
    uint8 in the content's proportions, at most a megapixel.
    """

    fraction: float
    seconds_left: float | None
    text: str
    losses: dict[str, float]
    preview: Callable[[], NDArray[np.uint8]]


@dataclasses.dataclass(frozen=True)
class Stylized:
    """The finished picture, H×W×4 float32 in the content's size with its alpha, and the report of how it was made."""

    picture: Floats
    report: dict[str, Any]


class Masks(NamedTuple):
    """Maps on the content, H×W×1 or None. ``protection``: what stays as it is; ``selection``: what is painted."""

    protection: Pixels | None = None
    selection: Pixels | None = None


class Painter:
    """A network on a device, ready to paint any number of pictures with the same options.

    What it learns of a style at some size it keeps, so that the next content of that size costs less.
    ``started`` (of ``time.perf_counter``) is when the start-up began; ``speed`` is what
    :func:`nst_engine.estimate.seconds_per_pixel` found earlier on this machine.
    Raises :class:`nst_engine.errors.StyleTransferError`.
    """

    def __init__(self, options: Options, started: float | None = None, speed: float | None = None) -> None:
        self.started = time.perf_counter() if started is None else started
        self.options, self.speed = options, speed
        self.device = devices.choose(options.device)
        self.network = networks.load(options.network)
        self.recipe = recipes.chosen(options)
        self.vgg = VGG19(self.network, self.device, self.recipe.padding == "replicate", self.recipe.pooling)
        self.known_styles: dict[tuple[int, Size], tuple[StylePicture, Statistics]] = {}

    def paint(
        self,
        content: Pixels,
        styles: Sequence[StylePicture],
        masks: Masks = Masks(),
        init: Pixels | None = None,
        on_step: Callable[[Step], None] = lambda step: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Stylized:
        """Paint ``content`` in the style of ``styles`` (Gatys, Ecker & Bethge 2016), coarse to fine.

        Pictures are H×W×3|4, uint8 or float32 with [0, 1] as the visible range, sRGB-encoded, alpha straight.
        ``on_step`` hears of every step; what it raises ends the job. When ``should_stop`` says so,
        the picture as it stands is finished and returned. ``init`` is the picture to start from.
        Raises :class:`nst_engine.errors.StyleTransferError`.
        """
        clock = _Clock(self.started)
        canvas = _Canvas(content, masks, self.device)
        palette = _Palette(self, canvas, styles)
        size = self.working_size(canvas.size)
        scales = pyramid.schedule(size, self.options, self.recipe)
        _check_memory(self.device, self.recipe, size)
        clock.lap("start_up")
        try:
            painting = _Painting(self, canvas, palette, scales, clock, init)
            painting.paint(on_step, should_stop)
            picture = painting.seen(canvas.size)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            raise _explained(error, size) from error
        finally:
            self.started = time.perf_counter()
        return Stylized(picture, self._report(painting, styles, size))

    def working_size(self, content: Size) -> Size:
        """The size that a content of this size is painted at."""
        if self.options.size or max(content) <= estimate.QUICK_LONG_SIDE:
            return pyramid.working_size(content, self.options.size or max(content))
        return self.estimate(content).size

    def estimate(self, content: Size) -> estimate.Estimate:
        """The size that a content of this size is painted at, and about how many seconds it takes."""
        if self.speed is None:
            self.speed = estimate.seconds_per_pixel(self.vgg, self.recipe)
        return estimate.estimate(content, self.options, self.recipe, self.speed, devices.free_memory(self.device))

    def _report(self, painting: _Painting, styles: Sequence[StylePicture], size: Size) -> dict[str, Any]:
        return {
            "options": dataclasses.asdict(self.options),
            "styles": [{"name": style.name, "weight": style.weight} for style in styles],
            "size": {"width": size.width, "height": size.height},
            "network": {"name": self.network.name, "sha256": self.network.sha256},
            "device": devices.describe(self.device),
            "number_format": "float32",
            "versions": versions(),
            "seconds": painting.clock.laps | {"total": painting.clock.total()},
            "peak_memory_bytes": devices.peak_memory(self.device),
            "history": painting.history,
        }


def versions() -> dict[str, str]:
    """Versions of what made a picture."""
    return {
        "nst_engine": nst_engine.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }


class _Clock:
    """Wall seconds of the parts of a job."""

    def __init__(self, started: float | None) -> None:
        self.started = self.last = time.perf_counter() if started is None else started
        self.laps: dict[str, Any] = {"start_up": 0.0, "features": 0.0, "scales": []}

    def lap(self, name: str) -> None:
        """Add the time since the last lap to this part."""
        self.laps[name] += self._since_last()

    def scale_lap(self, size: Size) -> None:
        """Note the time since the last lap as that of a scale."""
        self.laps["scales"].append({"height": size.height, "width": size.width, "seconds": self._since_last()})

    def total(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def _since_last(self) -> float:
        previous, self.last = self.last, time.perf_counter()
        return self.last - previous


class _Canvas:
    """The content and the maps on it, at any size. Masks are 1×1×H×W in [0, 1], or None where all is alike."""

    def __init__(self, content: Pixels, masks: Masks, device: torch.device) -> None:
        self.source = as_floats("content", content)
        self.size = Size(*self.source.shape[:2])
        self.device = device
        self.content = _image(_opaque(self.source), device)
        self.smaller: dict[Size, Tensor] = {}
        self.alpha = None if (self.source[..., 3] >= 1).all() else self.mask("alpha", self.source[..., 3:])
        self.protection = self.mask("protection map", masks.protection)
        self.selection = self.mask("selection", masks.selection)
        if not self._paintable():
            raise PictureError("Nothing of the content is left to paint.", "Select or unprotect some of it.")

    def mask(self, what: str, pixels: Pixels | None) -> Tensor | None:
        """A mask of the content's size; PictureError for one of another size."""
        if pixels is None:
            return None
        if pixels.shape[:2] != tuple(self.size) or pixels.size != self.size.pixels:
            shown = "×".join(str(length) for length in pixels.shape[1::-1])
            raise PictureError(
                f"The {what} is {shown} pixels, the content {self.size.width}×{self.size.height}.",
                "Give a mask of the content's size.",
            )
        floats = pixels.reshape(self.size).astype(np.float32) / np.float32(255 if pixels.dtype == np.uint8 else 1)
        return torch.from_numpy(np.nan_to_num(floats).clip(0, 1))[None, None].to(self.device)

    def content_at(self, size: Size) -> Tensor:
        """The content, 1×3×H×W in [0, 1]. Smaller copies are kept: every preview needs one."""
        if size == self.size:
            return self.content
        if size not in self.smaller:
            self.smaller[size] = resize(self.content, size).clamp_(0, 1)
        return self.smaller[size]

    def frame_at(self, size: Size) -> Frame:
        """What may change at a scale, and what is held there."""
        protection = at_size(self.protection, size)
        selection = at_size(self.selection, size)
        return Frame(
            free=_flat(_product(_inverse(protection), selection)),
            protection=_flat(protection),
            area=_flat(_product(at_size(self.alpha, size), selection)),
        )

    def styled_at(self, size: Size) -> Tensor | None:
        """Where the picture is to have a style, H×W; None for everywhere."""
        frame = self.frame_at(size)
        return _product(frame.area, _inverse(frame.protection))

    def _paintable(self) -> bool:
        styled = self.styled_at(self.size)
        return styled is None or bool(styled.max() > 0.01)


class _Palette:
    """The styles of one picture: their statistics and where each is wanted."""

    def __init__(self, painter: Painter, canvas: _Canvas, styles: Sequence[StylePicture]) -> None:
        if not styles:
            raise PictureError("There is no style picture.", "Give at least one.")
        self.painter, self.canvas, self.styles = painter, canvas, styles
        self.pictures = [self._prepared(style) for style in styles]
        self.masks = [canvas.mask(f"region of style '{style.name}'", style.region) for style in styles]

    def regions_at(self, size: Size) -> list[Region]:
        """The parts of a picture of this size, and the statistics that each is to have."""
        statistics = [self._statistics(index, size) for index in range(len(self.styles))]
        weighted = list(zip(statistics, (style.weight for style in self.styles), strict=True))
        styled = self.canvas.styled_at(size)
        everywhere = [pair for pair, mask in zip(weighted, self.masks, strict=True) if mask is None]
        if len(everywhere) == len(weighted):
            return [Region(blended(weighted), styled)]
        parts = [
            (*pair, at_size(mask, size)) for pair, mask in zip(weighted, self.masks, strict=True) if mask is not None
        ]
        if everywhere:
            parts.append((blended(everywhere), sum(weight for _, weight in everywhere), None))
        masks = regions.shared_out([_flat(mask) for *_, mask in parts], [weight for _, weight, _ in parts])
        wanted = [mask if styled is None else mask * styled for mask in masks]
        return [Region(part[0], mask) for part, mask in zip(parts, wanted, strict=True) if mask.sum() > 0]

    def first_picture(self) -> Tensor:
        """The first style's picture, 1×3×H×W."""
        return _image(_opaque(self.pictures[0]), self.canvas.device)

    def _prepared(self, style: StylePicture) -> Floats:
        pixels = as_floats(f"style '{style.name}'", style.pixels)
        return pixels if self.painter.options.color == "style" else _recolored(pixels, self.canvas.source)

    def _statistics(self, index: int, size: Size) -> Statistics:
        """A style's statistics for a picture of this size, from what is known already where it can be."""
        target = self._size(Size(*self.pictures[index].shape[:2]), size)
        key = (id(self.styles[index]), target)
        if key in self.painter.known_styles:
            return self.painter.known_styles[key][1]
        pixels, device = self.pictures[index], self.canvas.device
        image = resize(_image(_opaque(pixels), device), target).clamp(0, 1)
        opacity = None
        if (pixels[..., 3] < 1).any():
            opacity = resize(torch.from_numpy(pixels[None, None, ..., 3]).to(device), target)[0, 0].clamp(0, 1)
        found = style_statistics(self.painter.vgg, image, opacity, self.painter.recipe.style_layers)
        if self.painter.options.color == "style":
            self.painter.known_styles[key] = self.styles[index], found
        return found

    def _size(self, own: Size, picture: Size) -> Size:
        """A style's size for a picture: its long side is the picture's times the style scale, never enlarged."""
        target = own.scaled_to(min(max(own), max(picture) * self.painter.options.style_scale))
        if min(target) < SMALLEST_SIDE:
            target = own.scaled_to(min(max(own), SMALLEST_SIDE * max(own) / min(own)))
        return target


class _Painting:
    """One picture in the making: scale after scale, step after step."""

    def __init__(
        self,
        painter: Painter,
        canvas: _Canvas,
        palette: _Palette,
        scales: Sequence[Scale],
        clock: _Clock,
        init: Pixels | None,
    ) -> None:
        self.painter, self.canvas, self.palette, self.scales, self.clock = painter, canvas, palette, scales, clock
        self.recipe, self.options = painter.recipe, painter.options
        self.image = self._start(scales[0].size, init)
        self.history: list[dict[str, float]] = []
        self.cost = sum(scale.cost for scale in scales)
        self.cost_done = 0.0

    def paint(self, on_step: Callable[[Step], None], should_stop: Callable[[], bool]) -> None:
        """Work through all scales, or until told to stop."""
        optimizer = optimize.optimizer(self.recipe.optimizer, self.recipe.learning_rate)
        for scale in self.scales:
            self.image = image = resize(self.image, scale.size).clamp_(0, 1)
            optimizer.resize(scale.size)
            kept = optimize.Kept(self.recipe.keep)
            objective = self._objective(scale.size)
            self.clock.lap("features")
            for number, (losses, cost) in enumerate(self._steps(objective, optimizer, image, scale), start=1):
                kept.note(image, lambda losses=losses: float(losses.total))  # type: ignore[misc]
                self.image = kept.picture
                self._note(scale, number, losses, cost, on_step)
                if should_stop():
                    return
            self.clock.scale_lap(scale.size)

    def seen(self, size: Size) -> Floats:
        """The picture as it stands, H×W×4 in a size of the content's proportions, its colors and alpha as wanted."""
        canvas = self.canvas
        content = canvas.content_at(size)
        is_larger = size.pixels > self.image[0, 0].numel()
        painted = enlarged(self.image, size) if is_larger else resize(self.image, size)
        free = _inverse(at_size(canvas.protection, size))
        rgb = _pixels(framed(painted.clamp(0, 1), content, free))
        if self.options.color == "content":
            rgb = color.keep_colors(rgb, _pixels(content))
        alpha = _product(at_size(canvas.alpha, size), at_size(canvas.selection, size))
        opacity = np.ones_like(rgb[..., :1]) if alpha is None else _pixels(alpha)
        if size == canvas.size:
            rgb = np.where(canvas.source[..., 3:] > 0, rgb, canvas.source[..., :3])
        return np.concatenate([rgb, opacity], axis=2)

    def _objective(self, size: Size) -> Objective:
        content = self.canvas.content_at(size)
        return Objective(
            self.painter.vgg, self.recipe, content, self.palette.regions_at(size), self.canvas.frame_at(size)
        )

    def _steps(
        self, objective: Objective, optimizer: optimize.Optimizer, image: Tensor, scale: Scale
    ) -> Iterator[tuple[Losses, float]]:
        """The losses of each step at one scale, and what the step cost."""
        shallow, full = scale.steps
        for losses in optimizer.steps(lambda x: objective.value_and_gradient(x, shallow=True), image, shallow):
            yield losses, pyramid.SHALLOW_COST * scale.step_cost
        for losses in optimizer.steps(objective.value_and_gradient, image, full):
            yield losses, scale.step_cost

    def _start(self, size: Size, init: Pixels | None) -> Tensor:
        """The picture before the first step."""
        if init is not None:
            return covering(_image(_opaque(as_floats("picture to start from", init)), self.canvas.device), size)
        if self.recipe.init == "noise":
            generator = torch.Generator().manual_seed(self.options.seed)
            return torch.rand(1, 3, *size, generator=generator).to(self.canvas.device)
        if self.recipe.init == "style":
            return covering(self.palette.first_picture(), size)
        return self.canvas.content_at(size).clone()

    def _note(self, scale: Scale, number: int, losses: Losses, cost: float, on_step: Callable[[Step], None]) -> None:
        """Keep the losses of a step and tell of it."""
        values = {name: float(getattr(losses, name)) for name in ("content", "style", "tv", "total")}
        seconds = self.clock.total()
        self.history.append({"scale": max(scale.size), "iteration": number, "seconds": seconds, **values})
        self.cost_done += cost
        spent = seconds - self.clock.laps["start_up"]
        left = spent / self.cost_done * max(0.0, self.cost - self.cost_done) if len(self.history) > 3 else None
        text = f"{max(scale.size)} px, step {number} of {sum(scale.steps)}"
        on_step(Step(self.cost_done / self.cost, left, text, values, self._preview))

    def _preview(self) -> NDArray[np.uint8]:
        size = Size(*self.image.shape[2:])
        if size.pixels > PREVIEW_PIXELS:
            size = size.scaled_to(max(size) * (PREVIEW_PIXELS / size.pixels) ** 0.5)
        return np.rint(self.seen(size) * 255).astype(np.uint8)


def resize(image: Tensor, size: Size) -> Tensor:
    """N×C×H×W in another size: bicubic, with the frequencies that do not fit removed first."""
    if tuple(image.shape[2:]) == tuple(size):
        return image.clone()
    return F.interpolate(image, size, mode="bicubic", antialias=True, align_corners=False)


def at_size(mask: Tensor | None, size: Size) -> Tensor | None:
    """A mask, 1×1×H×W, in another size; it stays in [0, 1]."""
    return None if mask is None else resize(mask, size).clamp_(0, 1)


def covering(image: Tensor, size: Size) -> Tensor:
    """A picture, 1×3×H×W, scaled so that it covers this size, and its middle cut out."""
    height, width = image.shape[2:]
    factor = max(size.height / height, size.width / width)
    scaled = resize(image, Size(max(size.height, round(height * factor)), max(size.width, round(width * factor))))
    top, left = (scaled.shape[2] - size.height) // 2, (scaled.shape[3] - size.width) // 2
    return scaled[:, :, top : top + size.height, left : left + size.width].clamp(0, 1).contiguous()


def as_floats(what: str, pixels: Pixels) -> Floats:
    """H×W×4 float32, or PictureError when there is nothing to work with."""
    floats = pixels.astype(np.float32) / np.float32(255 if pixels.dtype == np.uint8 else 1)
    if floats.ndim != 3 or floats.shape[2] not in (3, 4):
        raise PictureError(f"The {what} is not an H×W×3 or H×W×4 array.", "Convert it first.")
    if floats.shape[2] == 3:
        floats = np.concatenate([floats, np.ones_like(floats[..., :1])], axis=2)
    height, width = floats.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        raise PictureError(
            f"The {what} is only {width}×{height} pixels.", f"It needs at least {SMALLEST_SIDE} on each side."
        )
    if not np.isfinite(floats).all():
        raise PictureError(f"The {what} has values that are not numbers.", "Repair it first.")
    if not floats[..., 3].any():
        raise PictureError(f"The {what} is fully transparent.", "Choose one with something to see on it.")
    return floats


def _opaque(pixels: Floats) -> Floats:
    """H×W×3 in [0, 1]: what is transparent takes the mean color of what is not."""
    alpha = pixels[..., 3:].clip(0, 1)
    rgb = pixels[..., :3].clip(0, 1)
    mean = (rgb * alpha).sum(axis=(0, 1)) / alpha.sum()
    return np.asarray(rgb * alpha + mean * (1 - alpha), dtype=np.float32)


def _image(rgb: Floats, device: torch.device) -> Tensor:
    """H×W×3 → 1×3×H×W."""
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None].to(device)


def _recolored(style: Floats, content: Floats) -> Floats:
    """The style, H×W×4, in the content's colors."""
    matched = color.match_colors(_opaque(style), _opaque(content), style[..., 3].clip(0, 1), content[..., 3].clip(0, 1))
    return np.concatenate([matched, style[..., 3:]], axis=2)


def _pixels(image: Tensor) -> Floats:
    """1×C×H×W → H×W×C."""
    return np.asarray(image[0].permute(1, 2, 0).cpu().numpy(), dtype=np.float32)


def _flat(mask: Tensor | None) -> Tensor | None:
    """1×1×H×W → H×W."""
    return None if mask is None else mask[0, 0]


def _product(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Two masks as one; None is a mask of ones."""
    return second if first is None else first if second is None else first * second


def _inverse(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else 1 - mask


def _check_memory(device: torch.device, recipe: Recipe, size: Size) -> None:
    """Raise :class:`OutOfMemory` when the finest scale will not fit."""
    needed, free = estimate.needed_memory(size, recipe), devices.free_memory(device)
    if needed > free:
        fitting = int(max(size) * (free / needed) ** 0.5)
        raise OutOfMemory(
            f"Painting at {max(size)} px needs about {needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free.",
            f"Choose a size of at most {fitting}.",
        )


def _explained(error: BaseException, size: Size) -> BaseException:
    """The error as an :class:`OutOfMemory` if that is what it is."""
    text = str(error).lower()
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate" in text or "out of memory" in text:
        return OutOfMemory(f"The memory is too small to paint at {max(size)} px.", "Choose a smaller size.")
    return error

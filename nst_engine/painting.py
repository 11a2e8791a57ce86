"""The story of one job, from pixels to pixels."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

import nst_engine
from nst_engine import color, networks, optimize, pyramid, recipes
from nst_engine import device as devices
from nst_engine.errors import OutOfMemory, PictureError
from nst_engine.objective import Losses, Objective, Style
from nst_engine.options import Options
from nst_engine.protocol import Pixels, StylePicture
from nst_engine.pyramid import Scale, Size
from nst_engine.recipes import Recipe
from nst_engine.vgg import SMALLEST_SIDE, VGG19

Floats = NDArray[np.float32]

PREVIEW_PIXELS = 1_000_000
"""Largest preview."""

BYTES_PER_PIXEL = 2600
"""Peak memory of a step per pixel of the finest scale, measured: features to relu5_1, their gradients, Grams."""

BYTES_PER_PIXEL_LBFGS = BYTES_PER_PIXEL + 20 * 12
"""The same with ten pairs of L-BFGS history."""


@dataclasses.dataclass(frozen=True)
class Step:
    """What is known after each step: ``fraction`` 0…1 of the job, ``seconds_left`` (None while unknown), a text.

    ``losses`` has the keys content, style, tv and total. ``preview()`` makes the picture as it stands, H×W×3
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


def stylize(
    content: Pixels,
    styles: Sequence[StylePicture],
    options: Options,
    on_step: Callable[[Step], None] = lambda step: None,
    should_stop: Callable[[], bool] = lambda: False,
    started: float | None = None,
) -> Stylized:
    """Paint ``content`` in the style of ``styles`` (Gatys, Ecker & Bethge 2016), coarse to fine.

    Pictures are H×W×3|4, uint8 or float32 with [0, 1] as the visible range, sRGB-encoded, alpha straight.
    ``on_step`` hears of every step; what it raises ends the job. When ``should_stop`` says so, the picture as it
    stands is finished and returned. ``started`` (of ``time.perf_counter``) is when the start-up began.
    Raises :class:`nst_engine.errors.StyleTransferError`.
    """
    clock = _Clock(started)
    source = _as_floats("content", content)
    sources = [(_as_floats(f"style '{style.name}'", style.pixels), style.weight) for style in styles]
    if not sources:
        raise PictureError("There is no style picture.", "Give at least one.")
    device = devices.choose(options.device)
    network = networks.load(options.network)
    recipe = recipes.chosen(options)
    scales = pyramid.schedule(Size(*source.shape[:2]), options, recipe.shallow_steps)
    _check_memory(device, recipe, scales[-1].size)
    if options.color != "style":
        sources = [(_recolored(style, source), weight) for style, weight in sources]
    vgg = VGG19(network, device, recipe.replicate)
    clock.lap("start_up")
    try:
        painting = _Painting(vgg, recipe, options, source, sources, scales, clock)
        painting.paint(on_step, should_stop)
        picture = _finished(painting.image, source, options)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        raise _explained(error, scales[-1].size) from error
    report = {
        "options": dataclasses.asdict(options),
        "network": {"name": network.name, "sha256": network.sha256},
        "device": devices.describe(device),
        "number_format": "float32",
        "versions": versions(),
        "seconds": clock.laps | {"total": clock.total()},
        "peak_memory_bytes": devices.peak_memory(device),
        "history": painting.history,
    }
    return Stylized(picture, report)


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


class _Painting:
    """One picture in the making: scale after scale, step after step."""

    def __init__(
        self,
        vgg: VGG19,
        recipe: Recipe,
        options: Options,
        content: Floats,
        styles: Sequence[tuple[Floats, float]],
        scales: Sequence[Scale],
        clock: _Clock,
    ) -> None:
        self.vgg, self.recipe, self.options, self.scales, self.clock = vgg, recipe, options, scales, clock
        self.device = vgg.pixel_mean.device
        self.content = _image(_opaque(content), self.device)
        total = sum(weight for _, weight in styles)
        self.styles = [
            (_image(_opaque(style), self.device), _opacity(style, self.device), weight / total)
            for style, weight in styles
        ]
        self.image = self._start(scales[0].size)
        self.history: list[dict[str, float]] = []
        self.cost_done = 0.0
        self.painting_seconds = 0.0

    def paint(self, on_step: Callable[[Step], None], should_stop: Callable[[], bool]) -> None:
        """Work through all scales, or until told to stop."""
        optimizer = optimize.optimizer(self.recipe.optimizer, self.recipe.learning_rate)
        for scale in self.scales:
            self.image = resize(self.image, scale.size).clamp_(0, 1)
            optimizer.resize(scale.size)
            objective = Objective(self.vgg, self.recipe, resize(self.content, scale.size), self._styles_at(scale.size))
            self.clock.lap("features")
            for number, (losses, cost) in enumerate(self._steps(objective, optimizer, scale), start=1):
                self._note(scale, number, losses, cost, on_step)
                if should_stop():
                    return
            self.clock.scale_lap(scale.size)

    def _steps(
        self, objective: Objective, optimizer: optimize.Optimizer, scale: Scale
    ) -> Iterator[tuple[Losses, float]]:
        """The losses of each step at one scale, and what the step cost."""
        shallow, full = scale.steps
        for losses in optimizer.steps(
            lambda image: objective.value_and_gradient(image, shallow=True), self.image, shallow
        ):
            yield losses, pyramid.SHALLOW_COST * scale.size.pixels
        for losses in optimizer.steps(objective.value_and_gradient, self.image, full):
            yield losses, scale.size.pixels

    def _start(self, size: Size) -> Tensor:
        """The picture before the first step."""
        generator = torch.Generator().manual_seed(self.options.seed)
        if self.recipe.init == "noise":
            return torch.rand(1, 3, *size, generator=generator).to(self.device)
        if self.recipe.init == "style":
            color = sum(share * image.mean(dim=(2, 3), keepdim=True) for image, _, share in self.styles)
            return torch.zeros(1, 3, *size, device=self.device) + color
        return resize(self.content, size)

    def _styles_at(self, size: Size) -> list[Style]:
        """The styles for a scale: their long side is the picture's times the style scale, never enlarged."""
        styles = []
        for image, opacity, share in self.styles:
            own = Size(*image.shape[2:])
            target = own.scaled_to(min(max(own), max(size) * self.options.style_scale))
            if min(target) < SMALLEST_SIDE:
                target = own.scaled_to(min(max(own), SMALLEST_SIDE * max(own) / min(own)))
            opacity_there = None if opacity is None else resize(opacity[None, None], target)[0, 0].clamp(0, 1)
            styles.append(Style(resize(image, target).clamp(0, 1), opacity_there, share))
        return styles

    def _note(self, scale: Scale, number: int, losses: Losses, cost: float, on_step: Callable[[Step], None]) -> None:
        """Keep the losses of a step and tell of it."""
        values = {name: float(getattr(losses, name)) for name in ("content", "style", "tv", "total")}
        seconds = self.clock.total()
        self.history.append({"scale": max(scale.size), "iteration": number, "seconds": seconds, **values})
        self.cost_done += cost
        spent = seconds - self.clock.laps["start_up"]
        left = max(0.0, self._whole_cost() - self.cost_done)
        text = f"{max(scale.size)} px, step {number} of {sum(scale.steps)}"
        fraction = self.cost_done / self._whole_cost()
        on_step(
            Step(
                fraction, spent / self.cost_done * left if len(self.history) > 3 else None, text, values, self._preview
            )
        )

    def _whole_cost(self) -> float:
        return sum(
            (scale.steps.full + pyramid.SHALLOW_COST * scale.steps.shallow) * scale.size.pixels for scale in self.scales
        )

    def _preview(self) -> NDArray[np.uint8]:
        size = Size(*self.image.shape[2:])
        if size.pixels > PREVIEW_PIXELS:
            size = size.scaled_to(max(size) * (PREVIEW_PIXELS / size.pixels) ** 0.5)
        shown = resize(self.image, size).clamp(0, 1)
        return (shown[0].permute(1, 2, 0) * 255).round().to("cpu", torch.uint8).numpy()


def resize(image: Tensor, size: Size) -> Tensor:
    """N×C×H×W in another size: bicubic, with the frequencies that do not fit removed first."""
    if tuple(image.shape[2:]) == tuple(size):
        return image.clone()
    return F.interpolate(image, size, mode="bicubic", antialias=True, align_corners=False)


def _as_floats(what: str, pixels: Pixels) -> Floats:
    """H×W×4 float32 in [0, 1], or PictureError when there is nothing to work with."""
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


def _opacity(pixels: Floats, device: torch.device) -> Tensor | None:
    """Alpha as H×W, None where all is opaque."""
    if (pixels[..., 3] >= 1).all():
        return None
    return torch.from_numpy(pixels[..., 3].clip(0, 1)).to(device)


def _image(rgb: Floats, device: torch.device) -> Tensor:
    """H×W×3 → 1×3×H×W."""
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None].to(device)


def _recolored(style: Floats, content: Floats) -> Floats:
    """The style, H×W×4, in the content's colors."""
    matched = color.match_colors(_opaque(style), _opaque(content), style[..., 3].clip(0, 1), content[..., 3].clip(0, 1))
    return np.concatenate([matched, style[..., 3:]], axis=2)


def _finished(image: Tensor, content: Floats, options: Options) -> Floats:
    """The picture in the content's size, with its alpha; where the content is fully transparent it stays as it is."""
    enlarged = resize(image, Size(*content.shape[:2])).clamp_(0, 1)
    rgb = enlarged[0].permute(1, 2, 0).cpu().numpy()
    if options.color == "content":
        rgb = color.keep_colors(rgb, content[..., :3].clip(0, 1))
    alpha = content[..., 3:]
    return np.concatenate([np.where(alpha > 0, rgb, content[..., :3]), alpha], axis=2)


def _check_memory(device: torch.device, recipe: Recipe, size: Size) -> None:
    """Raise :class:`OutOfMemory` when the finest scale will not fit."""
    each = BYTES_PER_PIXEL_LBFGS if recipe.optimizer == "lbfgs" else BYTES_PER_PIXEL
    needed, free = each * size.pixels, devices.free_memory(device)
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

"""The story of one job, from pixels to pixels."""

from __future__ import annotations

import dataclasses
import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import nst_engine
from nst_engine import color, estimate, networks, optimize, pyramid, recipes
from nst_engine import device as devices
from nst_engine.canvas import Canvas, Masks, inverse, product
from nst_engine.captured import captured
from nst_engine.enlarge import enlarged
from nst_engine.errors import OutOfMemory
from nst_engine.objective import Losses, Objective, Statistics, framed
from nst_engine.options import Options
from nst_engine.palette import Palette
from nst_engine.protocol import Pixels, StylePicture
from nst_engine.pyramid import Scale, Size
from nst_engine.recipes import Recipe
from nst_engine.tensors import Floats, as_floats, at_size, covering, opaque, resize, to_image, to_pixels
from nst_engine.vgg import VGG19

CARRIED_DETAIL, FEW_STEPS = 0.5, 10
"""Share of the content's detail that a finer scale starts with, by score and eye: the whole of it looks like a
photograph under a filter. With fewer steps it is the whole all the same, since they would leave a blur."""

PREVIEW_PIXELS = 1_000_000
"""Largest preview."""


@dataclasses.dataclass(frozen=True)
class Step:
    """What is known after each step: ``fraction`` 0…1 of the job, ``seconds_left`` (None while unknown), a text.

    ``losses()`` has the keys content, style, tv and total; a GPU is waited for only where it is called.
    ``preview()`` makes the picture as it stands, H×W×4 uint8 in the content's proportions, at most a megapixel.
    """

    fraction: float
    seconds_left: float | None
    text: str
    losses: Callable[[], dict[str, float]]
    preview: Callable[[], NDArray[np.uint8]]


@dataclasses.dataclass(frozen=True)
class Stylized:
    """The finished picture, H×W×4 float32 in the content's size with its alpha, and the report of how it was made."""

    picture: Floats
    report: dict[str, Any]

    @property
    def summary(self) -> dict[str, Any]:
        """The report in a size that neither steps nor styles add to: ``steps`` is their number, ``losses`` the last."""
        history = self.report.get("history", [])
        brief = {name: value for name, value in self.report.items() if name not in ("history", "styles")}
        return {**brief, "steps": len(history), "losses": history[-1] if history else None}


class Painter:
    """A network on a device, ready to paint any number of pictures with the same options.

    What it learns of a style at some size it keeps, so that the next content of that size costs less.
    ``started`` (of ``time.perf_counter``) is when the start-up began; ``like`` is an earlier painter, whose network
    and measured speed are used again where they fit.
    Raises :class:`nst_engine.errors.StyleTransferError`.
    """

    def __init__(self, options: Options, started: float | None = None, like: Painter | None = None) -> None:
        self.started = time.perf_counter() if started is None else started
        self.options = options
        self.device = devices.choose(options.device)
        self.network = networks.load(options.network)
        self.recipe = recipes.chosen(options)
        self.speed: float | None = None
        self.vgg: VGG19
        if like is not None and like.setting == self.setting:
            self.vgg, self.speed = like.vgg, like.speed
        else:
            replicate, dtype = self.recipe.padding == "replicate", devices.fastest_format(self.device)
            self.vgg = VGG19(self.network, self.device, replicate, self.recipe.pooling, dtype)
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
        canvas = Canvas(content, masks, self.device)
        palette = Palette(self, canvas, styles)
        size = self.working_size(canvas.size)
        scales = pyramid.schedule(size, self.options, self.recipe, self.vgg.dtype)
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
        return Stylized(picture, self._told(painting, styles, size))

    @property
    def setting(self) -> tuple[Any, ...]:
        """All that the network in memory and the speed of a step depend on."""
        recipe = dataclasses.replace(self.recipe, content_weight=1.0)  # strength costs no time
        return self.device, self.network.sha256, repr(recipe)

    def working_size(self, content: Size) -> Size:
        """The size that a content of this size is painted at."""
        if self.options.size or max(content) <= estimate.QUICK_LONG_SIDE:
            return pyramid.working_size(content, self.options.size or max(content))
        return self.estimate(content).size

    def estimate(self, content: Size) -> estimate.Estimate:
        """The size that a content of this size is painted at, and about how many seconds it takes."""
        if self.speed is None:
            self.speed = estimate.seconds_per_pixel(self.vgg, self.recipe)
        machine = estimate.Machine(self.speed, devices.free_memory(self.device), self.vgg.dtype)
        return estimate.estimate(content, self.options, self.recipe, machine)

    def _told(self, painting: _Painting, styles: Sequence[StylePicture], size: Size) -> dict[str, Any]:
        """The report, or what kept it from being made: the picture is there, and worth more than its story."""
        try:
            return self._report(painting, styles, size)
        except Exception as error:
            return {"options": dataclasses.asdict(self.options), "fault": f"{type(error).__name__}: {error}"}

    def _report(self, painting: _Painting, styles: Sequence[StylePicture], size: Size) -> dict[str, Any]:
        return {
            "options": dataclasses.asdict(self.options),
            "styles": [{"name": style.name, "weight": style.weight} for style in styles],
            "size": {"width": size.width, "height": size.height},
            "network": {"name": self.network.name, "sha256": self.network.sha256},
            "device": devices.describe(self.device),
            "number_format": str(self.vgg.dtype).removeprefix("torch."),
            "versions": versions(),
            "seconds": painting.clock.laps | {"total": painting.clock.total()},
            "peak_memory_bytes": devices.peak_memory(self.device),
            "history": painting.history(),
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


class _Painting:
    """One picture in the making: scale after scale, step after step."""

    def __init__(
        self,
        painter: Painter,
        canvas: Canvas,
        palette: Palette,
        scales: Sequence[Scale],
        clock: _Clock,
        init: Pixels | None,
    ) -> None:
        self.painter, self.canvas, self.palette, self.scales, self.clock = painter, canvas, palette, scales, clock
        self.recipe, self.options = painter.recipe, painter.options
        self.is_from_content = init is None and self.recipe.init == "content"
        self.image = self._start(scales[0].size, init)
        self.steps_made: list[tuple[int, int, float, Losses]] = []
        self.pace = devices.Pace(painter.device)
        self.cost = sum(scale.cost for scale in scales)
        self.cost_done = 0.0

    def paint(self, on_step: Callable[[Step], None], should_stop: Callable[[], bool]) -> None:
        """Work through all scales, or until told to stop."""
        optimizer = optimize.optimizer(self.recipe.optimizer, self.recipe.learning_rate)
        for scale in self.scales:
            self.image = image = self._at_scale(scale)
            optimizer.resize(scale.size)
            kept = optimize.Kept(self.recipe.keep)
            objective = self._objective(scale.size)
            self.clock.lap("features")
            self.cost_done += scale.step_cost
            evaluate = captured(objective.value_and_gradient, image, scale.steps)
            for number, losses in enumerate(optimizer.steps(evaluate, image, scale.steps), start=1):
                kept.note(image, losses.total)
                self.image = kept.picture
                self.pace.step()
                self._note(scale, number, losses, on_step)
                if should_stop():
                    return
            self.clock.scale_lap(scale.size)

    def _at_scale(self, scale: Scale) -> Tensor:
        """The picture to go on with at this scale.

        One that was made from the content gets the content's detail that the coarser scale could not hold: a few
        steps turn it into strokes, where they would not sharpen an enlarged picture.
        """
        image = resize(self.image, scale.size)
        if self.is_from_content:
            coarse = self.canvas.content_at(Size(*self.image.shape[2:]))
            detail = self.canvas.content_at(scale.size) - resize(coarse, scale.size)
            image += (CARRIED_DETAIL if scale.steps >= FEW_STEPS else 1.0) * detail
        return image.clamp_(0, 1)

    def seen(self, size: Size) -> Floats:
        """The picture as it stands, H×W×4 in a size of the content's proportions, its colors and alpha as wanted."""
        canvas = self.canvas
        content = canvas.content_at(size)
        is_larger = size.pixels > self.image[0, 0].numel()
        painted = enlarged(self.image, size) if is_larger else resize(self.image, size)
        free = inverse(at_size(canvas.protection, size))
        rgb = to_pixels(framed(painted.clamp(0, 1), content, free))
        if self.options.color == "content":
            rgb = color.keep_colors(rgb, to_pixels(content))
        alpha = product(at_size(canvas.alpha, size), at_size(canvas.selection, size))
        opacity = np.ones_like(rgb[..., :1]) if alpha is None else to_pixels(alpha)
        if size == canvas.size:
            rgb = np.where(canvas.source[..., 3:] > 0, rgb, canvas.source[..., :3])
        return np.concatenate([rgb, opacity], axis=2)

    def _objective(self, size: Size) -> Objective:
        content = self.canvas.content_at(size)
        return Objective(
            self.painter.vgg, self.recipe, content, self.palette.regions_at(size), self.canvas.frame_at(size)
        )

    def _start(self, size: Size, init: Pixels | None) -> Tensor:
        """The picture before the first step."""
        if init is not None:
            return covering(to_image(opaque(as_floats("picture to start from", init)), self.canvas.device), size)
        if self.recipe.init == "noise":
            generator = torch.Generator().manual_seed(self.options.seed)
            return torch.rand(1, 3, *size, generator=generator).to(self.canvas.device)
        if self.recipe.init == "style":
            return covering(self.palette.first_picture(), size)
        return self.canvas.content_at(size).clone()

    def _note(self, scale: Scale, number: int, losses: Losses, on_step: Callable[[Step], None]) -> None:
        """Keep the losses of a step and tell of it."""
        seconds = self.clock.total()
        self.steps_made.append((max(scale.size), number, seconds, losses))
        self.cost_done += scale.step_cost
        spent = seconds - self.clock.laps["start_up"]
        left = spent / self.cost_done * max(0.0, self.cost - self.cost_done) if len(self.steps_made) > 3 else None
        text = f"{max(scale.size)} px, step {number} of {scale.steps}"
        on_step(Step(self.cost_done / self.cost, left, text, losses.as_numbers, self._preview))

    def history(self) -> list[dict[str, float | None]]:
        """Scale, iteration, seconds and losses of every step; None for a loss that is no finite number."""
        return [
            {"scale": scale, "iteration": iteration, "seconds": seconds, **_finite(losses.as_numbers())}
            for scale, iteration, seconds, losses in self.steps_made
        ]

    def _preview(self) -> NDArray[np.uint8]:
        size = Size(*self.image.shape[2:])
        if size.pixels > PREVIEW_PIXELS:
            size = size.scaled_to(max(size) * (PREVIEW_PIXELS / size.pixels) ** 0.5)
        return np.rint(self.seen(size) * 255).astype(np.uint8)


def _finite(numbers: Mapping[str, float]) -> dict[str, float | None]:
    """JSON knows neither infinity nor what is no number."""
    return {name: number if math.isfinite(number) else None for name, number in numbers.items()}


def _check_memory(device: torch.device, recipe: Recipe, size: Size) -> None:
    """Raise :class:`OutOfMemory` when the finest scale will not fit."""
    needed, free = estimate.needed_memory(size, recipe), devices.free_memory(device)
    if needed > free:
        fitting = estimate.fitting_long_side(size, recipe, free)
        raise OutOfMemory(
            f"Painting at {max(size)} px needs about {needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free.",
            f"Choose a size of at most {fitting}." if fitting else "Close other programs.",
        )


def _explained(error: BaseException, size: Size) -> BaseException:
    """The error as an :class:`OutOfMemory` if that is what it is."""
    text = str(error).lower()
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate" in text or "out of memory" in text:
        return OutOfMemory(f"The memory is too small to paint at {max(size)} px.", "Choose a smaller size.")
    return error

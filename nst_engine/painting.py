"""The story of one job, from pixels to pixels."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike

import nst_engine
from nst_engine import device as devices
from nst_engine import estimate, forecast, limits, memory, recipes, threads
from nst_engine.canvas import Canvas
from nst_engine.clock import Clock
from nst_engine.errors import OutOfMemory
from nst_engine.estimate import Estimate, Machine
from nst_engine.forecast import Free, Job
from nst_engine.making import Making
from nst_engine.network import library
from nst_engine.network.vgg import VGG19
from nst_engine.options import Options
from nst_engine.originals import OriginalPicture
from nst_engine.pixels import Masks, Pixels, Size, StylePicture
from nst_engine.progress import Progress, Step
from nst_engine.pyramid import Scale
from nst_engine.style_statistics import Statistics
from nst_engine.styles import KnownStatistics, Styles, originals_of
from nst_engine.words import Words

ARRIVING = 16
"""Bytes of a pixel that comes through the pipe."""


@dataclasses.dataclass(frozen=True)
class Stylized:
    """The finished picture, H×W×4 in the content's size with its alpha, and the report of how it was made.

    It has the numbers that were asked for; uint8 only where there was no memory left for those.
    """

    picture: Pixels
    report: dict[str, Any]

    @property
    def warnings(self) -> list[str]:
        """Sentences on what kept it from being as good as it could be."""
        return list(self.report.get("warnings", []))

    @property
    def summary(self) -> dict[str, Any]:
        """The report in a size that neither steps nor styles add to: ``steps`` is their number, ``losses`` the last."""
        history = self.report.get("history", [])
        brief = {name: value for name, value in self.report.items() if name not in ("history", "styles", "warnings")}
        return {**brief, "steps": len(history), "losses": history[-1] if history else None}


class Painter:
    """A network on a device, or on several that share a picture, ready to paint any number with the same options.

    What it learns of a style at some size it keeps, so that the next content of that size costs less.
    ``started`` (of ``time.perf_counter``) is when the start-up began; ``like`` is an earlier painter, whose network
    and measured speed are used again where they fit.
    Raises :class:`nst_engine.errors.StyleTransferError`.
    """

    def __init__(self, options: Options, started: float | None = None, like: Painter | None = None) -> None:
        self.started = time.perf_counter() if started is None else started
        self.threads = threads.Threads()
        self.options = options
        self.devices = devices.choose(options.device)
        self.device = self.devices[0]
        """Where a picture is; the others help with its tiles."""
        self.recipe = recipes.chosen(options)
        self.speed: float | None = None
        self.vgg: VGG19
        self.helpers: list[VGG19]
        self.known: KnownStatistics
        with memory.explained(_no_room_to_start):
            network = library.load(options.network)
            self.network = dataclasses.replace(network, weights={})  # which are the VGG's from now on
            if like is not None and like.setting == self.setting:
                self.vgg, self.helpers, self.known, self.speed = like.vgg, like.helpers, like.known, like.speed
            else:
                with self.threads.at_work():
                    self.vgg, *self.helpers = self._networks(network)
                self.known = KnownStatistics(self.vgg)

    @devices.without_denormals()
    def paint(
        self,
        content: Pixels,
        styles: Sequence[StylePicture],
        masks: Masks = Masks(),
        init: Pixels | None = None,
        on_step: Callable[[Step], None] = lambda step: None,
        should_stop: Callable[[], bool] = lambda: False,
        kind: DTypeLike = np.float32,
    ) -> Stylized:
        """Paint ``content`` in the style of ``styles`` (Gatys, Ecker & Bethge 2016), coarse to fine.

        Pictures are H×W×3|4, uint8, uint16, or float32 with [0, 1] as the visible range; sRGB-encoded, alpha straight.
        ``on_step`` hears of every step, and within long ones; what it raises ends the job. When ``should_stop`` says
        so, the picture as it stands is finished and returned. ``init`` is the picture to start from, ``kind`` is that
        of the result's numbers: float32 in [0, 1], or uint8 or uint16 for a file.
        Raises :class:`nst_engine.errors.StyleTransferError`.
        """
        clock = Clock(self.started)
        original = OriginalPicture(Words("content"), content)
        looks = originals_of(styles)
        maps = [*masks, *(style.region for style in styles)]
        job = self._job(original.size, [look.size for look in looks], maps, kind)
        own = [style.region is not None for style in styles]
        regions = sum(own) + (not all(own))  # styles without one share a part
        job = job._replace(is_held=any(mask is not None for mask in masks), regions=regions)
        scales, tile_side = self.fitting(job)
        size, wanted = scales[-1].size, forecast.need(job, scales, tile_side)
        expected = devices.held_memory(self.device) + (max(wanted) if self._is_main else wanted.painting)
        try:
            explained = memory.explained(lambda: forecast.ran_out(job, size))
            with explained, devices.at_work(self.device), self.threads.at_work():
                progress = Progress(scales, original, clock, on_step, should_stop)
                canvas = Canvas(original, masks, size, self.device, progress.now_and_then)
                wanted_styles = Styles(styles, looks, canvas, self.options, self.recipe, self.known)
                clock.lap("start_up")
                making = Making([self.vgg, *self.helpers], wanted_styles, tile_side, init, self.threads, progress)
                making.paint()
                picture = making.finished(kind)
        finally:
            self.started = time.perf_counter()
            memory.give_back()
        return Stylized(picture, self._told(making, styles, expected))

    @devices.without_denormals()
    def learned(self, content: Size, styles: Sequence[StylePicture]) -> dict[bytes, Statistics]:
        """What :meth:`paint` looks at styles for with a content of this size, for another painter's ``known`` to take.

        Raises as :meth:`paint` does. It helps with no styles that take each content's colors.
        """
        looks, known = originals_of(styles), KnownStatistics(self.vgg)
        scales, _ = self.fitting(self._job(content, [look.size for look in looks], []))
        blank = OriginalPicture(Words("content"), np.broadcast_to(np.uint8(0), (*content, 3)))
        canvas = Canvas(blank, Masks(), scales[-1].size, self.device)
        Styles(styles, looks, canvas, self.options, self.recipe, known).look(scales)
        return known.told()

    @property
    def setting(self) -> tuple[Any, ...]:
        """All that the network in memory and the speed of a step depend on."""
        recipe = dataclasses.replace(self.recipe, content_weight=1.0)  # strength costs no time
        return self.devices, self.network.sha256, repr(recipe)

    def estimate(self, content: Size) -> Estimate:
        """The size that a content of this size is painted at, and about how many seconds it takes.

        Of what is still to come it is assumed that it has 32-bit numbers, and that there is one style as large.
        """
        job, coming = self._job(content, [content], []), 2 * content.pixels * ARRIVING
        return estimate.estimate(content, self.options, self.recipe, self._machine(job, self._free(coming)))

    def fitting(self, job: Job) -> tuple[list[Scale], int | None]:
        """The scales that a job is painted at and the side of the finest's tiles, if any; OutOfMemory if none fits."""
        free = self._free()
        scales = estimate.working_scales(job.content, self.options, self.recipe, self._machine(job, free))
        for tile_side in forecast.fitting_tiles(job, scales, free):
            return scales, tile_side
        raise forecast.refusal(job, scales[-1].size, free)

    def _machine(self, job: Job, free: Free) -> Machine:
        return Machine(self._speed, self.vgg.dtype, lambda scales: forecast.cost(job, scales, free))

    def _speed(self) -> float:
        if self.speed is None:
            explained = memory.explained(_no_room_to_start)
            with explained, devices.at_work(self.device), self.threads.at_work():
                self.speed = estimate.seconds_per_pixel(self.vgg, self.recipe)
        return self.speed

    def _free(self, coming: int = 0) -> Free:
        """What is free and allowed, now and when so many bytes of pictures will have arrived."""
        main, allowed = memory.free() - coming, self._allowed()
        if self._is_main:
            main = min(main, allowed - coming)
            return Free(main // len(self.devices), main)
        return Free(min(allowed, *map(devices.free_memory, self.devices)), main)

    def _allowed(self) -> int:
        """Bytes that the user's limit leaves."""
        if not self.options.memory_limit:
            return limits.UNLIMITED
        return int(1e9 * self.options.memory_limit) - devices.held_memory(self.device)

    @property
    def _is_main(self) -> bool:
        """Whether the device's memory is the main memory."""
        return self.device.type == "cpu"

    def _job(
        self, content: Size, styles: Sequence[Size], masks: Sequence[Pixels | None], kind: DTypeLike = np.float32
    ) -> Job:
        maps = 1 + sum(mask is not None for mask in masks)  # and alpha
        return Job(content, styles, maps, self.options, self.recipe, self.vgg, np.dtype(kind), len(self.devices))

    def _networks(self, network: library.Network) -> list[VGG19]:
        number_format, recipe = devices.fastest_format(self.device), self.recipe
        return [VGG19(network, each, recipe.padding, recipe.pooling, number_format) for each in self.devices]

    def _told(self, making: Making, styles: Sequence[StylePicture], expected: int) -> dict[str, Any]:
        """The report, or what kept it from being made: the picture is there, and worth more than its story."""
        try:
            return self._report(making, styles, expected)
        except Exception as error:
            return {"options": dataclasses.asdict(self.options), "fault": f"{type(error).__name__}: {error}"}

    def _report(self, making: Making, styles: Sequence[StylePicture], expected: int) -> dict[str, Any]:
        size = making.scale.size
        return {
            "options": dataclasses.asdict(self.options),
            "styles": [{"name": style.name, "weight": style.weight} for style in styles],
            "size": {"width": size.width, "height": size.height},
            "network": {"name": self.network.name, "sha256": self.network.sha256},
            "device": ", ".join(map(devices.describe, self.devices)),
            "number_format": str(self.vgg.dtype).removeprefix("torch."),
            "versions": versions(),
            "seconds": making.progress.clock.laps | {"total": making.progress.clock.total()},
            "expected_memory_bytes": expected,
            "peak_memory_bytes": devices.peak_memory(self.device),
            "warnings": making.warnings(),
            "history": making.progress.history(),
        }


def versions() -> dict[str, str]:
    """Versions of what made a picture."""
    return {
        "nst_engine": nst_engine.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _no_room_to_start() -> OutOfMemory:
    return OutOfMemory(
        "The memory is too small to load and try the network.", "Close other programs, or raise the limit."
    )

"""How far a job is, and who hears of it: after each step, and now and then within what takes long."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from nst_engine.clock import Clock
from nst_engine.losses import LOSS_OF, Losses
from nst_engine.objective import VALUE_WORK
from nst_engine.originals import OriginalPicture
from nst_engine.pixels import BAND_PIXELS, Size, as_kind
from nst_engine.pyramid import Scale
from nst_engine.tensors import to_pixels
from nst_engine.words import Words

STEP = "{size} px, step {step} of {steps}"
STEP_WITH_LESS = "{size} px, step {step} of {steps}, with less memory, for it ran short"
"""What steps add to their text when it did."""

PREVIEW_PIXELS = 1_000_000
"""Largest preview."""

COMPOSING = 0.03
"""What each pixel of a large finished picture costs, in pixels of a step: enlarging, colors, alpha."""

SILENCE = 0.5
"""Seconds after which it is told in the middle of a step, too, how far the work is, and asked whether it is to end."""

UNKNOWN = Losses(dict.fromkeys(LOSS_OF.values(), torch.tensor(math.nan, dtype=torch.float32, device="cpu")))
"""Those of a picture before its first step."""


@dataclasses.dataclass(frozen=True)
class Step:
    """What is known after each step, and now and then within one that takes long; ``steps`` is how many are made.

    ``fraction`` is 0…1 of the job, ``seconds_left`` None while unknown. ``losses()`` has the keys content, style, tv
    and total, NaN before the first step; calling it waits for a GPU.
    ``preview(pixels)`` makes the picture as it stands, H×W×4 uint8 in the content's proportions, of at most so many
    pixels; at most, and as a rule, a megapixel.
    """

    fraction: float
    seconds_left: float | None
    text: str
    losses: Callable[[], dict[str, float]]
    preview: Callable[..., NDArray[np.uint8]]
    steps: int


class Stopped(Exception):
    """The work is to end."""


class Made(NamedTuple):
    """A step of a scale with this long side: its number there, the seconds since the job began, its losses."""

    scale: int
    iteration: int
    seconds: float
    losses: Losses


Render = Callable[[Size], NDArray[np.uint8]]
"""Makes the picture as it stands, in a size of the content's proportions."""


class Progress:
    """What is done of the work at these scales.

    ``on_step`` hears of it; when ``should_stop`` says so the work ends, but not before it has begun: until then there
    is no picture to keep, and what is shown is the ``content``.
    """

    def __init__(
        self,
        scales: Sequence[Scale],
        content: OriginalPicture,
        clock: Clock,
        on_step: Callable[[Step], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self.scales, self.clock, self.on_step, self.should_stop = scales, clock, on_step, should_stop
        self.render: Callable[[], Render | None] = lambda: partial(_as_given, content)
        """What makes the picture as it stands. It is not held, so that a job's memory is free when it is over."""
        self.scale = scales[0]
        self.steps_made: list[Made] = []
        self.has_begun = self.is_short_of_memory = self.is_silent = False
        self.composing = COMPOSING * max(0, content.size.pixels - BAND_PIXELS)
        self.cost = self._cost_until(scales[-1], scales[-1].steps) + self.composing
        self.cost_done = self.fraction = self.share = 0.0
        self.told = time.monotonic()
        """When it was last told how far the work is."""
        self.refusal: Exception | None = None
        """What ``on_step`` raised."""

    def begin(self, scale: Scale) -> None:
        """A scale begins."""
        self.scale, self.share, self.has_begun = scale, 0.0, True

    @property
    def steps_done(self) -> int:
        """How many steps of the scale are made."""
        return sum(made.scale == max(self.scale.size) for made in self.steps_made)

    def has_targets(self) -> None:
        """What the scale's steps aim at is known."""
        self.cost_done = self._cost_until(self.scale, self.steps_done)

    def step(self, losses: Losses) -> None:
        """A step is made. Raises :class:`Stopped` where the work is to end."""
        number = self.steps_done + 1
        self.steps_made.append(Made(max(self.scale.size), number, self.clock.total(), losses))
        self.share, self.cost_done = 0.0, self._cost_until(self.scale, number)
        self._tell(number, self.cost_done)
        self._check()

    def tile(self, share: float) -> None:
        """So much of a step is made, or of the look that follows the last. Raises as :meth:`step` does."""
        if not self.is_silent:
            self.share = share
            self._within()

    def now_and_then(self) -> None:
        """The same of a part of what may take seconds by itself: a layer, a Fourier transform, some rows."""
        if self._is_time:
            self._within()

    def composed(self, share: float) -> None:
        """So much of the finished picture is composed."""
        if self._is_time or share == 1:
            self._tell(self._number, self.cost_done + share * self.composing)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Within the context nothing is told: what is done is no step."""
        self.is_silent = True
        try:
            yield
        finally:
            self.is_silent = False

    def history(self) -> list[dict[str, float | None]]:
        """Scale, iteration, seconds and losses of every step; None for a loss that is no finite number."""
        return [
            {
                "scale": made.scale,
                "iteration": made.iteration,
                "seconds": made.seconds,
                **_finite(made.losses.as_numbers()),
            }
            for made in self.steps_made
        ]

    @property
    def _is_time(self) -> bool:
        return time.monotonic() - self.told > SILENCE

    @property
    def _number(self) -> int:
        """That of the step at work."""
        return min(self.steps_done + 1, self.scale.steps)

    def _cost_until(self, scale: Scale, steps: int) -> float:
        """Cost of all scales before one, its targets and so many of its steps, the last of which looks once more."""
        earlier = sum(each.cost + VALUE_WORK * each.step_cost for each in self.scales[: self.scales.index(scale)])
        return earlier + (1 + steps + VALUE_WORK * (steps == scale.steps)) * scale.step_cost

    def _within(self) -> None:
        """Tell how far a step is; ends the work if it is to stop."""
        if not self.is_silent:
            self._tell(self._number, self.cost_done + self.share * self.scale.step_cost)
            self._check()

    def _check(self) -> None:
        if self.has_begun and self.should_stop():
            raise Stopped

    def _tell(self, number: int, cost_done: float) -> None:
        """Tell what is known when so much of the work is done."""
        losses = self.steps_made[-1].losses if self.steps_made else UNKNOWN
        size, steps = max(self.scale.size), self.scale.steps
        text = Words(STEP_WITH_LESS if self.is_short_of_memory else STEP, size=size, step=number, steps=steps)
        spent = self.clock.total() - self.clock.laps["start_up"]
        left = spent / cost_done * max(0.0, self.cost - cost_done) if len(self.steps_made) > 3 else None
        self.fraction = max(self.fraction, min(1.0, cost_done / self.cost))
        render = self.render()
        assert render, "a picture is in the making"
        preview = partial(_preview, render, self.scale.size)
        try:
            self.on_step(Step(self.fraction, left, text, losses.as_numbers, preview, len(self.steps_made)))
        except Exception as error:
            self.refusal = error
            raise
        self.told = time.monotonic()


def _preview(render: Render, size: Size, pixels: int = PREVIEW_PIXELS) -> NDArray[np.uint8]:
    """The picture as it stands at a scale of this size."""
    if size.pixels > pixels:
        size = size.scaled_to(max(size) * (pixels / size.pixels) ** 0.5)
    return render(size)


def _as_given(content: OriginalPicture, size: Size) -> NDArray[np.uint8]:
    """The content in another size, H×W×4."""
    values = to_pixels(content.at(size))
    alpha = values[..., 3:] if content.channels == 4 else np.ones_like(values[..., :1])
    return as_kind(np.concatenate([values[..., :3], alpha], axis=2), np.uint8)


def _finite(numbers: Mapping[str, float]) -> dict[str, float | None]:
    """JSON knows neither infinity nor what is no number."""
    return {name: number if math.isfinite(number) else None for name, number in numbers.items()}

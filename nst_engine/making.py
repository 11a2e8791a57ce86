"""One picture in the making: scale after scale, step after step."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from nst_engine import device as devices
from nst_engine import forecast, memory, optimize, recipes, tiles
from nst_engine.clock import Clock
from nst_engine.composition import composed
from nst_engine.cuda_graph import captured
from nst_engine.errors import NetworkError
from nst_engine.network.vgg import VGG19
from nst_engine.objective import Losses, Objective
from nst_engine.originals import OriginalPicture
from nst_engine.pixels import Pixels, Size
from nst_engine.pyramid import Scale
from nst_engine.styles import Styles
from nst_engine.tensors import covering, middle, resize
from nst_engine.threads import Threads
from nst_engine.words import Words

CARRIED_DETAIL, FEW_STEPS = 0.5, 10
"""Share of the content's detail that a finer scale starts with, by score and eye: the whole of it looks like a
photograph under a filter. With fewer steps it is the whole all the same, since they would leave a blur; those that only
finish a picture need no more than their share."""

STEP = "{size} px, step {step} of {steps}"
STEP_IN_TILES = "{size} px, step {step} of {steps}, in smaller tiles, for memory ran short"
"""What steps add to their text when it did."""

PREVIEW_PIXELS = 1_000_000
"""Largest preview."""

TILES_BETWEEN = 4
"""How many tiles are worked on before freed memory goes back to the system: what is kept of a tile lies between the
features, whose place is then too small for those of the next. Blank pages cost a tenth of a tile's time."""


@dataclasses.dataclass(frozen=True)
class Step:
    """What is known after each step: ``fraction`` 0…1 of the job, ``seconds_left`` (None while unknown), a text.

    ``losses()`` has the keys content, style, tv and total; calling it waits for a GPU.
    ``preview(pixels)`` makes the picture as it stands, H×W×4 uint8 in the content's proportions, of at most so many
    pixels; at most, and as a rule, a megapixel.
    """

    fraction: float
    seconds_left: float | None
    text: str
    losses: Callable[[], dict[str, float]]
    preview: Callable[..., NDArray[np.uint8]]


class _Stopped(Exception):
    """The work is to end in the middle of a step."""


class Making:
    """One picture in the making, by networks on all devices that share it; the first has the picture."""

    def __init__(
        self,
        networks: Sequence[VGG19],
        styles: Styles,
        scales: Sequence[Scale],
        tile_side: int | None,
        clock: Clock,
        init: Pixels | None,
        threads: Threads,
    ) -> None:
        self.networks, self.styles, self.scales, self.clock = networks, styles, scales, clock
        self.canvas, self.recipe, self.options = styles.canvas, styles.recipe, styles.options
        self.threads = threads
        self.is_from_content = init is None and self.recipe.init == "content"
        self.room: Pixels | None = np.empty((*self.canvas.size, 4), np.uint8)
        """Addresses for the finished picture, which takes no memory before it is there."""
        start = self._start(scales[0].size, init)
        self.picture: Callable[[], Tensor] = lambda: start
        """Makes the picture as it stands."""
        self.is_showing = False
        self.steps_made: list[tuple[int, int, float, Losses]] = []
        self.pace = devices.Pace(networks[0].device)
        self.shown_at_once = forecast.shown_at_once(self.recipe, scales, tile_side)
        self.is_short_of_memory = False
        self.tiles_seen = 0
        self.cost = sum(scale.cost for scale in scales)
        self.cost_done = self.fraction = 0.0

    def paint(self, on_step: Callable[[Step], None], should_stop: Callable[[], bool]) -> None:
        """Work through all scales, or until told to stop."""
        optimizer = optimize.OPTIMIZERS[self.recipe.optimizer](self.recipe.learning_rate)
        with contextlib.suppress(_Stopped):
            for scale in self.scales:
                on_tile = partial(self._between_tiles, scale, on_step, should_stop)
                while (done := self._done_at(scale)) < scale.steps:
                    with self._stepping_down(scale):
                        for number, losses in enumerate(self._steps(optimizer, scale, on_tile, done), start=done + 1):
                            self._note(scale, number, losses, on_step)
                            if should_stop():
                                return
                self.clock.scale_lap(scale.size)

    def _done_at(self, scale: Scale) -> int:
        """How many steps of a scale are done."""
        return sum(side == max(scale.size) for side, *_ in self.steps_made)

    @contextlib.contextmanager
    def _stepping_down(self, scale: Scale) -> Iterator[None]:
        """Where memory runs out inside, go on with less of it: smaller tiles, and no memory of steps."""
        try:
            yield
        except Exception as error:
            layers = self.recipe.at(scale.is_finish).layers
            at_once = [tiles.toll(scale.size, side, layers).pixels for side in tiles.SIDES]
            smaller = [pixels for pixels in at_once if pixels < min(self.shown_at_once, scale.size.pixels)]
            if not memory.is_shortage(error) or not smaller:
                raise
            traceback.clear_frames(error.__traceback__)
            self.shown_at_once, self.is_short_of_memory = max(smaller), True
        memory.give_back()

    def _between_tiles(
        self, scale: Scale, on_step: Callable[[Step], None], should_stop: Callable[[], bool], share: float
    ) -> None:
        """Tell how far a step in tiles is, which may take minutes; ends the work if it is to stop."""
        self.threads.adapt()
        self.tiles_seen += 1
        if self.tiles_seen % TILES_BETWEEN == 0 or share == 1:
            memory.give_back()
        if self.is_showing:
            return
        if self.steps_made:
            *_, losses = self.steps_made[-1]
            number = min(self._done_at(scale) + 1, scale.steps)
            on_step(self._step(scale, number, losses, self.cost_done + share * scale.step_cost))
        if should_stop():
            raise _Stopped

    def _steps(
        self, optimizer: optimize.Descent, scale: Scale, on_tile: Callable[[float], None], done: int
    ) -> Iterator[Losses]:
        """Take the steps of one scale but for those that are done; yields where each has led."""
        before = self.picture()
        self.picture = lambda: before  # lets go of all else that the scale before took
        image = self._at_scale(before, scale)
        on_axis = partial(on_tile, 0.0) if scale.is_lean else lambda: None
        optimizer.resize(scale.size, scale.is_lean or self.is_short_of_memory, on_axis)
        objective = self._objective(scale, on_tile)
        self.clock.lap("features")
        self.cost_done += scale.step_cost
        if scale.is_lean:
            memory.give_back()
        function = captured(objective, image, scale.steps - done) if len(objective.tiles) == 1 else objective
        kept: optimize.Kept | None = None
        for count in objective.rounds(scale.steps - done):
            image = image if kept is None else self.picture()
            objective.renew_matches(image)
            kept = optimize.Kept(self.recipe.keep, function.value)
            steps = optimizer.steps(function, image, count)
            del image  # which may be large
            for seen in steps:
                kept.note(seen)
                if kept.count == 1:
                    self._check(seen.losses)
                    self.picture = partial(self._shown, kept)
                self.pace.step()
                self.threads.adapt()
                if scale.is_lean:
                    memory.give_back()
                yield seen.losses

    def _shown(self, kept: optimize.Kept) -> Tensor:
        """The picture that counts; where it has to be looked at for that, no step is told of."""
        self.is_showing = True
        try:
            return kept.shown()
        finally:
            self.is_showing = False

    def _check(self, losses: Losses) -> None:
        """Raise NetworkError where the picture to start from has no value: nothing can be better then."""
        if not math.isfinite(losses.total):
            raise NetworkError(
                Words(
                    "The network '{name}' makes numbers of these pictures that are not finite.",
                    name=self.networks[0].name,
                ),
                "Choose another network, or other layers.",
            )

    def _at_scale(self, before: Tensor, scale: Scale) -> Tensor:
        """The picture to go on with at this scale, after that of the scale before.

        One that was made from the content gets the content's detail that the coarser scale could not hold: a few
        steps turn it into strokes, where they would not sharpen an enlarged picture.
        """
        image = resize(before, scale.size)
        if self.is_from_content and before.shape != image.shape:
            coarse = self.canvas.content_at(Size(*before.shape[2:]))
            detail = self.canvas.content_at(scale.size) - resize(coarse, scale.size)
            image += (CARRIED_DETAIL if scale.is_finish or scale.steps >= FEW_STEPS else 1.0) * detail
        return image.clamp_(0, 1)

    def seen(self, size: Size, kind: DTypeLike) -> Pixels:
        """The picture as it stands, H×W×4 in a size of the content's proportions, its colors and alpha as wanted."""
        return composed(self.picture(), self.canvas, size, self.options.color == "content", kind)

    def finished(self, kind: DTypeLike) -> Pixels:
        """The picture in the content's own size, H×W×4 of this kind, or where memory is short for that, uint8."""
        picture = self.picture()
        self.picture = lambda: picture  # lets go of all else that the last scale took
        memory.give_back()
        try:
            return self.seen(self.canvas.size, kind)
        except Exception as error:
            if not memory.is_shortage(error):
                raise
        self.room = None
        return self.seen(self.canvas.size, np.uint8)

    def _objective(self, scale: Scale, on_tile: Callable[[float], None]) -> Objective:
        size, recipe = scale.size, self.recipe.at(scale.is_finish)
        content, constraints = self.canvas.content_at(size), self.canvas.constraints_at(size)
        side = tiles.side_within(size, self.shown_at_once, recipe.layers, len(self.networks))
        told = on_tile if side else lambda share: None
        style_share = recipes.style_share(self.options) if scale.is_finish else 1.0
        self.threads.adapt()
        regions = self.styles.regions_at(size, recipe.style_layers, style_share, told)
        self.threads.adapt()
        vgg, *helpers = self.networks
        return Objective(vgg, recipe, content, regions, constraints, side, told, helpers)

    def _start(self, size: Size, init: Pixels | None) -> Tensor:
        """The picture before the first step."""
        if init is not None:
            original = OriginalPicture(Words("picture to start from"), init)
            return middle(original.at(covering(original.size, size))[:, :3], size).to(self.canvas.device)
        if self.recipe.init == "noise":
            generator = torch.Generator("cpu").manual_seed(self.options.seed)
            return torch.rand(1, 3, *size, generator=generator, dtype=torch.float32, device="cpu").to(
                self.canvas.device
            )
        if self.recipe.init == "style":
            return self.styles.first_picture(size)
        return self.canvas.content_at(size).clone()

    def _note(self, scale: Scale, number: int, losses: Losses, on_step: Callable[[Step], None]) -> None:
        """Keep the losses of a step and tell of it."""
        seconds = self.clock.total()
        self.steps_made.append((max(scale.size), number, seconds, losses))
        self.cost_done += scale.step_cost
        on_step(self._step(scale, number, losses, self.cost_done))

    def _step(self, scale: Scale, number: int, losses: Losses, cost_done: float) -> Step:
        """What is known when so much of the work is done."""
        text = Words(
            STEP_IN_TILES if self.is_short_of_memory else STEP, size=max(scale.size), step=number, steps=scale.steps
        )
        spent = self.clock.total() - self.clock.laps["start_up"]
        left = spent / cost_done * max(0.0, self.cost - cost_done) if len(self.steps_made) > 3 else None
        self.fraction = max(self.fraction, min(1.0, cost_done / self.cost))  # scales' last steps look once more
        return Step(self.fraction, left, text, losses.as_numbers, partial(self._preview, scale.size))

    def history(self) -> list[dict[str, float | None]]:
        """Scale, iteration, seconds and losses of every step; None for a loss that is no finite number."""
        return [
            {"scale": scale, "iteration": iteration, "seconds": seconds, **_finite(losses.as_numbers())}
            for scale, iteration, seconds, losses in self.steps_made
        ]

    def warnings(self) -> list[Words]:
        """Sentences on what kept the picture from being as good as it could be."""
        finest = self.scales[-1]
        short = [Words("Memory ran short: some steps were made in smaller tiles.")] if self.is_short_of_memory else []
        return [*short, *(self.styles.too_small_for(finest.size) if finest.is_finish else ())]

    def _preview(self, size: Size, pixels: int = PREVIEW_PIXELS) -> NDArray[np.uint8]:
        """The picture as it stands at a scale of this size."""
        if size.pixels > pixels:
            size = size.scaled_to(max(size) * (pixels / size.pixels) ** 0.5)
        return self.seen(size, np.uint8)


def _finite(numbers: Mapping[str, float]) -> dict[str, float | None]:
    """JSON knows neither infinity nor what is no number."""
    return {name: number if math.isfinite(number) else None for name, number in numbers.items()}

"""One picture in the making: scale after scale, step after step."""

from __future__ import annotations

import contextlib
import math
import traceback
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor

from nst_engine import device as devices
from nst_engine import forecast, memory, optimize, recipes, tiles
from nst_engine.composition import composed
from nst_engine.cuda_graph import captured
from nst_engine.errors import NetworkError
from nst_engine.losses import Losses
from nst_engine.network.vgg import SLOW_PIXELS, VGG19
from nst_engine.objective import Objective
from nst_engine.originals import OriginalPicture
from nst_engine.pixels import Pixels, Size
from nst_engine.progress import Progress, Stopped
from nst_engine.pyramid import Scale
from nst_engine.styles import Styles
from nst_engine.tensors import covered, covering, resize
from nst_engine.threads import Threads
from nst_engine.words import Words

CARRIED_DETAIL, FEW_STEPS = 0.5, 10
"""Share of the content's detail that a finer scale starts with, by score and eye: the whole of it looks like a
photograph under a filter. With fewer steps it is the whole all the same, since they would leave a blur; those that only
finish a picture need no more than their share."""

NARROW = 1 / 8
"""The bands of a finished picture, where memory is too short for usual ones: some 6 MB."""

TILES_BETWEEN = 4
"""How many tiles are worked on before freed memory goes back to the system: what is kept of a tile lies between the
features, whose place is then too small for those of the next. Blank pages cost a tenth of a tile's time."""


class Making:
    """One picture in the making, by networks on all devices that share it; the first has the picture."""

    def __init__(
        self,
        networks: Sequence[VGG19],
        styles: Styles,
        tile_side: int | None,
        init: Pixels | None,
        threads: Threads,
        progress: Progress,
    ) -> None:
        self.networks, self.styles, self.progress = networks, styles, progress
        self.canvas, self.recipe, self.options = styles.canvas, styles.recipe, styles.options
        self.threads = threads
        self.is_from_content = init is None and self.recipe.init == "content"
        self.room: Pixels | None = np.empty((*self.canvas.size, 4), np.uint8)
        """Addresses for the finished picture, which takes no memory before it is there."""
        start = self._start(progress.scales[0].size, init)
        self.picture: Callable[[], Tensor] = lambda: start
        """Makes the picture as it stands."""
        self.pace = devices.Pace(networks[0].device)
        self.shown_at_once = forecast.shown_at_once(self.recipe, progress.scales, tile_side)
        self.ran_out_at: Size | None = None
        """The scale that could not be painted to its end."""
        self.tiles_seen = 0
        progress.render = weakref.WeakMethod(self.render)

    def paint(self) -> None:
        """Work through all scales, or until told to stop."""
        optimizer = optimize.OPTIMIZERS[self.recipe.optimizer](self.recipe.learning_rate)
        with contextlib.suppress(Stopped), self._heard():
            for scale in self.progress.scales:
                self.progress.begin(scale)
                while self.progress.steps_done < scale.steps:
                    with self._stepping_down(scale):
                        for losses in self._steps(optimizer, scale):
                            self.progress.step(losses)
                self.progress.clock.scale_lap(scale.size)

    @contextlib.contextmanager
    def _stepping_down(self, scale: Scale) -> Iterator[None]:
        """Where memory runs out inside, go on with less of it: smaller tiles, and no memory of steps.

        Where there is no less, the work ends with what is painted; without any step the error goes on.
        """
        try:
            yield
        except Exception as error:
            layers = self.recipe.at(scale.is_finish).layers
            at_once = [tiles.toll(scale.size, side, layers).pixels for side in tiles.SIDES]
            smaller = [pixels for pixels in at_once if pixels < min(self.shown_at_once, scale.size.pixels)]
            is_least = not smaller and (self.progress.is_short_of_memory or scale.is_lean)
            if not self._is_shortage(error) or (is_least and not self.progress.steps_made):
                raise
            traceback.clear_frames(error.__traceback__)
            if is_least:
                self.ran_out_at = scale.size
                raise Stopped from None
            self.shown_at_once, self.progress.is_short_of_memory = max(smaller, default=self.shown_at_once), True
        memory.give_back()

    def _is_shortage(self, error: Exception) -> bool:
        """Whether memory ran out here, and not where it is heard how far the work is."""
        return memory.is_shortage(error) and error is not self.progress.refusal

    def _heard(self) -> contextlib.AbstractContextManager[None]:
        """Within the context a processor's layers are heard of. Graphics cards need milliseconds."""
        vgg, *helpers = self.networks
        is_slow = vgg.device.type == "cpu" and not helpers
        return vgg.heard(self.progress.now_and_then) if is_slow else contextlib.nullcontext()

    def _between_tiles(self, share: float) -> None:
        """Hear how far a step in tiles is, which may take minutes."""
        self.threads.adapt()
        self.tiles_seen += 1
        if self.tiles_seen % TILES_BETWEEN == 0 or math.isclose(share, 1):
            memory.give_back()
        self.progress.tile(share)

    def _steps(self, optimizer: optimize.Descent, scale: Scale) -> Iterator[Losses]:
        """Take the steps of one scale but for those that are made; yields where each has led."""
        wanted = scale.steps - self.progress.steps_done
        before = self.picture()
        self.picture = lambda: before  # lets go of all else that the scale before took
        image = self._at_scale(before, scale)
        on_transform = self.progress.now_and_then if scale.size.pixels > SLOW_PIXELS else lambda: None
        optimizer.resize(scale.size, scale.is_lean or self.progress.is_short_of_memory, on_transform)
        objective = self._objective(scale)
        self.progress.clock.lap("features")
        self.progress.has_targets()
        memory.give_back()
        function = captured(objective, image, wanted) if len(objective.tiles) == 1 else objective
        kept: optimize.Kept | None = None
        for count in objective.rounds(wanted):
            image = image if kept is None else self.picture()
            objective.renew_matches(image)
            kept = optimize.Kept(self.recipe.keep, function.value)
            steps = optimizer.steps(function, image, count)
            del image  # which may be large
            for iterate in steps:
                kept.note(iterate)
                if kept.count == 1:
                    self._check(iterate.losses)
                    self.picture = partial(self._shown, kept)
                self.pace.step()
                self.threads.adapt()
                if scale.is_lean:
                    memory.give_back()
                yield iterate.losses

    def _shown(self, kept: optimize.Kept) -> Tensor:
        """The picture that counts. While it is looked at for that, no step is told of and a shortage ends nothing."""
        try:
            with self.progress.silent():
                return kept.shown()
        except Exception as error:
            if not memory.is_shortage(error):
                raise
            return kept.picture

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
        image = resize(before, scale.size, self.progress.now_and_then)
        if self.is_from_content and before.shape != image.shape:
            coarse = self.canvas.content_at(Size(*before.shape[2:]))
            blurred = resize(coarse, scale.size, self.progress.now_and_then)
            detail = blurred.neg_().add_(self.canvas.content_at(scale.size))
            image.add_(detail, alpha=CARRIED_DETAIL if scale.is_finish or scale.steps >= FEW_STEPS else 1.0)
        return image.clamp_(0, 1)

    def render(
        self,
        size: Size,
        kind: DTypeLike = np.uint8,
        on_band: Callable[[float], None] = lambda share: None,
        band_share: float = 1.0,
    ) -> Pixels:
        """The picture as it stands, H×W×4, its colors and alpha as wanted; the rest is as of :func:`composed`."""
        keeps_colors = self.options.color == "content"
        return composed(self.picture(), self.canvas, size, keeps_colors, kind, on_band, band_share)

    def finished(self, kind: DTypeLike) -> Pixels:
        """The picture in the content's own size, H×W×4 of this kind; where memory is short for that, uint8, slowly."""
        picture = self.picture()
        self.picture = lambda: picture  # lets go of all else that the last scale took
        memory.give_back()
        try:
            return self.render(self.canvas.size, kind, self.progress.composed)
        except Exception as error:
            if not self._is_shortage(error):
                raise
        self.room = None
        return self.render(self.canvas.size, on_band=self.progress.composed, band_share=NARROW)

    def _objective(self, scale: Scale) -> Objective:
        size, recipe = scale.size, self.recipe.at(scale.is_finish)
        content, constraints = self.canvas.content_at(size), self.canvas.constraints_at(size)
        side = tiles.side_within(size, self.shown_at_once, recipe.layers, len(self.networks))
        told = self._between_tiles if side else lambda share: None
        style_share = recipes.style_share(self.options) if scale.is_finish else 1.0
        self.threads.adapt()
        regions = self.styles.regions_at(size, recipe, style_share, told)
        self.threads.adapt()
        vgg, *helpers = self.networks
        return Objective(vgg, recipe, content, regions, constraints, side, told, helpers)

    def _start(self, size: Size, init: Pixels | None) -> Tensor:
        """The picture before the first step."""
        if init is not None:
            original = OriginalPicture(Words("picture to start from"), init)
            smaller = min(original.size, covering(original.size, size), key=lambda of: of.pixels)
            return covered(original.at(smaller, self.canvas.on_band)[:, :3], size).to(self.canvas.device)
        if self.recipe.init == "noise":
            generator = torch.Generator("cpu").manual_seed(self.options.seed)
            return torch.rand(1, 3, *size, generator=generator, dtype=torch.float32, device="cpu").to(
                self.canvas.device
            )
        if self.recipe.init == "style":
            return self.styles.first_picture(size)
        return self.canvas.content_at(size).clone()

    @property
    def scale(self) -> Scale:
        """The finest scale that the picture as it stands has a step of; without any, the one that it starts at."""
        size = Size(*self.picture().shape[2:])
        return next(scale for scale in self.progress.scales if scale.size == size)

    def warnings(self) -> list[Words]:
        """Sentences on what kept the picture from being as good as it could be."""
        scale = self.scale
        return [*self._shortages(), *(self.styles.too_small_for(scale.size) if scale.is_finish else ())]

    def _shortages(self) -> Iterator[Words]:
        """What memory was too small for."""
        if self.ran_out_at:
            yield Words("Memory ran out at {size} px: the picture is as it was then.", size=max(self.ran_out_at))
        elif self.progress.is_short_of_memory:
            yield Words("Memory ran short: some steps were made with less of it.")

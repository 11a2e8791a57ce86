"""Whether any setting returns a picture that is worse than one it has seen: ``python -m tests.benchmarks.sweep``.

Every job takes its settings by lot from the whole table and may be told to stop in the middle. All values that its
objective finds are noted. The picture that comes back is then judged by that same objective: its value may be above the
lowest one by rounding, no more.
"""

from __future__ import annotations

import argparse
import contextlib
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from nst_engine import making, options, painting
from nst_engine.losses import Losses
from nst_engine.objective import Objective
from nst_engine.optimize import ROUNDING
from nst_engine.pixels import Floats, StylePicture
from nst_engine.progress import Step
from nst_engine.tensors import to_image

from .cpu import PICTURES, at_side, paths

CHOICES: Mapping[str, Sequence[Any]] = {
    "recipe": ("painterly", "gatys", "nst", "neighbors"),
    "optimizer": (None, "lbfgs", "adam", "tensorflow-adam"),
    "learning_rate": (None, 0.005, 0.3),
    "keep": (None, "last", "best", "average"),
    "statistic": (None, "gram", "moments", "neighbors"),
    "normalize": (None, None, "none", "energy", "gradient"),
    "style_layers": (
        None,
        None,
        "relu1_1:0.3,relu2_1:0.3,relu3_1:0.25,relu4_1:0.13,relu5_1:0.02",
        "relu1_1",
        "relu4_1:1:gram,relu5_1:1:moments",
    ),
    "content_layers": (None, None, "relu2_2", "relu3_1:0.5,relu5_2"),
    "content_weight": (None, None, 0.0, 0.01, 1e4),
    "style_weight": (None, None, 0.01, 1e3, 1e9),
    "tv_weight": (None, None, 0.0, 100.0, 1e9),
    "tv_norm": (None, "absolute"),
    "photo_weight": (None, None, 10.0, 1e6),
    "pooling": (None, None, "average", "l2"),
    "init": (None, None, "noise", "style"),
    "strength": (0.0, 50.0, 100.0),
    "iterations": (None, 2, 25),
    "size": (64, 96, 128),
}
"""Values of options; None is the default, which comes twice where it is to come more often."""

FORMATS = (torch.float32, torch.bfloat16)

STOPS = (None, None, 1, 4)
"""Steps at the finest scale after which a job is told to stop."""


class Job(NamedTuple):
    """A setting; pictures are chosen by number."""

    options: Mapping[str, Any]
    number_format: torch.dtype
    stop: int | None
    pair: int


class Outcome(NamedTuple):
    """The value of the picture that came back, and the lowest that was seen at its scale, in the objective's unit."""

    returned: float
    lowest: float

    @property
    def excess(self) -> float:
        """How much of the lowest value lies between the two."""
        return (self.returned - self.lowest) / max(abs(self.lowest), 1e-12)

    @property
    def is_fine(self) -> bool:
        """Whether the picture is finite and as good as any."""
        return self.excess <= 1.01 * ROUNDING  # no number is not


class Watched(Objective):
    """An objective that notes the values it finds. ``newest`` is the one of the scale that a job has come to."""

    newest: Watched

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.values: list[float] = []
        Watched.newest = self

    def value(self, image: Tensor) -> Losses:
        """As ever."""
        return self._noted(super().value(image))

    def value_and_gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
        """As ever."""
        losses, gradient = super().value_and_gradient(image)
        return self._noted(losses), gradient

    def _noted(self, losses: Losses) -> Losses:
        self.values.append(float(losses.total))
        return losses


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the jobs; exits with 1 if one of them has returned a picture that is worse than what it had seen."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.sweep", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--jobs", type=int, default=240, metavar="N", help="how many (default: 240)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the lots (default: 0)")
    parsed = parser.parse_args(arguments)
    found: Counter[str] = Counter()
    largest = 0.0
    for number, job in enumerate(jobs(parsed.jobs, parsed.seed)):
        outcome = painted(job)
        found["fine" if outcome.is_fine else "worse"] += 1
        largest = max(largest, outcome.excess)
        if not outcome.is_fine:
            print(f"job {number}: {outcome.lowest:.6g} was seen, {outcome.returned:.6g} came back, {job}", flush=True)
    print(f"{parsed.jobs} jobs: {found['fine']} fine, {found['worse']} worse; largest excess {largest:.1e}")
    if found["worse"]:
        raise SystemExit(1)


def jobs(count: int, seed: int) -> Iterator[Job]:
    """So many settings by lot."""
    lots = random.Random(seed)
    for _ in range(count):
        chosen = {name: lots.choice(values) for name, values in CHOICES.items()}
        yield Job(
            {name: value for name, value in chosen.items() if value is not None},
            lots.choice(FORMATS),
            lots.choice(STOPS),
            lots.randrange(4),
        )


def painted(job: Job) -> Outcome:
    """Do a job."""
    pairs = paths(PICTURES)
    content, style = (at_side(path, job.options["size"]) for path in pairs[job.pair % len(pairs)])
    finest_steps = 0

    def count(step: Step) -> None:
        nonlocal finest_steps
        finest_steps += step.text.startswith(f"{job.options['size']} px")

    chosen = options.from_mapping({"quality": "draft", "device": "cpu", **job.options})
    with watched(job.number_format):
        done = painting.Painter(chosen).paint(
            content, [StylePicture("style", style)], on_step=count, should_stop=lambda: finest_steps == job.stop
        )
    return judged(done.picture)


@contextlib.contextmanager
def watched(number_format: torch.dtype) -> Iterator[None]:
    """Within the context jobs are done in this number format, by objectives that are :class:`Watched`."""
    with (
        patch.object(making, "Objective", Watched),
        patch.object(painting.devices, "fastest_format", lambda device: number_format),
    ):
        yield


def judged(picture: Floats) -> Outcome:
    """A picture in the eyes of the objective that was last in use."""
    lowest = min(value for value in Watched.newest.values if np.isfinite(value))
    with painting.devices.without_denormals():
        returned = float(Watched.newest.value(to_image(picture[..., :3])).total)
    return Outcome(returned, lowest)


if __name__ == "__main__":
    main()

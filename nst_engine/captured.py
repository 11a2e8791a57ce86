"""An evaluation recorded as a CUDA graph: one launch instead of hundreds, and the host free at once."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from nst_engine.objective import Losses
from nst_engine.optimize import Evaluate

FEWEST_STEPS = 8
"""Recording costs three evaluations; below this number of steps it does not pay."""

log = logging.getLogger(__name__)


def captured(evaluate: Evaluate, image: Tensor, steps: int) -> Evaluate:
    """``evaluate`` for pictures like ``image``, recorded if there is a CUDA device and so many steps pay for it."""
    if image.device.type != "cuda" or steps < FEWEST_STEPS:
        return evaluate
    try:
        return Captured(evaluate, image)
    except RuntimeError:
        log.warning("This device records no graphs; going on without.", exc_info=True)
        return evaluate


class Captured:
    """See https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs for what a recorded function may do."""

    def __init__(self, evaluate: Evaluate, image: Tensor) -> None:
        self.image = image.clone()
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(2):  # libraries choose their algorithms and take their memory
                evaluate(self.image)
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.losses, self.gradient = evaluate(self.image)

    def __call__(self, image: Tensor) -> tuple[Losses, Tensor]:
        """Losses and gradient of a picture, as from the function recorded."""
        self.image.copy_(image)
        self.graph.replay()
        losses = Losses(self.losses.content.clone(), self.losses.style.clone(), self.losses.tv.clone())
        return losses, self.gradient.clone()

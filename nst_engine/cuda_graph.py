"""An evaluation recorded as a CUDA graph: one launch instead of hundreds, and the host free at once."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from nst_engine.losses import Losses
from nst_engine.optimize import Function

FEWEST_STEPS = 8
"""Recording costs three evaluations; below this number of steps it does not pay."""

log = logging.getLogger(__name__)


def captured(function: Function, image: Tensor, steps: int) -> Function:
    """``function`` for pictures like ``image``, recorded if there is a CUDA device and so many steps pay for it."""
    if image.device.type != "cuda" or steps < FEWEST_STEPS:
        return function
    try:
        return Captured(function, image)
    except RuntimeError:
        log.warning("This device records no graphs; going on without.", exc_info=True)
        return function


class Captured:
    """See https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs for what a recorded function may do."""

    def __init__(self, function: Function, image: Tensor) -> None:
        self.image = image.clone()
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(2):  # libraries choose their algorithms and take their memory
                function.value_and_gradient(self.image)
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.losses, self.gradient = function.value_and_gradient(self.image)

    def value(self, image: Tensor) -> Losses:
        """Losses of a picture. Without the gradient they would be quicker, but take memory beside the recording's."""
        return self.value_and_gradient(image)[0]

    def value_and_gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
        """Losses and gradient of a picture, as from the function recorded."""
        self.image.copy_(image)
        self.graph.replay()
        return self.losses.clone(), self.gradient.clone()

"""A frozen convolution with its ReLU, each way by the fastest algorithm there is for its size."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nst_engine.network.winograd import Winograd

WINOGRAD_CHANNELS, WINOGRAD_POSITIONS = 128, 192
"""Fewest channels, in and out, and positions with which the transforms of Winograd's algorithm pay, measured."""


class Convolution:
    """3×3 kernels and biases of a layer, followed by ReLU. Gradients go to the input only.

    ``kernel``: out×in×3×3, ``bias``: out, on the device and in the number format that inputs have, which are
    channels-last: the fastest layout, on processors as on graphics cards with tensor cores.
    """

    def __init__(self, kernel: Tensor, bias: Tensor) -> None:
        self.kernel, self.bias = kernel.contiguous(memory_format=torch.channels_last), bias
        precise = kernel.device.type == "cpu" and kernel.dtype.itemsize >= 4
        self.winograd = precise and min(kernel.shape[:2]) >= WINOGRAD_CHANNELS

    def __call__(self, x: Tensor, padding: int = 1, on_done: Callable[[], None] = lambda: None) -> Tensor:
        """ReLU(x ∗ kernel + bias): 1×in×h×w, padded by so many zeros on each side → 1×out×h'×w'.

        ``on_done`` hears when it is done, and when its gradient is.
        """
        y: Tensor = _ConvolutionReLU.apply(x, self, padding, on_done)
        on_done()
        return y

    def forward(self, x: Tensor, padding: int) -> Tensor:
        """The output for an input."""
        if self._pays(x[0, 0].numel()):
            return self._winograd(x, padding).add_(self.bias.view(-1, 1, 1)).relu_()
        return F.conv2d(x, self.kernel, self.bias, padding=padding).relu_()

    def backward(self, gradient: Tensor, padding: int) -> Tensor:
        """The gradient by the input for that by the convolution's output: a convolution with the turned kernels."""
        if self._pays(gradient[0, 0].numel()):
            return self._winograd_turned(gradient, 2 - padding)
        return F.conv2d(gradient, self._turned, padding=2 - padding)

    def unmade_bytes(self, positions: int) -> int:
        """Bytes of the kernels that pictures with so many positions here will need and none has needed yet."""
        lengths = {"_turned": 1, "_winograd": 4, "_winograd_turned": 4} if self._pays(positions) else {"_turned": 1}
        return self.kernel.nbytes * sum(length for name, length in lengths.items() if name not in self.__dict__)

    def _pays(self, positions: int) -> bool:
        return self.winograd and positions >= WINOGRAD_POSITIONS

    @cached_property
    def _turned(self) -> Tensor:
        return self.kernel.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)

    @cached_property
    def _winograd(self) -> Winograd:
        return Winograd(self.kernel)

    @cached_property
    def _winograd_turned(self) -> Winograd:
        return Winograd(self._turned)


class _ConvolutionReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, convolution: Convolution, padding: int, on_done: Callable[[], None]) -> Tensor:
        ctx.convolution, ctx.padding, ctx.on_done = convolution, padding, on_done
        y = convolution.forward(x, padding)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (y,) = ctx.saved_tensors
        gradient = torch.ops.aten.threshold_backward(gradients[0], y, 0)
        by_input = ctx.convolution.backward(gradient, ctx.padding)
        ctx.on_done()
        return by_input, None, None, None

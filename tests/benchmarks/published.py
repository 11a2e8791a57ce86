"""What both rivals stand on: the shipped VGG-19 the way their programs run it, and pictures resized by Pillow.

Nothing here is the engine's but the file of weights: standard modules, contiguous memory, automatic gradients.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from nst_engine.network import library
from nst_engine.network.layers import CONVOLUTIONS

Floats = NDArray[np.float32]

OnStep = Callable[[float, Callable[[], Floats]], None]
"""Hears of every evaluation: its loss, and a function that makes the picture the program would save at that time."""

CONTENT_LAYER = "relu4_2"
STYLE_CHANNELS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu5_1": 512}
"""Both programs' defaults, after Gatys et al."""


class PlainVGG19(nn.Module):
    """VGG-19 up to relu5_1 as a row of ``nn.Conv2d``, in-place ``nn.ReLU`` and ``nn.MaxPool2d``, frozen.

    ``padding_mode`` is that of the first convolution; the others pad with zeros. All features are in units of
    ``unit``: with ReLU and max pooling that is the first kernel and every bias divided by it.
    """

    def __init__(self, network: library.Network, padding_mode: str = "zeros", unit: float = 1.0) -> None:
        super().__init__()
        self.pixel_mean = torch.tensor(network.pixel_mean).view(1, 3, 1, 1)
        self.pixel_std = torch.tensor(network.pixel_std).view(1, 3, 1, 1)
        self.blocks = nn.ModuleDict()
        for name in CONVOLUTIONS[: CONVOLUTIONS.index("conv5_1") + 1]:
            kernel, bias = (torch.from_numpy(array) for array in network.weights[name])
            mode = padding_mode if name == "conv1_1" else "zeros"
            convolution = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1, padding_mode=mode)
            kernel = kernel / unit if name == "conv1_1" else kernel.contiguous()
            convolution.weight.data, convolution.bias.data = kernel, bias / unit
            pool = [nn.MaxPool2d(2)] if name.endswith("_1") and name != "conv1_1" else []
            self.blocks[name.replace("conv", "relu")] = nn.Sequential(*pool, convolution, nn.ReLU(inplace=True))
        self.requires_grad_(False)

    def normalized(self, image: Tensor) -> Tensor:
        """The network's input for an image in RGB, [0, 1]. The channels stay in that order: the first kernel does."""
        return (image - self.pixel_mean) / self.pixel_std

    def denormalized(self, x: Tensor) -> Tensor:
        """The image in [0, 1] for an input of the network."""
        return x * self.pixel_std + self.pixel_mean

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """C×h×w features of the content and style layers for the network's input, 1×3×H×W."""
        features = {}
        for layer, block in self.blocks.items():
            x = block(x)
            if layer == CONTENT_LAYER or layer in STYLE_CHANNELS:
                features[layer] = x[0]
        return features


def resized(picture: Floats, long_side: int, resample: Image.Resampling, enlarge: bool = True) -> Floats:
    """H×W×3 in [0, 1] with another long side, through 8 bits as in a file; not above its own unless ``enlarge``.

    Both sides are rounded to the nearest pixel.
    """
    height, width = picture.shape[:2]
    if long_side >= max(height, width) and not enlarge:
        long_side = max(height, width)
    factor = long_side / max(height, width)
    image = Image.fromarray(np.rint(picture.clip(0, 1) * 255).astype(np.uint8))
    image = image.resize((round(width * factor), round(height * factor)), resample)
    return np.asarray(image).astype(np.float32) / np.float32(255)


def tensor(picture: Floats) -> Tensor:
    """H×W×3 → 1×3×H×W."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]


def picture(image: Tensor) -> Floats:
    """1×3×H×W → H×W×3, clamped to [0, 1]."""
    array: Floats = image.detach()[0].clamp(0, 1).permute(1, 2, 0).numpy().copy()
    return array


def processor_seconds() -> float:
    """The benchmark's clock: processor time per thread, so that whatever else the machine does counts little."""
    return time.process_time() / torch.get_num_threads()


def full_step_seconds(height: int, width: int, repeats: int = 5) -> float:
    """What a full step costs here and now: the benchmark's second unit of time.

    One evaluation of value and gradient with Gram matrices at all five style layers and the content layer, in
    float32 and channels-last, the fastest plain way on a processor; the median after one to warm up.
    """
    vgg = PlainVGG19(library.load("vgg19")).to(memory_format=torch.channels_last)
    image = torch.rand(1, 3, height, width).to(memory_format=torch.channels_last).requires_grad_()
    seconds = []
    for _ in range(repeats + 1):
        started = processor_seconds()
        features = vgg(vgg.normalized(image))
        loss = features[CONTENT_LAYER].square().mean()
        for layer in STYLE_CHANNELS:
            matrix = features[layer].flatten(1)
            loss = loss + (matrix @ matrix.T / matrix.shape[1]).square().mean()
        torch.autograd.grad(loss, image)
        seconds.append(processor_seconds() - started)
    return statistics.median(seconds[1:])

"""VGG-19 (Simonyan & Zisserman 2014) as a feature extractor: the layers that style transfer looks at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nst_engine.network.convolution import Convolution
from nst_engine.network.layers import CONVOLUTIONS, LAYERS
from nst_engine.network.library import Network

POOLS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "max": F.max_pool2d,
    "average": F.avg_pool2d,
    "l2": lambda x, side: F.avg_pool2d(x.square(), side).add(1e-8).sqrt(),
}
"""Ways to make features smaller by a factor."""

REPLICATED = {"zeros": (), "replicate": CONVOLUTIONS[:1], "replicate-all": CONVOLUTIONS}
"""Ways to pad → the convolutions before which the border is repeated."""

SLOW_PIXELS = 2**16
"""Pictures with more pixels are so much work for a processor that one wants to hear how it gets on."""


class VGG19(nn.Module):
    """The convolutions of a network with ReLU and 2×2 pooling, frozen.

    ``pooling`` is a key of POOLS, the network's own where None. ``padding``, a key of REPLICATED, is what lies beyond
    the border: zeros; the picture's own border pixels, which keeps dark edges away; or in every layer the border's
    features, so that the network cannot tell the border from any other place, and what a style has along its edges is
    not painted along the picture's. Convolutions work in the number format ``dtype``; pictures and features come and go
    in the picture's.
    """

    def __init__(
        self,
        network: Network,
        device: torch.device,
        padding: str = "zeros",
        pooling: str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.name = network.name
        self.replicated = REPLICATED[padding]
        self.pool = POOLS[pooling or network.pooling]
        self.dtype = dtype
        self.convolutions = {
            name: Convolution(torch.from_numpy(kernel).to(device, dtype), torch.from_numpy(bias).to(device, dtype))
            for name, (kernel, bias) in network.weights.items()
        }
        self.on_layer: Callable[[], None] = _nothing
        self.pixel_mean = torch.tensor(network.pixel_mean, dtype=torch.float32, device=device).view(1, 3, 1, 1)
        self.pixel_std = torch.tensor(network.pixel_std, dtype=torch.float32, device=device).view(1, 3, 1, 1)

    @property
    def device(self) -> torch.device:
        """Where it computes, and pictures come from."""
        return self.pixel_mean.device

    @contextmanager
    def heard(self, on_layer: Callable[[], None]) -> Iterator[None]:
        """Within the context ``on_layer`` hears when a layer of a large picture is done, forward or backward.

        What it raises ends the work.
        """
        self.on_layer = on_layer
        try:
            yield
        finally:
            self.on_layer = _nothing

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Features of the layers asked for.

        ``image``: 1×3×H×W, RGB in [0, 1]. Returns for each layer a C×h×w tensor, h and w halved (rounded down)
        with each pooling. Nothing deeper than the deepest layer is computed.
        """
        deepest = max((LAYERS.index(layer) for layer in layers), default=-1)
        x = ((image - self.pixel_mean) / self.pixel_std).to(self.dtype, memory_format=torch.channels_last)
        features: dict[str, Tensor] = {}
        on_layer = self.on_layer if image[0, 0].numel() > SLOW_PIXELS else _nothing
        for layer, name in zip(LAYERS[: deepest + 1], CONVOLUTIONS, strict=False):
            if name.endswith("_1") and name != "conv1_1":
                x = self.pool(x, 2)
            zeros = 1
            if name in self.replicated:
                x, zeros = F.pad(x, (1, 1, 1, 1), mode="replicate"), 0
            x = self.convolutions[name](x, zeros, on_layer)
            if layer in layers:
                features[layer] = x.squeeze(0).to(image.dtype)
        return features


def _nothing() -> None:
    """What is done where nobody wants to hear."""

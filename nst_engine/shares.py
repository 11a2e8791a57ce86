"""How much each position of a feature map counts: a mask of the picture at the sizes of all maps."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from nst_engine.pixels import Size


def resized_mask(mask: Tensor, positions: Size) -> Tensor:
    """A mask (H×W) at the positions of a feature map, averaged over each position's area."""
    return F.adaptive_avg_pool2d(mask[None, None], positions)[0, 0]


class Shares:
    """A region's mask at the sizes of all feature maps."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask
        self.area = float(mask.mean())
        self.sizes: dict[Size, Tensor] = {}

    def at(self, positions: Size) -> Tensor:
        """How much each position of a feature map counts, h×w; they add up to one."""
        if positions not in self.sizes:
            mask = resized_mask(self.mask, positions)
            self.sizes[positions] = mask / mask.sum()
        return self.sizes[positions]

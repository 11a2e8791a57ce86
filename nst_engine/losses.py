"""A picture's losses by name, and those that are sums over its positions: content, total variation, the photo term.

- L. A. Gatys, A. S. Ecker, M. Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
- L. A. Gatys et al.: Controlling Perceptual Factors in Neural Style Transfer, CVPR 2017.
- A. Levin, D. Lischinski, Y. Weiss: A Closed-Form Solution to Natural Image Matting, PAMI 2008.
- F. Luan, S. Paris, E. Shechtman, K. Bala: Deep Photo Style Transfer, CVPR 2017.

Each function takes a part of a picture and says what that part adds to the mean over the whole, so that the losses of
all parts add up to the picture's.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nst_engine.pixels import Size

PHOTO_WINDOW = 3
"""Side of the windows of the photo term, in pixels."""

PHOTO_REGULARIZER = 1e-4
"""Added to each window's covariance, in squared pixel units: flat windows have no colors to mix."""


LOSS_OF = {"content": "content", "style": "style", "tv": "tv", "photo": "content"}
"""What is measured of a picture → the loss that it counts as."""


@dataclasses.dataclass(frozen=True)
class Losses:
    """Weighted losses by name, those of LOSS_OF, as scalars on the device in multiples of ``unit``."""

    terms: Mapping[str, Tensor]
    unit: float = 1.0

    @property
    def total(self) -> Tensor:
        """Their sum."""
        return functools.reduce(operator.add, self.terms.values())

    def where(self, condition: Tensor, other: Losses) -> Losses:
        """These where the condition (a scalar on the device) holds, else the others, of the same unit."""
        return self._each(lambda name, term: torch.where(condition, term, other.terms[name]))

    def without_numbers(self) -> Losses:
        """The same losses, none of which is a number."""
        return self._each(lambda _, term: torch.full_like(term, torch.nan))

    def detach(self) -> Losses:
        """The same outside any graph."""
        return self._each(lambda _, term: term.detach())

    def clone(self) -> Losses:
        """The same in memory of their own."""
        return self._each(lambda _, term: term.clone())

    def as_numbers(self) -> dict[str, float]:
        """All losses and their total as numbers, the unit multiplied in; waits for the device."""
        return {name: self.unit * float(term) for name, term in {**self.terms, "total": self.total}.items()}

    def _each(self, change: Callable[[str, Tensor], Tensor]) -> Losses:
        return Losses({name: change(name, term) for name, term in self.terms.items()}, self.unit)


class Amount(NamedTuple):
    """What a tile adds to a loss of the whole picture, of which nothing else has to be known."""

    value: Tensor

    @staticmethod
    def joined(parts: Sequence[Amount]) -> Amount:
        """The loss of the whole picture."""
        return Amount(torch.stack([part.value for part in parts]).sum())


def content_loss(features: Tensor, target: Tensor, weights: Tensor | None = None, share: float = 1.0) -> Tensor:
    """Mean squared difference of two C×h×w feature maps (CVPR 2016, eq. 1, which sums and halves instead).

    ``weights`` (h×w) say how much each position counts: a map on the content, as in Gatys et al. 2017. ``share`` is
    the part's share of the whole picture's positions.
    """
    loss: Tensor = _MeanSquare.apply(features, target, weights)
    return loss * share


def total_variation(image: Tensor, exponent: int = 2, owned: Size | None = None, whole: Size | None = None) -> Tensor:
    """Mean over horizontal and over vertical neighbors of |difference|ᵉ, summed; ``image``: 1×3×H×W.

    A part of a ``whole`` picture comes with the row and the column that follow what it has ``owned``, if any do.
    """
    size = Size(*image.shape[2:])
    owned, whole = owned or size, whole or size
    across = (image[..., : owned.height, 1:] - image[..., : owned.height, :-1]).abs()
    down = (image[..., 1:, : owned.width] - image[..., :-1, : owned.width]).abs()
    pairs_across, pairs_down = whole.height * (whole.width - 1), (whole.height - 1) * whole.width
    return across.pow(exponent).sum() / (3 * pairs_across) + down.pow(exponent).sum() / (3 * pairs_down)


def photo_loss(image: Tensor, content: Tensor, whole: Size | None = None) -> Tensor:
    """How far the image is, near every pixel, from an affine mixture of the content's colors; both 1×3×H×W.

    The mean over all 3×3 windows, pixels and channels of the squared residue of the best affine fit of the image by
    the content in that window: the quadratic form of the matting Laplacian (Levin et al. 2008), which Luan et al.
    (2017) take to keep stylized photographs photographs. A part of a ``whole`` picture comes with the two rows and
    columns that follow it, if there are any.
    """
    height, width = whole or image.shape[2:]
    x, guide = _windows(image), _windows(content)
    x, guide = x - x.mean(-1, keepdim=True), guide - guide.mean(-1, keepdim=True)
    identity = torch.eye(3, dtype=x.dtype, device=x.device)
    covariance = guide @ guide.transpose(-1, -2) / guide.shape[-1] + PHOTO_REGULARIZER * identity
    mixture = torch.linalg.solve(covariance, guide @ x.transpose(-1, -2) / guide.shape[-1])
    residue: Tensor = x - mixture.transpose(-1, -2) @ guide
    windows = (height - PHOTO_WINDOW + 1) * (width - PHOTO_WINDOW + 1)
    return residue.square().sum() / (windows * residue[0].numel())


def _windows(image: Tensor) -> Tensor:
    """All windows of a picture, 1×3×H×W → n×3×(pixels of a window)."""
    patches = F.unfold(image, PHOTO_WINDOW)[0]
    return patches.T.reshape(-1, 3, PHOTO_WINDOW**2)


class _MeanSquare(torch.autograd.Function):
    """Mean of W (F − T)² over C×h×w features. The difference is made twice, so that memory need not hold it in between:
    of a shallow layer it is as large as all else that a step takes."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
        ctx.save_for_backward(features, target, weights)
        squares = (features - target).square_()
        return (squares if weights is None else squares.mul_(weights)).mean()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        features, target, weights = ctx.saved_tensors
        share = gradients[0] / features.numel()
        by_features = (features - target).mul_(2)
        return by_features.mul_(share if weights is None else share * weights), None, None

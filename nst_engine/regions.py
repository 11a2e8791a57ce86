"""Regions: which style goes where, with soft edges, no gaps, and nothing where nothing is to be painted."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST = 1e-3
"""Sum of the masks below which nobody claims a pixel."""


def shared_out(masks: Sequence[Tensor | None], weights: Sequence[float]) -> list[Tensor]:
    """Masks (H×W) that add up to one everywhere, from masks that may overlap or leave gaps.

    Where several masks overlap they share by weight. A mask of None takes what the others leave; where nobody does,
    a gap is filled from its surroundings.
    """
    given = [mask for mask in masks if mask is not None]
    rest = (1 - torch.stack(given).sum(0)).clamp(0, 1)
    claims = [
        weight * (rest if mask is None else mask.clamp(0, 1)) for mask, weight in zip(masks, weights, strict=True)
    ]
    return list(_filled(torch.stack(claims)))


def _filled(claims: Tensor) -> Tensor:
    """R×H×W claims over their sum; gaps take the values of the same masks at half the size, and so on."""
    total = claims.sum(0, keepdim=True)
    size = tuple(claims.shape[1:])
    if bool((total >= LEAST).all()):
        return claims / total
    if max(size) == 1:
        return torch.full_like(claims, 1 / claims.shape[0])
    half = F.adaptive_avg_pool2d(claims[None], ((size[0] + 1) // 2, (size[1] + 1) // 2))[0]
    coarse = F.interpolate(_filled(half)[None], size, mode="bilinear", align_corners=False)[0]
    trust = (total / LEAST).clamp(0, 1)
    return trust * claims / total.clamp(min=1e-12) + (1 - trust) * coarse

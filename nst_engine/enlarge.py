"""A picture painted smaller than it is shown: enlarged with the content's own fine detail in place of a blur."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from nst_engine.pyramid import Size

DETAIL = 0.7
"""Share of the content's fine detail that is carried over."""

GRAIN = 0.02
"""Detail below this contrast is grain rather than drawing, and stays away."""


def enlarged(image: Tensor, content: Tensor, size: Size) -> Tensor:
    """The picture (1×3×h×w) in a larger ``size``.

    Bicubic enlargement knows nothing above the picture's own finest frequencies; there the lightness of the
    ``content`` (1×3×H×W of that size) still has its edges, and the painting's run along them.
    """
    small = F.interpolate(content, image.shape[2:], mode="bicubic", antialias=True, align_corners=False)
    lost = content - F.interpolate(small, size, mode="bicubic", align_corners=False)
    detail = F.softshrink(lost.mean(dim=1, keepdim=True), GRAIN)
    return F.interpolate(image, size, mode="bicubic", align_corners=False) + DETAIL * detail

"""Fixed judges: what they say of any picture, so that results from anywhere can be compared.

A judge never changes. Each looks at content, style and picture at one size (Lanczos, 8-bit values) through the
shipped VGG-19 in float32 with zero padding and max pooling; formulas stand in the README.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nst_engine import images, losses, networks
from nst_engine.errors import PictureError
from nst_engine.pyramid import Size
from nst_engine.recipes import RECIPES
from nst_engine.vgg import SMALLEST_SIDE, VGG19

NETWORK = "vgg19"


def score(
    content: images.Floats, style: images.Floats, picture: images.Floats, long_side: int
) -> dict[str, dict[str, float]]:
    """What each judge says of a picture; smaller is better.

    Pictures are H×W×4 float32. Content and picture are scaled so that the content's long side is ``long_side``
    (the picture to exactly the content's size), the style so that its own is, but it is never enlarged.
    Raises PictureError where a side would fall below 16 pixels.
    """
    size = Size(*content.shape[:2]).scaled_to(long_side)
    style_size = Size(*style.shape[:2])
    style_size = style_size.scaled_to(min(max(style_size), long_side))
    if min(*size, *style_size) < SMALLEST_SIDE:
        raise PictureError(f"At {long_side} px a side is below {SMALLEST_SIDE} pixels.", "Choose a larger --size.")
    vgg = VGG19(networks.load(NETWORK), torch.device("cpu"))
    recipe = RECIPES["gatys"]
    layers = {*recipe.content_layers, *recipe.style_layers}
    with torch.no_grad():
        of_content, of_style, of_picture = (
            vgg(_lanczos(pixels, target), layers)
            for pixels, target in ((content, size), (style, style_size), (picture, size))
        )
    return {"gatys": gatys(of_content, of_style, of_picture)}


def gatys(content: dict[str, Tensor], style: dict[str, Tensor], picture: dict[str, Tensor]) -> dict[str, float]:
    """The objective of the paper's released settings on features: MSE at relu4_2 + Σ 1e3/C² · MSE of FᵀF/n."""
    recipe = RECIPES["gatys"]
    content_loss = sum(
        weight * float(losses.content_loss(picture[layer], content[layer]))
        for layer, weight in recipe.content_layers.items()
    )
    by_layer = {
        layer: weight * float((losses.gram_matrix(picture[layer]) - losses.gram_matrix(style[layer])).square().mean())
        for layer, weight in recipe.style_layers.items()
    }
    style_loss = sum(by_layer.values())
    return {"total": content_loss + style_loss, "content": content_loss, "style": style_loss, **by_layer}


def _lanczos(pixels: images.Floats, size: Size) -> Tensor:
    """1×3×H×W in [0, 1] from H×W×4 at another size; alpha does not count."""
    image = Image.fromarray(images.to_bytes(pixels[..., :3]))
    resized = image.resize((size.width, size.height), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(resized).astype(np.float32) / 255).permute(2, 0, 1)[None]

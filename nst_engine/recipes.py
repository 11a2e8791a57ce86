"""Recipes: what is compared at which layers, how strongly, and by which optimizer the picture is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from nst_engine.errors import OptionError
from nst_engine.options import Options
from nst_engine.vgg import LAYERS

SHALLOW = "relu3_1"
"""Deepest layer of a cheap step, which costs a third of a full one and sharpens strokes."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The objective and the way to its minimum.

    ``content_layers`` and ``style_layers`` map layers to weights. ``statistic`` is 'gram' or 'moments'. With
    ``relative``, every layer's loss is divided by the target's own energy in that layer, so that one table of
    weights fits every network and size; without, features count in the network's own units. ``replicate`` pads
    the picture by its border pixels. ``shallow_steps`` allows cheap steps before full ones.
    """

    content_layers: Mapping[str, float]
    style_layers: Mapping[str, float]
    content_weight: float
    style_weight: float
    tv_weight: float
    statistic: str
    relative: bool
    replicate: bool
    optimizer: str
    learning_rate: float
    shallow_steps: bool
    init: str = "content"


STRENGTH_SPAN = 10.0
"""Factor on the content weight between strength 50 and strength 0, found by eye: at 0 every detail of the content
stays, at 100 only its layout."""

STYLE_CHANNELS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu5_1": 512}
"""The style layers of the paper and their numbers of feature maps (CVPR 2016, figure 1)."""

RECIPES: dict[str, Recipe] = {
    "painterly": Recipe(
        content_layers={"relu4_2": 1.0},
        style_layers=dict.fromkeys(STYLE_CHANNELS, 0.2),
        content_weight=2.0,
        style_weight=5.0,
        tv_weight=0.0,
        statistic="moments",
        relative=True,
        replicate=True,
        optimizer="adam",
        learning_rate=0.02,
        shallow_steps=True,
    ),
    # The settings released with the paper (leongatys/PytorchNeuralStyleTransfer): content 1, style 1e3/C².
    "gatys": Recipe(
        content_layers={"relu4_2": 1.0},
        style_layers={layer: 1e3 / channels**2 for layer, channels in STYLE_CHANNELS.items()},
        content_weight=1.0,
        style_weight=1.0,
        tv_weight=0.0,
        statistic="gram",
        relative=False,
        replicate=False,
        optimizer="lbfgs",
        learning_rate=0.02,
        shallow_steps=False,
    ),
}


def chosen(options: Options) -> Recipe:
    """The recipe that the options name, with what they override.

    Strength scales the content weight: 50 leaves the recipe's, 50 points less or more is STRENGTH_SPAN times more
    or less content.
    """
    recipe = RECIPES[options.recipe]
    given: dict[str, Any] = {
        name: value
        for name in ("content_weight", "style_weight", "tv_weight", "statistic", "optimizer", "init")
        if (value := getattr(options, name)) is not None
    }
    for name in ("content_layers", "style_layers"):
        if (text := getattr(options, name)) is not None:
            given[name] = parse_layers(name, text)
    recipe = dataclasses.replace(recipe, **given)
    strength = STRENGTH_SPAN ** ((50 - options.strength) / 50)
    return dataclasses.replace(recipe, content_weight=recipe.content_weight * strength)


def parse_layers(option: str, text: str) -> dict[str, float]:
    """'relu3_1:0.5,relu4_2' → {'relu3_1': 0.5, 'relu4_2': 1.0}; OptionError for anything else."""
    layers = {}
    for part in text.split(","):
        layer, colon, weight = part.strip().partition(":")
        try:
            layers[layer] = float(weight) if colon else 1.0
        except ValueError:
            layer = ""
        if layer not in LAYERS or not 0 <= layers[layer] < float("inf"):
            raise OptionError(
                f"Option '{option}' has the part '{part.strip()}'.",
                "Write layers from relu1_1 to relu5_4 with an optional weight, as in relu3_1:0.5,relu4_2.",
            )
    return layers

"""Recipes: what is compared at which layers, how strongly, and by which optimizer the picture is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from nst_engine.errors import OptionError
from nst_engine.network.layers import LAYERS
from nst_engine.options import Options, specs
from nst_engine.words import Words

STATISTICS = tuple(specs()["statistic"][1].choices)

HEAVIEST = 1e12
"""The largest weight of a layer, as of every other weight."""


FINISH_LAYERS = LAYERS[: LAYERS.index("relu3_1") + 1]
"""Layers that see no more than some twenty pixels."""


class StyleLayer(NamedTuple):
    """The weight of a layer's style loss and the statistic compared there, one of STATISTICS."""

    weight: float
    statistic: str


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The objective and the way to its minimum.

    ``normalize`` is 'energy' (every layer's loss is divided by the target's own energy in that layer, so that one
    table of weights fits every network and size), 'none' (features count in the network's own units, and a style
    layer's loss is divided by the number of its statistic's elements), or 'gradient' (like 'none', but each layer's
    gradient by its features is scaled to an L1 norm of the layer's weight). ``tv_norm`` is 'squared' or 'absolute',
    on pixels in [0, 1]; ``learning_rate`` has their unit. ``pooling`` is the network's own where None.
    ``style_border`` is the percentage of a style's sides that is left out all around.
    ``coarse_to_fine`` allows a pyramid of scales; ``iterations``, where given, are those of the finest scale at every
    quality. ``keep`` is 'last', 'best' or 'average'.
    """

    content_layers: Mapping[str, float]
    style_layers: Mapping[str, StyleLayer]
    content_weight: float
    style_weight: float
    normalize: str
    padding: str
    optimizer: str
    tv_weight: float = 0.0
    tv_norm: str = "squared"
    photo_weight: float = 0.0
    pooling: str | None = None
    style_border: float = 0.0
    learning_rate: float = 0.05
    coarse_to_fine: bool = True
    iterations: int | None = None
    keep: str = "last"
    init: str = "content"

    @property
    def layers(self) -> set[str]:
        """All layers that are compared."""
        return {*self.content_layers, *self.style_layers}

    @property
    def sampled_layers(self) -> list[str]:
        """The layers of which the style's features themselves are compared."""
        return [name for name, layer in self.style_layers.items() if layer.statistic == "neighbors"]

    @property
    def finish(self) -> Recipe | None:
        """What is compared where a painted picture gets its edges and grain: shallow style layers; None without any."""
        shallow = {name: layer for name, layer in self.style_layers.items() if name in FINISH_LAYERS}
        return dataclasses.replace(self, content_layers={}, style_layers=shallow) if shallow else None

    def at(self, is_finish: bool) -> Recipe:
        """What is compared at a scale that is painted, or only finished."""
        return (self.finish or self) if is_finish else self


STRENGTH_SPAN = 10.0
"""Factor on the content weight between strength 50 and strength 0, and over it at 100, found by eye: at 0 the content
has a touch of the style, at 100 only its layout stays."""

LEAST_SHARE = 0.5
"""The style's share of edges and grain at strength 0; about what a picture that is painted to the end has of it."""

STYLE_CHANNELS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu5_1": 512}
"""The style layers of the paper and their numbers of feature maps (CVPR 2016, figure 1)."""

STROKES = {"relu1_1": 0.31, "relu2_1": 0.31, "relu3_1": 0.3, "relu4_1": 0.08}
"""Shares of the style layers in ``painterly``. Deep layers know objects and copy them: with twice as much at relu4_1,
or a little at relu5_1, a portrait's eyes look out of the sky."""

RECIPES: dict[str, Recipe] = {
    "painterly": Recipe(
        content_layers={"relu4_2": 1.0},
        style_layers={layer: StyleLayer(share, "moments") for layer, share in STROKES.items()},
        content_weight=0.2,
        style_weight=5.0,
        tv_weight=4.0,  # keeps the lattice away that the network does not see, and lets the descent get further
        normalize="energy",
        padding="replicate-all",
        style_border=3.0,
        optimizer="lbfgs",
    ),
    # The settings released with the paper (leongatys/PytorchNeuralStyleTransfer): content 1, style 1e3/C².
    "gatys": Recipe(
        content_layers={"relu4_2": 1.0},
        style_layers={layer: StyleLayer(1e3 / channels**2, "gram") for layer, channels in STYLE_CHANNELS.items()},
        content_weight=1.0,
        style_weight=1.0,
        normalize="none",
        padding="zeros",
        optimizer="lbfgs",
    ),
    # The script iibrahimli/nst, whose pixels run from 0 to 255.
    "nst": Recipe(
        content_layers={"relu5_2": 1.0},
        style_layers=dict.fromkeys(STYLE_CHANNELS, StyleLayer(0.2, "gram")),
        content_weight=1e4,
        style_weight=1e-2,
        tv_weight=1e2 * 255**2,
        normalize="none",
        padding="zeros",
        pooling="max",
        optimizer="tensorflow-adam",
        learning_rate=5 / 255,
        coarse_to_fine=False,
        iterations=1000,
        keep="best",
    ),
    "neighbors": Recipe(
        content_layers={"relu4_2": 1.0},
        style_layers={layer: StyleLayer(1.0, "neighbors") for layer in ("relu1_1", "relu2_1", "relu3_1")},
        content_weight=0.5,
        style_weight=1.0,
        tv_weight=4.0,
        normalize="energy",
        padding="replicate-all",
        style_border=3.0,
        optimizer="lbfgs",
    ),
}

OVERRIDES = (
    "content_weight", "style_weight", "tv_weight", "tv_norm", "photo_weight", "normalize", "optimizer",
    "learning_rate", "keep", "pooling", "padding", "style_border", "init", "iterations",
)  # fmt: skip
"""Options that replace the recipe's field of the same name."""


def chosen(options: Options) -> Recipe:
    """The recipe that the options name, with what they override.

    Strength scales the content weight: 50 leaves the recipe's, 50 points less or more is STRENGTH_SPAN times more
    or less content. Above 50 it falls late: with half the weight a portrait's lips come into the picture of a bridge.
    Layers without weight are left out, so that nothing deeper than what counts is computed.
    Raises OptionError for layers that are none, and where nothing has any weight.
    """
    recipe = RECIPES[options.recipe]
    given: dict[str, Any] = {name: value for name in OVERRIDES if (value := getattr(options, name)) is not None}
    if options.content_layers is not None:
        given["content_layers"] = parse_content_layers(options.content_layers)
    if options.style_layers is not None:
        given["style_layers"] = parse_style_layers(options.style_layers, options.statistic or _statistic_of(recipe))
    elif options.statistic is not None:
        given["style_layers"] = {
            name: StyleLayer(layer.weight, options.statistic) for name, layer in recipe.style_layers.items()
        }
    recipe = _of_what_counts(dataclasses.replace(recipe, **given))
    fidelity = (50 - options.strength) / 50
    factor = STRENGTH_SPAN ** (fidelity if fidelity > 0 else fidelity**3)
    return dataclasses.replace(recipe, content_weight=recipe.content_weight * factor)


def style_share(options: Options) -> float:
    """How much of what a picture is finished with is the style's; the rest is the content's own edges and grain."""
    return min(1.0, LEAST_SHARE + (1 - LEAST_SHARE) * options.strength / 50)


def _of_what_counts(recipe: Recipe) -> Recipe:
    """The recipe without layers that have no weight."""
    content = {name: weight for name, weight in recipe.content_layers.items() if weight * recipe.content_weight > 0}
    style = {name: layer for name, layer in recipe.style_layers.items() if layer.weight * recipe.style_weight > 0}
    if not (content or style or recipe.tv_weight or recipe.photo_weight):
        raise OptionError("All weights are zero.", "Give the content, the style or the smoothness a weight.")
    return dataclasses.replace(recipe, content_layers=content, style_layers=style)


def parse_content_layers(text: str) -> dict[str, float]:
    """'relu3_1:0.5,relu4_2' → {'relu3_1': 0.5, 'relu4_2': 1.0}; OptionError for anything else."""
    layers = {}
    for part in text.split(","):
        name, weight, *rest = [*part.strip().split(":"), "1"]
        layers[name] = _weight(weight)
        if name not in LAYERS or layers[name] < 0 or len(rest) > 1:
            raise _refusal("content_layers", part, "relu3_1:0.5,relu4_2")
    return layers


def parse_style_layers(text: str, statistic: str) -> dict[str, StyleLayer]:
    """'relu1_1:0.5:gram,relu4_1' → weights and statistics, 1 and ``statistic`` where left out; or OptionError."""
    layers = {}
    for part in text.split(","):
        name, weight, kind, *rest = [*part.strip().split(":"), "", ""]
        layers[name] = StyleLayer(_weight(weight or "1"), kind or statistic)
        if name not in LAYERS or layers[name].weight < 0 or layers[name].statistic not in STATISTICS or len(rest) > 2:
            raise _refusal("style_layers", part, "relu1_1:0.2:gram,relu4_1")
    return layers


def _weight(text: str) -> float:
    """A weight from its text, below zero for what is none."""
    try:
        number = float(text)
    except ValueError:
        return -1.0
    return number if number <= HEAVIEST else -1.0


def _refusal(option: str, part: str, example: str) -> OptionError:
    return OptionError(
        Words("Option '{name}' has the part '{part}'.", name=option, part=part.strip()),
        Words(
            "Write layers from relu1_1 to relu5_4 as in {example}, with weights up to {heaviest:g}; "
            "statistics are {names}.",
            example=example,
            heaviest=HEAVIEST,
            names=", ".join(STATISTICS),
        ),
    )


def _statistic_of(recipe: Recipe) -> str:
    return next(iter(recipe.style_layers.values())).statistic

"""Any allowed setting and any picture: a finished picture of finite numbers, or a sentence before the work."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from benchmarks import sweep
from patterns import stripes

from nst_engine import options
from nst_engine.errors import NetworkError, OptionError, PictureError
from nst_engine.painting import Painter, Stylized
from nst_engine.pixels import Masks, StylePicture

CONTENT, STYLE = stripes(36, 48, 20, seed=1)[..., :3], stripes(40, 33, 7, seed=2)[..., :3]

HUGE = 1e12
"""The largest weight that may be asked for."""

SETTINGS = [
    {"recipe": "gatys", "style_weight": 1e6},
    {"recipe": "gatys", "style_weight": HUGE},
    {"recipe": "gatys", "style_weight": HUGE, "optimizer": "adam"},
    {"recipe": "gatys", "style_weight": HUGE, "optimizer": "tensorflow-adam"},
    {"recipe": "gatys", "content_weight": HUGE, "init": "noise", "strength": 0.0},
    {"recipe": "gatys", "normalize": "none", "statistic": "moments", "style_weight": HUGE},
    {"recipe": "gatys", "normalize": "gradient", "style_weight": HUGE},
    {"recipe": "gatys", "normalize": "gradient", "style_weight": 1e-30, "content_weight": 1e-30},
    {"recipe": "gatys", "style_layers": "relu1_1:1e12,relu5_4:1e-12", "style_weight": HUGE, "pooling": "l2"},
    {"recipe": "nst", "style_weight": HUGE, "iterations": 4},
    {"recipe": "nst", "tv_weight": HUGE, "iterations": 4, "learning_rate": 1.0},
    {"recipe": "nst", "tv_weight": HUGE, "optimizer": "lbfgs", "iterations": 4},
    {"recipe": "neighbors", "style_weight": HUGE},
    {"statistic": "neighbors", "normalize": "none", "style_weight": HUGE, "init": "noise"},
    {"statistic": "neighbors", "normalize": "gradient", "optimizer": "adam", "keep": "average"},
    {"normalize": "none", "style_weight": 1e11},
    {"normalize": "none", "style_weight": HUGE, "keep": "average"},
    {"normalize": "none", "style_weight": HUGE, "optimizer": "adam", "keep": "average"},
    {"normalize": "none", "statistic": "gram", "style_weight": HUGE, "photo_weight": HUGE},
    {"content_weight": 1e-30, "style_weight": 1e-30, "tv_weight": 0.0},
    {"content_weight": 1e-30, "style_weight": 1e-30, "tv_weight": 0.0, "optimizer": "adam"},
    {"content_weight": 1e-300, "style_weight": 1e-310, "tv_weight": 1e-320},
    {"content_weight": 0.0, "strength": 100.0, "learning_rate": 1.0, "optimizer": "adam"},
    {"style_weight": 0.0, "init": "noise"},
    {"style_weight": 0.0, "tv_weight": 0.0, "init": "style"},
    {"tv_weight": HUGE},
    {"tv_weight": HUGE, "tv_norm": "absolute", "init": "noise"},
    {"tv_weight": HUGE, "optimizer": "adam", "learning_rate": 1.0, "keep": "best"},
    {"content_weight": 0.0, "style_weight": 0.0, "tv_weight": 1.0},
    {"photo_weight": HUGE, "init": "noise"},
    {"photo_weight": HUGE, "optimizer": "adam", "init": "style"},
    {"content_weight": 0.0, "style_weight": 0.0, "tv_weight": 0.0, "photo_weight": 1e-30, "init": "noise"},
    {"content_weight": HUGE, "style_weight": 1e-12, "keep": "average", "init": "style"},
    {"normalize": "gradient", "tv_weight": HUGE, "photo_weight": 1e6, "pooling": "l2"},
    {"pooling": "l2", "init": "noise", "statistic": "gram"},
    {"learning_rate": 1e-6, "optimizer": "tensorflow-adam"},
    {"style_scale": 0.1, "size": 32},
    {"style_scale": 4.0, "strength": 0.0, "color": "content"},
]

BLACK, GRAY, WHITE = (np.full((36, 48, 3), value, np.float32) for value in (0.0, 0.5, 1.0))
TINY = CONTENT[:16, :16]
BEYOND = 1e30 * (CONTENT - 0.5)
ONE_PIXEL = np.zeros((36, 48, 1), np.float32)
ONE_PIXEL[20, 30] = 1
FAINT = np.full((36, 48, 1), 0.011, np.float32)
BARELY = np.dstack([CONTENT, 0.02 * ONE_PIXEL + 1e-30])

PICTURES: dict[str, dict[str, Any]] = {
    "black on black": {"content": BLACK, "styles": [BLACK]},
    "white in black": {"content": WHITE, "styles": [BLACK], "recipe": "gatys"},
    "gray": {"content": GRAY, "styles": [GRAY], "photo_weight": 1.0},
    "one color in stripes": {"content": GRAY, "styles": [STYLE], "color": "match"},
    "a style equal to the content": {"content": CONTENT, "styles": [CONTENT]},
    "the same by gatys and Adam": {"content": CONTENT, "styles": [CONTENT], "recipe": "gatys", "optimizer": "adam"},
    "16 by 16": {"content": TINY, "styles": [TINY], "init": "noise"},
    "16 by 16 by gatys": {"content": TINY, "styles": [TINY[::-1]], "recipe": "gatys"},
    "16 by 16 by neighbors": {"content": TINY, "styles": [TINY[::-1]], "statistic": "neighbors"},
    "black on black by neighbors": {"content": BLACK, "styles": [BLACK], "recipe": "neighbors"},
    "hardly there by neighbors": {"content": BARELY, "styles": [BARELY], "recipe": "neighbors"},
    "odd regions by neighbors": {
        "styles": [STYLE, CONTENT],
        "regions": [ONE_PIXEL, None],
        "weights": [1e-300, 1e300],
        "recipe": "neighbors",
    },
    "far beyond white": {"content": BEYOND, "styles": [BEYOND[::-1]]},
    "hardly there": {"content": BARELY, "styles": [BARELY]},
    "one pixel": {"masks": Masks(selection=ONE_PIXEL)},
    "all but one pixel": {"masks": Masks(protection=1 - ONE_PIXEL), "recipe": "gatys", "optimizer": "adam"},
    "a faint selection": {"masks": Masks(selection=FAINT), "statistic": "gram"},
    "a region of one pixel": {"styles": [STYLE, CONTENT], "regions": [ONE_PIXEL, None]},
    "regions of nothing": {"styles": [STYLE, CONTENT], "regions": [0 * ONE_PIXEL, 0 * FAINT]},
    "a style of weight 1e300": {"styles": [STYLE, CONTENT], "weights": [1e300, 1.7e308]},
    "a style of weight 1e-300": {"styles": [STYLE, CONTENT], "weights": [1e-300, 1e-305]},
    "regions of odd weights": {"styles": [STYLE, CONTENT], "regions": [ONE_PIXEL, None], "weights": [1e-300, 1e300]},
    "nothing to start from": {"init_picture": BLACK, "style_weight": HUGE, "recipe": "gatys"},
}


def painted(given: Mapping[str, Any], steps: list[dict[str, float]]) -> Stylized:
    """The picture of a case; what is no option in it are pictures and masks."""
    known = options.specs()
    chosen = {"iterations": 3, "device": "cpu", **{name: given[name] for name in given if name in known}}
    pictures = given.get("styles", [STYLE])
    weights, regions = (given.get(name, [default] * 9) for name, default in (("weights", 1.0), ("regions", None)))
    return Painter(options.from_mapping(chosen)).paint(
        given.get("content", CONTENT),
        [StylePicture(str(index), *style) for index, style in enumerate(zip(pictures, weights, regions))],  # noqa: B905
        given.get("masks", Masks()),
        given.get("init_picture"),
        on_step=lambda step: steps.append(step.losses()),
    )


def told(given: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in given.items())


CASES = [pytest.param(given, id=told(given)) for given in SETTINGS] + [
    pytest.param(given, id=name) for name, given in PICTURES.items()
]


@pytest.mark.parametrize("number_format", sweep.FORMATS, ids=str)
@pytest.mark.parametrize("given", CASES)
def test_the_picture_is_finite_and_no_worse_than_any_that_was_seen(given, number_format):
    steps: list[dict[str, float]] = []
    with sweep.watched(number_format):
        done = painted(given, steps)
    assert done.picture.shape == (*given.get("content", CONTENT).shape[:2], 4)
    assert np.isfinite(done.picture).all()
    assert all(math.isfinite(loss) for losses in steps for loss in losses.values())
    json.dumps(done.report, allow_nan=False)
    if not {"masks", "color", "size"} & given.keys() and len(done.picture) > 16:  # else it is not as it was painted
        assert sweep.judged(done.picture).is_fine


@pytest.mark.parametrize("number_format", sweep.FORMATS, ids=str)
@pytest.mark.parametrize("given", [given for given in SETTINGS if given.get("style_weight", 0) >= 1e6], ids=told)
def test_heavy_weights_do_not_keep_from_painting(given, number_format):
    """Each of these made the value or its squares leave float32's range."""
    steps: list[dict[str, float]] = []
    with sweep.watched(number_format):
        painted(given, steps)
    assert steps[-1]["total"] < 0.8 * steps[0]["total"]


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"content_weight": 0.0, "style_weight": 0.0, "tv_weight": 0.0}, OptionError, "All weights are zero."),
        ({"style_layers": "relu1_1:1e13"}, OptionError, "Option 'style_layers' has the part 'relu1_1:1e13'."),
        ({"content_layers": "relu4_2:inf"}, OptionError, "Option 'content_layers' has the part 'relu4_2:inf'."),
        ({"content": np.dstack([CONTENT, -CONTENT[..., :1]])}, PictureError, "The content is fully transparent."),
        ({"content": np.dstack([CONTENT, 1e-30 * CONTENT[..., :1]])}, PictureError, "Nothing of the content is left"),
        ({"content": CONTENT * np.inf}, PictureError, "The content has values that are not numbers."),
        ({"weights": [np.nan]}, PictureError, "The weight of a style is nan."),
    ],
)
def test_what_cannot_be_painted_is_told_before_the_work(given, error, sentence):
    steps: list[dict[str, float]] = []
    with pytest.raises(error, match=re.escape(sentence)) as caught:
        painted(given, steps)
    assert caught.value.remedy
    assert not steps


def test_where_nothing_is_a_number_from_the_start_it_is_told():
    painter = Painter(options.from_mapping({"device": "cpu"}))
    for convolution in painter.vgg.convolutions.values():
        convolution.kernel *= 1e10
    with pytest.raises(NetworkError, match="The network 'vgg19' .* not finite") as caught:
        painter.paint(CONTENT, [StylePicture("stripes", STYLE)])
    assert caught.value.remedy

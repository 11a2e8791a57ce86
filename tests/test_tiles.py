"""A picture evaluated tile by tile has exactly the value and gradient that it has in one piece."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from patterns import stripes

from nst_engine.network import library
from nst_engine.network.layers import LAYERS
from nst_engine.network.vgg import VGG19
from nst_engine.objective import Constraints, Objective, Region
from nst_engine.options import Options
from nst_engine.painting import Painter, Stylized
from nst_engine.pixels import Masks, Size, StylePicture
from nst_engine.progress import Step
from nst_engine.recipes import chosen
from nst_engine.style_statistics import statistics_of
from nst_engine.tiles import tiles

HEIGHT, WIDTH = 47, 150


def image(seed: int, height: int = HEIGHT, width: int = WIDTH) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)).double()


def mask(seed: int) -> torch.Tensor:
    return image(seed)[0, 0]


@cache
def precise_vgg(padding: str) -> VGG19:
    return VGG19(library.load("vgg19"), torch.device("cpu"), padding, dtype=torch.float64)


OPTIONS = {
    "painterly": Options(),
    "gatys": Options(recipe="gatys"),
    "nst": Options(recipe="nst"),
    "neighbors": Options(recipe="neighbors"),
    "neighbors among others": Options(style_layers="relu1_1:1:neighbors,relu2_1,relu4_1:1:neighbors"),
    "neighbors with normalized gradients": Options(recipe="neighbors", normalize="gradient"),
    "photo term, absolute variation": Options(photo_weight=3.0, tv_weight=2.0, tv_norm="absolute"),
    "normalized gradients": Options(recipe="gatys", normalize="gradient", content_layers="relu2_1,relu4_2"),
    "shallow layers alone": Options(
        style_layers="relu1_1,relu3_1:0.5:gram", content_layers="relu3_1", content_weight=0
    ),
    "the deepest layers": Options(style_layers="relu5_4", content_layers="relu5_3"),
}

MASKED = "masks everywhere"
MASKINGS = {
    "plain": (Constraints(), (None,)),
    MASKED: (Constraints(mask(11), mask(12), mask(13)), (mask(14), mask(15))),
}


@pytest.mark.parametrize(
    ("options", "masking"),
    [
        *((options, "plain") for options in OPTIONS),
        *((options, MASKED) for options in ("painterly", "gatys", "neighbors")),
    ],
)
def test_tiles_give_the_same_value_and_gradient_as_the_whole(options, masking):
    recipe = chosen(OPTIONS[options])
    vgg = precise_vgg(recipe.padding)
    limits, masks = MASKINGS[masking]
    regions = [
        Region(statistics_of(vgg, image(seed, 48, 64), None, recipe.style_layers, recipe.sampled_layers), region)
        for seed, region in enumerate(masks, start=20)
    ]
    side = 16 if "shallow" in options else 48
    helpers = [vgg] if options != "gatys" else 9 * [vgg]  # one tile for each keeps its features
    whole, whole_by_several, in_tiles, shared = (
        Objective(vgg, recipe, image(1), regions, limits, side, helpers=helpers)
        for side, helpers in ((None, []), (None, helpers), (side, []), (side, helpers))
    )
    (value, gradient), (tiled, by_tiles) = (each.value_and_gradient(image(0)) for each in (whole, in_tiles))
    assert len(whole.tiles) == 1 < len(in_tiles.tiles) < 10
    assert tiled.as_numbers() == pytest.approx(value.as_numbers(), rel=1e-9)
    assert (by_tiles - gradient).abs().max() <= 1e-9 * gradient.abs().max()
    assert in_tiles.value(image(0)).as_numbers() == pytest.approx(value.as_numbers(), rel=1e-9)
    losses, by_several = shared.value_and_gradient(image(0))  # the same tiles on several devices: the same numbers
    assert losses.as_numbers() == tiled.as_numbers()
    assert torch.equal(by_several, by_tiles)
    assert (
        len(Objective(vgg, recipe, image(1), regions, limits, None, helpers=helpers).lanes) == 1
    )  # no more than tiles


@pytest.mark.parametrize("size", [Size(16, 16), Size(47, 333), Size(79, 150), Size(33, 40), Size(1000, 31)])
@pytest.mark.parametrize("side", [None, 16, 64, 100])
def test_every_position_of_every_layer_belongs_to_one_tile(size, side):
    for layer in LAYERS:
        owners = torch.zeros(size.height // 2 ** (int(layer[4]) - 1), size.width // 2 ** (int(layer[4]) - 1))
        for tile in tiles(size, side, LAYERS):
            assert tile.owned_at(layer).size.pixels > 0
            tile.owned_at(layer).of(owners).add_(1)
        assert (owners == 1).all()


@pytest.fixture
def in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with so little memory that pictures are painted in small tiles."""
    monkeypatch.setattr("nst_engine.tiles.SIDES", (None, 32))
    monkeypatch.setattr("nst_engine.forecast.fitting_tiles", lambda job, size, free: iter([32]))


def painted(content, style, on_step=lambda step: None, should_stop=lambda: False) -> Stylized:
    options = Options(style_layers="relu1_1,relu2_1", content_layers="relu2_2", quality="draft")
    return Painter(options).paint(content, [StylePicture("style", style)], on_step=on_step, should_stop=should_stop)


def test_a_picture_painted_in_tiles_is_the_one_painted_whole(content, style, monkeypatch, request):
    monkeypatch.setattr("nst_engine.device.fastest_format", lambda device: torch.float32)
    whole = painted(content, style)
    request.getfixturevalue("in_tiles")
    tiled = painted(content, style)
    for step in range(2):
        values = [done.report["history"][step]["total"] for done in (whole, tiled)]
        assert values[1] == pytest.approx(values[0], rel=1e-4)  # later ones go apart as rounding does
    assert abs(tiled.picture - whole.picture).mean() < 4 / 255  # as far as two numbers of threads lead apart


SHARED = {
    "a style": ({}, False, torch.float32),
    "a style in half precision": ({}, False, torch.bfloat16),
    "parts, and what is protected": ({"normalize": "gradient"}, True, torch.float32),
    "similar places in parts": ({"recipe": "neighbors"}, True, torch.float32),
}


@pytest.mark.parametrize("name", SHARED)
def test_a_picture_painted_on_two_devices_is_the_one_painted_on_one(content, style, monkeypatch, name):
    options, is_parted, precision = SHARED[name]
    monkeypatch.setattr("nst_engine.tiles.SHARED_PIXELS", 0)
    monkeypatch.setattr("nst_engine.tiles.sides_by_work", lambda *arguments: [32])
    monkeypatch.setattr("nst_engine.device.fastest_format", lambda device: precision)
    left = np.zeros((48, 64, 1), np.float32)
    left[:, :28], left[:, 28:36] = 1, 0.5
    styles, masks = [StylePicture("style", style)], Masks()
    if is_parted:
        styles = [StylePicture("left", style, region=left), StylePicture("rest", style[::-1], 2.0)]
        masks = Masks(protection=left[::-1] * 0.7, selection=1 - left / 3)
    done = [
        Painter(Options(device=device, quality="draft", iterations=2, **options)).paint(content, styles, masks)
        for device in ("cpu", "cpu,cpu")
    ]
    assert (done[0].picture == done[1].picture).all()
    assert done[1].report["device"].count("cpu: ") == 2


def test_a_step_in_tiles_tells_how_far_it_is_and_stops_in_the_middle(content, style, in_tiles):
    heard: list[float] = []
    counted: list[int] = []

    def hear(step: Step) -> None:
        heard.append(step.fraction)
        counted.append(step.steps)

    done = painted(content, style, hear)
    assert heard == sorted(heard)
    assert len(heard) > 4 * len(done.report["history"])
    assert list(dict.fromkeys(counted)) == list(range(len(done.report["history"]) + 1))
    calls = iter(range(100))
    stopped = painted(content, style, should_stop=lambda: next(calls) == 20)
    assert stopped.picture.shape == content.shape
    assert len(stopped.report["history"]) < len(done.report["history"])
    assert abs(stopped.picture - content).max() > 0.05


@pytest.mark.parametrize("pass_", ["forward", "backward"])
def test_what_is_raised_between_the_layers_of_a_large_picture_ends_the_work(pass_):
    vgg, heard = precise_vgg("zeros"), []

    def hear() -> None:
        heard.append(pass_)
        if len(heard) == (2 if pass_ == "forward" else 5):
            raise KeyError("enough")

    large, small = image(1, 257, 257).requires_grad_(), image(1)
    with vgg.heard(hear), pytest.raises(KeyError, match="enough"):
        vgg(small, ["relu2_1"])
        assert not heard
        vgg(large, ["relu2_1"])["relu2_1"].sum().backward()
    vgg(large, ["relu1_1"])
    assert len(heard) < 6


def test_a_step_in_one_piece_tells_how_far_it_is_and_stops_in_the_middle(content, style, monkeypatch):
    monkeypatch.setattr("nst_engine.network.vgg.SLOW_PIXELS", 0)
    monkeypatch.setattr("nst_engine.progress.SILENCE", -1)
    heard: list[float] = []
    done = painted(content, style, lambda step: heard.append(step.fraction))
    assert heard == sorted(heard)
    assert len(heard) > 4 * len(done.report["history"])
    stopped = painted(content, style, should_stop=lambda: len(heard) >= 20, on_step=lambda step: heard.append(0.0))
    assert len(stopped.report["history"]) == 0


@pytest.mark.parametrize("keep", ["last", "average"])
def test_a_picture_is_not_said_to_be_done_before_it_is(content, style, in_tiles, keep):
    """After the last step's gradient comes one more look, which takes a third as long."""
    heard: list[float] = []
    options = Options(style_layers="relu1_1", content_layers="relu2_2", iterations=3, keep=keep)
    Painter(options).paint(content, [StylePicture("s", style)], on_step=lambda step: heard.append(step.fraction))
    assert heard == sorted(heard)
    assert sum(fraction > 0.99 for fraction in heard) == 2  # the last tile, and the step
    assert heard[-1] == pytest.approx(1)


def test_a_stop_before_a_scale_has_its_first_value_shows_what_was_seen_before_it(in_tiles):
    """A finer scale begins with an enlarged picture and some detail, of which nobody knows yet how good it is."""
    content, style = stripes(96, 128, 9, seed=1), stripes(96, 96, 7, seed=2)
    texts: list[str] = []
    stopped, coarse = (
        Painter(Options(quality="draft", size=size)).paint(
            content,
            [StylePicture("style", style)],
            on_step=lambda step: texts.append(step.text),
            should_stop=lambda: texts[-1].startswith("128 px, step 1 ") if texts else False,
        )
        for size in (128, 64)
    )
    assert sum(text.startswith("128 px") for text in texts) == 1
    assert np.array_equal(stopped.picture, coarse.picture)


@pytest.mark.parametrize("keep", ["last", "average"])
def test_a_picture_is_looked_at_in_peace_when_it_is_to_be_shown(content, style, in_tiles, keep):
    """An average is looked at in tiles whenever it is shown: that is no step, and no place to stop again."""
    heard: list[float] = []

    def show(step: Step) -> None:
        heard.append(step.fraction)
        assert step.preview().any()

    options = Options(style_layers="relu1_1", content_layers="relu2_2", optimizer="adam", keep=keep, iterations=3)
    done = Painter(options).paint(
        content, [StylePicture("style", style)], on_step=show, should_stop=lambda: len(heard) >= 8
    )
    assert len(heard) == 8
    assert np.isfinite(done.picture).all()


def comb(difference: np.ndarray, pitch: int) -> float:
    """How much of a difference of pictures repeats with this pitch: its profiles' power there over that elsewhere."""
    ratios = []
    for axis in (0, 1):
        profile = np.abs(np.diff(difference, axis=axis)).mean(axis=(1 - axis, 2))
        power = np.abs(np.fft.rfft(profile))[1:] ** 2
        at_pitch = np.arange(1, len(power) + 1) % (difference.shape[axis] // pitch) == 0
        ratios.append(power[at_pitch].mean() / power[~at_pitch].mean())
    return float(max(ratios))


def test_no_seam_can_be_seen_or_measured(monkeypatch):
    monkeypatch.setattr("nst_engine.device.fastest_format", lambda device: torch.float32)
    content, style = stripes(512, 512, 90, seed=3), stripes(256, 256, 11, seed=4)
    options = Options(style_layers="relu1_1,relu2_1", content_layers="relu2_2", size=512, iterations=2)
    pictures = []
    for side in (None, 128):
        monkeypatch.setattr("nst_engine.tiles.SIDES", (side,))
        pictures.append(Painter(options).paint(content, [StylePicture("s", style)]).picture[..., :3])
    difference = pictures[1] - pictures[0]
    assert np.abs(difference).mean() < 1 / 255
    assert comb(difference, 128) < 2
    for left in (128, 384):
        difference[:, left : left + 128] += 0.02 / 255  # which nobody could see
    assert comb(difference, 128) > 4


class Greedy(Objective):
    """One that asks for more memory than there is at the third step of a picture in few tiles."""

    evaluations = 0

    def value_and_gradient(self, image):
        Greedy.evaluations += max(self.size) == 128
        if Greedy.evaluations == 3 and len(self.tiles) < 5:
            torch.empty(2**60)
        return super().value_and_gradient(image)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("sides", [(None, 64, 32), (None,)], ids=["smaller tiles", "no pairs"])
def test_what_runs_out_of_memory_goes_on_from_there_with_less_and_says_so(monkeypatch, optimizer, sides):
    monkeypatch.setattr("nst_engine.tiles.SIDES", sides)
    monkeypatch.setattr("nst_engine.making.Objective", Greedy)
    monkeypatch.setattr(Greedy, "evaluations", 0)
    content, style = stripes(96, 128, 9, seed=1), stripes(96, 96, 7, seed=2)
    options = Options(style_layers="relu1_1", content_layers="relu2_2", iterations=5, optimizer=optimizer)
    texts: list[str] = []
    done = Painter(options).paint(content, [StylePicture("s", style)], on_step=lambda step: texts.append(step.text))
    finest = [entry for entry in done.report["history"] if entry["scale"] == 128]
    assert [entry["iteration"] for entry in finest] == [1, 2, 3, 4, 5]
    assert "128 px, step 2 of 5" in texts
    assert texts[-1] == "128 px, step 5 of 5, with less memory, for it ran short"
    assert done.warnings == ["Memory ran short: some steps were made with less of it."]
    assert finest[2]["total"] <= 1.001 * finest[1]["total"]


class Insatiable(Objective):
    """One for which there is never enough memory at the finest scale, once so many steps are made there."""

    steps = 0

    def value_and_gradient(self, image):
        Insatiable.steps -= max(self.size) == 128
        return super().value_and_gradient(torch.empty(2**60) if Insatiable.steps < 0 else image)

    def value(self, image):
        return super().value(torch.empty(2**60) if Insatiable.steps < 0 else image)


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("keep", ["last", "average"])
def test_what_has_too_little_memory_even_for_the_smallest_tiles_ends_with_what_is_painted(monkeypatch, keep, steps):
    monkeypatch.setattr("nst_engine.making.Objective", Insatiable)
    monkeypatch.setattr(Insatiable, "steps", steps)
    content, style = stripes(96, 128, 9, seed=1), stripes(96, 96, 7, seed=2)
    options = Options(style_layers="relu1_1", content_layers="relu2_2", iterations=5, keep=keep)
    done = Painter(options).paint(content, [StylePicture("s", style)])
    assert done.warnings == ["Memory ran out at 128 px: the picture is as it was then."]
    assert sum(entry["scale"] == 128 for entry in done.report["history"]) == steps
    assert done.report["size"] == ({"height": 96, "width": 128} if steps else {"height": 48, "width": 64})
    assert abs(done.picture - content)[..., :3].mean() > 0.02

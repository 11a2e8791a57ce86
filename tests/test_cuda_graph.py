"""Recording an evaluation, and keeping the host close to the card: what can be seen of both without one.

``python -m tests.benchmarks.gpu`` looks at a real card.
"""

from __future__ import annotations

import logging

import pytest
import torch
from bowls import COARSE, Bowl, noise
from made_up_card import Card, OnCard
from torch import Tensor

from nst_engine import cuda_graph
from nst_engine.cuda_graph import FEWEST_STEPS, Captured, captured
from nst_engine.device import STEPS_AHEAD, Pace
from nst_engine.losses import Losses
from nst_engine.network import library
from nst_engine.network.vgg import VGG19
from nst_engine.objective import Objective, Region
from nst_engine.optimize import LBFGS, Adam
from nst_engine.recipes import RECIPES
from nst_engine.style_statistics import statistics_of

GOAL, START, OTHER = ((0.1 * noise(COARSE, seed) + 0.5).clamp(0, 1) for seed in (1, 2, 3))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made_up = Card()
    for call in ("Stream", "current_stream", "stream", "CUDAGraph", "graph", "Event"):
        monkeypatch.setattr(torch.cuda, call, getattr(made_up, call))
    return made_up


class Watched(Bowl):
    """A bowl that notes on which stream it is evaluated."""

    def __init__(self, card: Card) -> None:
        super().__init__(GOAL)
        self.card = card

    def value_and_gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
        self.card.story.append(f"evaluated on {self.card.stream_at_work}")
        return super().value_and_gradient(image)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recorded_objective_says_what_the_objective_says(card: Card, name: str) -> None:
    recipe, vgg = RECIPES[name], VGG19(library.load("vgg19"), torch.device("cpu"))
    content, style, *pictures = (noise(COARSE, seed).clamp(0, 1) for seed in range(5))
    region = Region(statistics_of(vgg, style, None, recipe.style_layers, recipe.sampled_layers))
    objective = Objective(vgg, recipe, content, [region])
    recorded = Captured(objective, content)
    for picture in pictures:
        (losses, gradient), (expected, slope) = (f.value_and_gradient(picture) for f in (recorded, objective))
        assert losses.as_numbers() == expected.as_numbers() == recorded.value(picture).as_numbers()
        assert torch.equal(gradient, slope)


def test_what_was_answered_stays_when_something_else_is_asked(card: Card) -> None:
    recorded, bowl = Captured(Bowl(GOAL), START), Bowl(GOAL)
    losses, gradient = recorded.value_and_gradient(START)
    recorded.value_and_gradient(OTHER)
    assert losses.as_numbers() == bowl.value(START).as_numbers()
    assert torch.equal(gradient, bowl.value_and_gradient(START)[1])


@pytest.mark.parametrize("descent", [LBFGS, lambda: Adam(0.01)], ids=["lbfgs", "adam"])
def test_a_recorded_descent_goes_the_same_way(card: Card, descent) -> None:
    there, here = (list(descent().steps(f, START, 8)) for f in (Captured(Bowl(GOAL), START), Bowl(GOAL)))
    assert all(torch.equal(one.image, other.image) for one, other in zip(there, here, strict=True))


def test_the_picture_to_start_from_is_left_alone(card: Card) -> None:
    before = START.clone()
    Captured(Bowl(GOAL), START).value(OTHER)
    assert torch.equal(START, before)


def test_libraries_choose_their_ways_aside_before_anything_is_recorded(card: Card) -> None:
    Captured(Watched(card), START)
    assert card.story == [
        "a stream aside waits for the usual stream",
        *["evaluated on a stream aside"] * 2,
        "the usual stream waits for a stream aside",
        "recording begins",
        "evaluated on the usual stream",
    ]


def test_only_where_it_pays_is_anything_recorded(card: Card) -> None:
    function = Watched(card)
    assert captured(function, START, FEWEST_STEPS) is function
    assert captured(function, START.as_subclass(OnCard), FEWEST_STEPS - 1) is function
    assert card.story == []
    assert isinstance(captured(function, START.as_subclass(OnCard), FEWEST_STEPS), Captured)


def test_a_card_that_records_nothing_works_without(card: Card, caplog: pytest.LogCaptureFixture) -> None:
    card.records = False
    function = Bowl(GOAL)
    with caplog.at_level(logging.WARNING, cuda_graph.log.name):
        assert captured(function, START.as_subclass(OnCard), FEWEST_STEPS) is function
    assert "This device records no graphs" in caplog.text


def test_the_host_waits_for_the_step_that_was_queued_before_the_last_ones(card: Card) -> None:
    pace = Pace(torch.device("cuda"))
    for number in range(1, 6):
        card.story.clear()
        pace.step()
        waited = [f"waited for step {number - STEPS_AHEAD}"] if number > STEPS_AHEAD else []
        assert card.story == [f"step {number} is queued", *waited]


def test_on_the_processor_there_is_nothing_to_wait_for(card: Card) -> None:
    Pace(torch.device("cpu")).step()
    assert card.story == []

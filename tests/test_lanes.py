"""Several devices for one picture: what they are called, and how they share the work."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

from nst_engine import Options, options, tiles
from nst_engine import device as devices
from nst_engine.errors import DeviceError, OptionError
from nst_engine.lanes import Lanes
from nst_engine.network.layers import LAYERS
from nst_engine.pixels import Size

LARGE = Size(1000, 1500)
NETWORKS: list[Any] = ["first", "second"]


def test_devices_work_at_the_same_time_and_what_they_find_comes_in_order() -> None:
    both = threading.Barrier(2, timeout=60)

    def together(network: str, part: int) -> tuple[str, int]:
        both.wait()  # which one alone would never get beyond
        return network, part

    found = [*Lanes(NETWORKS).map(together, range(4))]
    assert found == [("first", 0), ("second", 1), ("first", 2), ("second", 3)]


def test_one_device_works_in_the_thread_that_asks_and_only_when_asked() -> None:
    begun: list[int] = []
    found = Lanes(NETWORKS[:1]).map(lambda network, part: begun.append(part) or threading.current_thread(), range(3))
    assert next(found) is threading.current_thread()
    assert begun == [0]


def test_what_fails_on_one_device_fails_where_it_is_asked_for() -> None:
    found = Lanes(NETWORKS).map(lambda network, part: 1 / part, [1, 0, 2])
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)


@pytest.mark.parametrize("with_gradients", [True, False])
def test_every_device_computes_with_gradients_where_they_are_wanted(with_gradients) -> None:
    with torch.set_grad_enabled(with_gradients):
        found = [*Lanes(NETWORKS).map(lambda network, part: torch.is_grad_enabled(), range(2))]
    assert found == [with_gradients] * 2


@pytest.fixture
def cards(monkeypatch) -> None:
    """A machine with two cards of one kind and an older one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda card: "Old" if card.index == 1 else "New")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("auto", ["cuda:0", "cuda:2"]),
        ("cuda", ["cuda:0", "cuda:2"]),
        ("cuda:1", ["cuda:1"]),
        ("cuda:2,cuda:1", ["cuda:2", "cuda:1"]),
        ("cuda,cuda:0,cuda:0", ["cuda:0", "cuda:2"]),
        ("cpu", ["cpu"]),
    ],
)
def test_cards_go_by_number_and_their_kind_means_all_that_are_alike(cards, wanted, found) -> None:
    assert options.from_mapping({"device": wanted}).device == wanted
    assert devices.named(wanted) == [torch.device(name) for name in found]


def test_a_card_that_is_not_there_is_refused_with_those_that_are(cards) -> None:
    with pytest.raises(DeviceError, match="no device 'cuda:3'.*auto, cuda, cuda:0, cuda:1, cuda:2, cpu"):
        devices.named("cuda:0,cuda:3")
    with pytest.raises(DeviceError, match="several kinds"):
        devices.named("cpu,cuda:0")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cpu,", "cuda:0;cuda:1", "auto,cpu", "cuda:0\n"])
def test_what_is_no_name_of_a_device_is_refused(name) -> None:
    with pytest.raises(OptionError, match="cuda:0,cuda:1"):
        options.from_mapping({"device": name})


def test_devices_share_a_large_picture_where_that_is_less_work_for_each() -> None:
    for count in (1, 2, 4):
        side = tiles.side_within(LARGE, LARGE.pixels, LAYERS[:10], count)
        assert len(tiles.tiles(LARGE, side, LAYERS[:10])) >= count
        assert tiles.toll(LARGE, side, LAYERS[:10], count).work <= 1.3 / count
    assert tiles.side_within(Size(512, 384), LARGE.pixels, LAYERS, 4) is None


def test_the_default_is_one_device_where_there_is_one() -> None:
    assert len(devices.choose(Options(device="cpu").device)) == 1

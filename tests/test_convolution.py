"""Fast convolutions against plain ones in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from nst_engine import device
from nst_engine.network import winograd
from nst_engine.network.convolution import WINOGRAD_CHANNELS, Convolution
from nst_engine.network.winograd import Winograd


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [(16, 12), (13, 18), (7, 5), (1, 2)], ids=str)
@pytest.mark.parametrize("channels", [(5, 5), (3, 8), (8, 3)], ids=str)
def test_winograd_is_the_plain_convolution(size, channels):
    x, kernel = normal(1, channels[0], *size), normal(channels[1], channels[0], 3, 3, seed=1)
    expected = F.conv2d(x, kernel, padding=1)
    found = Winograd(kernel)(channels_last(x))
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(found, expected, atol=1e-12)
    single = Winograd(kernel.float())(channels_last(x.float()))
    assert float((single - expected).norm()) < 1e-5 * float(expected.norm())


def test_tall_pictures_are_worked_through_in_bands_and_strips(monkeypatch):
    x, kernel = normal(1, 4, 50, 9), normal(4, 4, 3, 3, seed=1)
    whole = Winograd(kernel)(channels_last(x))
    monkeypatch.setattr(winograd, "BAND", 36 * 3 * 4 * 5)
    monkeypatch.setattr(winograd, "STRIP", 36 * 3 * 4 * 2)
    assert torch.allclose(Winograd(kernel)(channels_last(x)), whole, atol=1e-12)
    assert torch.allclose(whole, F.conv2d(x, kernel, padding=1), atol=1e-12)


@pytest.mark.parametrize(
    ("channels", "padding"),
    [(3, 0), (3, 1), (WINOGRAD_CHANNELS, 0), (WINOGRAD_CHANNELS, 1)],
    ids=["padded", "direct", "padded winograd", "winograd"],
)
def test_output_and_gradient_are_those_of_convolution_and_relu(channels, padding):
    x, kernel, bias = normal(1, channels, 17, 19), normal(channels, channels, 3, 3, seed=1), normal(channels, seed=2)
    ours, theirs = channels_last(x).requires_grad_(), x.clone().requires_grad_()
    y, expected = Convolution(kernel, bias)(ours, padding), F.conv2d(theirs, kernel, bias, padding=padding).relu()
    assert torch.allclose(y, expected, atol=1e-9)
    for output in (y, expected):
        (output * normal(*expected.shape, seed=3)).sum().backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-9)


@pytest.mark.parametrize(
    ("lasting", "best"), [([0.04, 0.002, 0.004, 0.002, 0.004], 0.002), ([0.2, 0.1], 0.1)], ids=["quick", "slow"]
)
def test_a_number_format_is_judged_by_the_best_of_several_runs(lasting, best):
    moments = iter([moment for seconds in lasting for moment in (0.0, seconds)])
    assert device.convolution_seconds(torch.device("cpu"), torch.float32, lambda: next(moments)) == best
    assert next(moments, None) is None


def test_the_fastest_number_format_stays_the_same_in_a_process(monkeypatch):
    cpu = torch.device("cpu")
    first = device.fastest_format(cpu)
    monkeypatch.setattr(device, "convolution_seconds", lambda device, dtype: 0.0 if dtype != first else 1.0)
    assert device.fastest_format(cpu) == first


@pytest.mark.parametrize(
    ("single", "half", "quickest"),
    [([4], [1], torch.bfloat16), ([4], [100], torch.float32), ([4, 4, 4, 4], [9, 9, 2, 9], torch.bfloat16)],
    ids=["clearly", "clearly not", "at last"],
)
def test_a_burst_of_another_program_does_not_choose_the_number_format(monkeypatch, single, half, quickest):
    """Seconds of the turns that the formats take."""
    turns = {torch.float32: iter(single), torch.bfloat16: iter(half)}
    monkeypatch.setattr(device, "convolution_seconds", lambda _, dtype: next(turns[dtype]))
    assert device.fastest_format.__wrapped__(torch.device("cpu")) == quickest

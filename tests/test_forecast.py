"""What a job takes of memory, known before; and what is said when it is too much, before or during the work."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nst_engine import forecast, memory, pyramid, recipes
from nst_engine.errors import OutOfMemory
from nst_engine.forecast import Free, Job, Need
from nst_engine.network import library
from nst_engine.network.vgg import VGG19
from nst_engine.options import Options
from nst_engine.painting import Painter
from nst_engine.pixels import Size, StylePicture
from nst_engine.pyramid import Scale

LARGE = Size(4000, 6000)
GB = 10**9


@pytest.fixture(scope="module")
def vgg() -> VGG19:
    return VGG19(library.load("vgg19"), torch.device("cpu"), dtype=torch.bfloat16)


@pytest.fixture
def job(vgg):
    def made(content: Size = LARGE, styles: tuple[Size, ...] = (LARGE,), **options) -> Job:
        chosen = Options(**options)
        return Job(content, styles, 1, chosen, recipes.chosen(chosen), vgg)

    return made


def scales(job: Job, size: Size) -> list[Scale]:
    return pyramid.schedule(size, job.options, job.recipe, job.vgg.dtype)


def need(job: Job, size: Size, tile_side: int | None = None) -> Need:
    return forecast.need(job, scales(job, size), tile_side)


def test_all_that_is_held_counts(job):
    plain = need(job(), Size(340, 512))
    assert need(job(content=Size(8000, 12000)), Size(340, 512)).result > plain.result + GB
    assert need(job(styles=(LARGE,) * 5), Size(340, 512)).painting > plain.painting + 20e6
    assert need(job(style_scale=4.0), Size(340, 512)).painting > plain.painting + 200e6
    assert need(job(), Size(680, 1024), 256).painting < 0.7 * need(job(), Size(680, 1024)).painting
    assert need(job(optimizer="adam"), Size(340, 512)).painting < plain.painting
    assert need(job()._replace(is_held=True), Size(340, 512)).painting > plain.painting + 4e6
    assert need(job(keep="average"), Size(340, 512)).painting > plain.painting + 2e6
    assert need(job(photo_weight=1.0), Size(340, 512)).painting > plain.painting
    assert need(job()._replace(regions=2), Size(340, 512)).painting > plain.painting + 80e6
    assert need(job(style_layers="relu1_1", content_layers="relu2_1"), Size(340, 512)) < plain


def test_what_is_compared_counts_more_where_it_is_shallow_and_all_else_where_it_is_deep(job):
    """Features at relu1_1 are 256 bytes a pixel, with derivatives and targets as many again each; at relu5_1 next to
    none."""
    jobs = (job(style_layers=layer, content_layers=layer) for layer in ("relu1_1", "relu5_1"))
    shallow, deep = (need(each, Size(680, 1024)).painting for each in jobs)
    assert shallow > deep + 200e6
    assert deep < need(job(), Size(680, 1024)).painting - 500e6


def test_kernels_that_are_made_count_no_more(content, style, monkeypatch):
    monkeypatch.setattr("nst_engine.device.fastest_format", lambda device: torch.float32)
    painter = Painter(Options(quality="draft", iterations=1))
    job = Job(Size(48, 64), [Size(56, 56)], 1, painter.options, painter.recipe, painter.vgg)
    before = need(job, Size(48, 64)).painting
    painter.paint(content, [StylePicture("s", style)])
    assert need(job, Size(48, 64)).painting < before - 20e6


@pytest.mark.parametrize("free", [Free(2 * GB, 2 * GB), Free(2 * GB, 50 * GB)])
def test_the_size_that_is_said_to_fit_fits_and_the_next_does_not(job, free):
    side = forecast.fitting_long_side(job(), free)
    assert forecast.fits(job(), scales(job(), LARGE.scaled_to(side)), free)
    assert not forecast.fits(job(), scales(job(), LARGE.scaled_to(side + 8)), free)


def test_a_refusal_says_what_fits_or_that_nothing_does(job):
    refused = forecast.refusal(job(), LARGE, Free(2 * GB, 2 * GB))
    assert refused.message.startswith("Painting at 6000 px needs about 3.")
    assert refused.message.endswith("2.0 GB are free.")
    assert refused.remedy == f"Choose a size of at most {forecast.fitting_long_side(job(), Free(2 * GB, 2 * GB))}."
    hopeless = forecast.refusal(job(), LARGE, Free(GB // 10, GB // 10))
    assert hopeless.message.startswith("Painting at 64 px needs about 0.")
    assert "No size is small enough" in hopeless.remedy


def test_a_limit_of_the_user_s_makes_the_picture_smaller_or_is_told(content, style):
    def limit(beyond: int) -> float:
        return (memory.held() + beyond) / GB

    large = np.kron(content, np.ones((32, 32, 1), np.float32))
    free, tight = (Painter(Options(memory_limit=gigabytes)) for gigabytes in (100.0, limit(GB)))
    free.speed = tight.speed = 1e-9  # time allows for everything
    assert max(tight.estimate(Size(*large.shape[:2])).size) < max(free.estimate(Size(*large.shape[:2])).size)
    with pytest.raises(OutOfMemory, match=r"the limit leaves 0.[01] GB.") as caught:
        Painter(Options(memory_limit=limit(GB // 20), size=2048)).paint(large, [StylePicture("s", style)])
    assert "raise the limit" in caught.value.remedy


def test_on_a_device_of_its_own_the_result_counts_in_main_memory(job):
    huge = job(content=Size(20000, 30000))
    assert not forecast.fits(huge, scales(huge, Size(40, 64)), Free(80 * GB, 4 * GB))
    refused = forecast.refusal(huge, Size(40, 64), Free(80 * GB, 4 * GB))
    assert refused.message.endswith("4.0 GB are free.")


@pytest.mark.parametrize(
    "where", ["nst_engine.painting.Canvas", "nst_engine.painting.Styles", "nst_engine.painting.Making"]
)
def test_a_shortage_during_the_work_is_told_with_a_size_that_fits(content, style, monkeypatch, where):
    """Wherever it happens: what allocates is replaced by something that asks for more than any machine has."""
    monkeypatch.setattr(where, lambda *given: torch.empty(2**60))
    with pytest.raises(OutOfMemory, match="The memory ran out while painting at 64 px.") as caught:
        Painter(Options(quality="draft")).paint(content, [StylePicture("s", style)])
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_shortage_while_the_network_is_loaded_is_told(monkeypatch):
    monkeypatch.setattr("nst_engine.network.library.load", lambda name: np.empty(2**57))
    with pytest.raises(OutOfMemory, match="too small to load and try the network") as caught:
        Painter(Options())
    assert isinstance(caught.value.__cause__, MemoryError)

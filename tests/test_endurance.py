"""Many pictures one after another, each of another size: nothing piles up."""

from __future__ import annotations

import gc

import numpy as np
import torch
from benchmarks import endurance

from nst_engine.options import Options
from nst_engine.painting import Painter
from nst_engine.pixels import StylePicture
from nst_engine.styles import KnownStatistics


def test_what_a_painter_remembers_is_bounded(style, monkeypatch):
    monkeypatch.setattr(KnownStatistics, "MOST", 6_000_000)
    painter = Painter(Options(quality="draft", iterations=1, optimizer="lbfgs"))
    seen = []
    for width in range(40, 52):
        painter.paint(np.zeros((40, width, 3), np.uint8), [StylePicture("s", style)])
        seen.append((painter.known.bytes, len(painter.known.found)))
    assert max(held for held, _ in seen) <= KnownStatistics.MOST
    assert seen[-1] == seen[5]
    held = [thing.shape for thing in gc.get_objects() if type(thing) is torch.Tensor]
    assert not [shape for shape in held if len(shape) > 1 and shape[-2] == 40]  # nothing as high as the picture


def test_a_worker_holds_no_more_and_opens_no_more_after_many_jobs():
    states = endurance.on_a_worker(14)
    assert states[-1].memory < endurance.ALLOWED * states[5].memory
    assert len({state.files for state in states}) == 1


def test_a_batch_holds_no_more_and_opens_no_more_after_many_pictures():
    states = endurance.in_a_batch(12)
    assert len(states) == 12
    assert states[-1].memory < endurance.ALLOWED * states[5].memory

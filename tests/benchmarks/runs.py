"""Runs of a painting program: pictures at growing times, and the rivals' kept outside the repository."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray
from PIL import Image

from nst_engine import device, options, stylize
from nst_engine.network import library

from . import published
from .published import Floats, processor_seconds

Bytes = NDArray[np.uint8]
Result = TypeVar("Result")

GROWTH = 1.15
"""Factor between the times of two pictures that are kept."""


@dataclasses.dataclass(frozen=True)
class Rival:
    """A program to compare with: how it paints, its own loss of a picture, its settings.

    ``paint`` and ``judge`` are those of a module in this folder. ``contests`` maps judges of ``nst-engine score``,
    or 'own' for the rival's own loss, to the engine's options for an objective that this judge looks at.
    """

    name: str
    paint: Callable[..., Floats]
    judge: Callable[..., Callable[[Floats], float]]
    settings: Any
    contests: dict[str, Callable[[Any, Floats, Floats], dict[str, Any]]]


@dataclasses.dataclass(frozen=True)
class Run:
    """Pictures (H×W×3) of a run and the seconds after which each was there; the last one is the result.

    ``full_step`` are the seconds of :func:`published.full_step_seconds` just before.
    """

    full_step: float
    seconds: list[float]
    pictures: list[Bytes]


class Recorder:
    """Keeps pictures at growing times. Its clock starts when it is made and stands still while it looks."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.pictures: list[Bytes] = []
        self.started = processor_seconds()

    def look(self, picture: Callable[[], Floats | Bytes]) -> None:
        """Keep what ``picture`` makes if it is time for one."""
        now = processor_seconds()
        if not self.seconds or now - self.started >= GROWTH * self.seconds[-1]:
            self._keep(now, picture())
        self.started += processor_seconds() - now

    def finish(self, picture: Floats | Bytes) -> None:
        """Keep the result."""
        self._keep(processor_seconds(), picture)

    def _keep(self, now: float, picture: Floats | Bytes) -> None:
        if picture.dtype != np.uint8:
            picture = np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
        self.seconds.append(now - self.started)
        self.pictures.append(picture[..., :3].copy())


def rivals_run(rival: Rival, content: Floats, style: Floats, long_side: int) -> Run:
    """A rival at work, timed."""
    full_step = published.full_step_seconds(*content.shape[:2])
    recorder = Recorder()
    result = rival.paint(content, style, long_side, lambda loss, picture: recorder.look(picture), rival.settings)
    recorder.finish(result)
    return Run(full_step, recorder.seconds, recorder.pictures)


def engines_run(chosen: dict[str, Any], content: Floats, style: Floats) -> Run:
    """The engine at work with these options, timed; pictures above a megapixel are kept at a megapixel."""
    full_step = published.full_step_seconds(*content.shape[:2])
    recorder = Recorder()
    chosen = {**chosen, "size": max(content.shape[:2]), "device": "cpu"}
    picture = stylize(content, style, options.from_mapping(chosen), on_step=lambda step: recorder.look(step.preview))
    recorder.finish(picture)
    return Run(full_step, recorder.seconds, recorder.pictures)


def in_fresh_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """The function's result from a process of its own, so that no program's settings of PyTorch reach another."""
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def cached(
    rival: Rival, content: Floats, style: Floats, long_side: int, run: Callable[[], Run], folder: Path | None = None
) -> Run:
    """The rival's run from the cache folder; made by ``run`` and put there first if it is not there yet."""
    place = (folder or cache_folder()) / f"{rival.name}-{key(rival, content, style, long_side)[:20]}"
    if not place.is_dir():
        _store(place, run())
    record = json.loads((place / "run.json").read_text(encoding="utf-8"))
    pictures = [np.asarray(Image.open(place / f"{number:03}.png")) for number in range(len(record["seconds"]))]
    return Run(record["full_step"], record["seconds"], pictures)


def cache_folder() -> Path:
    """Where rivals' runs are kept."""
    return platformdirs.user_cache_path("neural-style", appauthor=False) / "benchmarks"


def key(rival: Rival, content: Floats, style: Floats, long_side: int) -> str:
    """A hash of all that a rival's run depends on: code, settings, network, pictures, size and machine."""
    digest = hashlib.sha256()
    facts = [rival.name, dataclasses.asdict(rival.settings), long_side, library.SHIPPED, content.shape, style.shape]
    machine = [device.processor(), torch.get_num_threads(), torch.__version__]
    digest.update(json.dumps([facts, machine], sort_keys=True).encode())
    for source in (inspect.getsourcefile(rival.paint), published.__file__):
        digest.update(Path(str(source)).read_bytes())
    for picture in (content, style):
        digest.update(np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()


def _store(place: Path, run: Run) -> None:
    """Write a run whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=place.parent))
    try:
        for number, picture in enumerate(run.pictures):
            Image.fromarray(picture).save(unfinished / f"{number:03}.png")
        record = {"full_step": run.full_step, "seconds": run.seconds}
        (unfinished / "run.json").write_text(json.dumps(record), encoding="utf-8")
        unfinished.rename(place)
    except BaseException:
        shutil.rmtree(unfinished)
        raise

"""What a worker of a dask cluster does for a batch: it looks at styles and paints pictures, one at a time.

Whatever goes wrong with a picture is an outcome as well; only what ends the process is left to dask.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from distributed import Worker, WorkerPlugin, get_worker

import nst_engine
from nst_engine.commands.interrupts import ENDINGS
from nst_engine.commands.mishaps import explained
from nst_engine.commands.tasks import Manner, Task, Watch, made
from nst_engine.errors import PictureError, StyleTransferError
from nst_engine.files import places

if TYPE_CHECKING:
    from nst_engine.files.writing import File
    from nst_engine.options import Options
    from nst_engine.painting import Painter
    from nst_engine.pixels import Size, StylePicture
    from nst_engine.progress import Step
    from nst_engine.style_statistics import Statistics

PICTURE = "nst-engine picture"
"""Dask's resource of which every worker has one and every picture takes one: however many threads a worker has, they
work on one picture."""

TOPIC = "nst-engine"
"""Dask's events that tell how far a picture is."""

TELLING_SECONDS = 1.0
"""Time between two of them."""

PART_OF_MEMORY = 0.75
"""Of the memory that dask allows a worker. With more than 0.8 it gets nothing to do, with 0.95 it is ended."""

HEAD = 1 << 16
"""Bytes of a file's beginning by which it is told from others of its size and time."""

TOKEN = "token"

Plain = tuple[str, Any, float, Any]
"""A style's name, pixels, weight and region: what a worker without the engine can hold as well."""


class Batch(WorkerPlugin):
    """A batch as it is present on a worker, from its beginning until it is to stop.

    ``is_local`` is for workers that the batch itself has started, which end when it says so, and by no signal.
    """

    idempotent = True

    def __init__(self, name: str, is_local: bool) -> None:
        self.name, self.is_local = name, is_local

    async def setup(self, worker: Worker) -> None:
        """Make it one picture at a time."""
        if self.is_local:
            for number in (signal.SIGINT, *ENDINGS):
                signal.signal(number, signal.SIG_IGN)
        await worker.set_resources(**{PICTURE: 1})

    def teardown(self, worker: Worker) -> None:
        """Let go of the network."""
        _painter.cache_clear()


class Stamp(NamedTuple):
    """What tells a file from others at the same path on another machine."""

    size: int
    time: int
    head: bytes

    @staticmethod
    def of(path: Path) -> Stamp:
        """That of a file; raises ``OSError``."""
        facts = path.stat()
        with open(path, "rb") as file:
            return Stamp(facts.st_size, facts.st_mtime_ns, hashlib.sha256(file.read(HEAD)).digest())


def stamp(content: Path) -> Stamp:
    """That of a photograph; raises :class:`nst_engine.errors.PictureError`."""
    try:
        return Stamp.of(content)
    except OSError as error:
        raise PictureError(f"{content} cannot be read ({places.reason(error)}).", "See that it is there.") from None


class Job(NamedTuple):
    """A picture to make, as a worker is told of it; its styles come apart.

    ``folder`` is where finished files are handed over if it has the file TOKEN with ``token``: then both see the same
    disk. ``content`` is the bytes of the content's file for a worker that does not see the one with this ``stamp``.
    """

    version: str
    batch: str
    number: int
    task: Task
    manner: Manner
    folder: Path
    token: bytes
    stamp: Stamp
    content: bytes | None = None

    @property
    def handed_over(self) -> Path:
        """The finished file in the folder."""
        return self.folder / str(self.number)


class Outcome(NamedTuple):
    """What became of a picture. ``file`` is None where it was handed over, or where there is a problem.

    ``is_unseen``: the content's file is not there, its bytes are wanted; ``is_hopeless``: the worker can paint none;
    ``is_lost``: the connection broke before anybody heard.
    """

    worker: str = ""
    told: tuple[str, ...] = ()
    file: File | None = None
    problem: StyleTransferError | None = None
    is_unseen: bool = False
    is_hopeless: bool = False
    is_lost: bool = False


class Learned(NamedTuple):
    """What was found of styles with which setting of a painter."""

    setting: Any = None
    found: Mapping[bytes, Statistics] = {}


def _pictures(styles: list[Plain]) -> list[StylePicture]:
    from nst_engine.pixels import StylePicture

    return [StylePicture(*style) for style in styles]


def learned(options: Options, styles: list[Plain], content: Size) -> Learned:
    """What is to be known of styles for contents of this size. What cannot be, each picture finds out and tells."""
    with contextlib.suppress(Exception):
        painter = _painter(options)
        return Learned(_setting(painter), painter.learned(content, _pictures(styles)))
    return Learned()


def paint(job: Job, styles: list[Plain], known: Learned) -> Outcome:
    """Make a picture."""
    worker = get_worker()
    told: list[str] = []
    outcome = Outcome(worker.address)
    if job.version != nst_engine.__version__:
        return outcome._replace(problem=_of_another_version(job.version, worker), is_hopeless=True)
    if job.content is None and not _is_seen(job):
        return outcome._replace(is_unseen=True)
    try:
        painter = _painter(job.manner.options)
    except Exception as error:
        return outcome._replace(problem=explained(error), is_hopeless=True)
    if known.setting == _setting(painter):
        painter.known.take(known.found)
    try:
        file = _made(painter, job, _pictures(styles), Watch(told.append, _telling(job, worker), _stopping(job, worker)))
    except Exception as error:
        return outcome._replace(told=tuple(told), problem=explained(error))
    is_wanted = _is_wanted(worker.get_current_task(), worker)
    return outcome._replace(told=tuple(told), file=None if is_wanted and _is_handed_over(job, file) else file)


def _of_another_version(wanted: str, worker: Worker) -> StyleTransferError:
    return StyleTransferError(
        f"The worker {worker.address} has version {nst_engine.__version__} of the engine, and the batch {wanted}.",
        "Install the same on all computers of the cluster.",
    )


def _is_seen(job: Job) -> bool:
    """Whether the content's file is here as well."""
    try:
        return Stamp.of(job.task.content) == job.stamp
    except OSError:
        return False


def _made(painter: Painter, job: Job, styles: list[StylePicture], watch: Watch) -> File:
    task = job.task._replace(styles=styles)
    if job.content is None:
        return made(painter, task, job.manner, watch)
    original, say = str(task.content), watch.say
    with _copied(task.content, job.content) as copy, _speaking_of(original, str(copy)):
        watch = watch._replace(say=lambda line: say(line.replace(str(copy), original)))
        return made(painter, task._replace(content=copy), job.manner, watch)


@contextlib.contextmanager
def _copied(original: Path, content: bytes) -> Iterator[Path]:
    """A file as it was sent, which ends with the block. PictureError where there is no place for it."""
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nst-"))
            copy = Path(folder) / original.name
            copy.write_bytes(content)
        except OSError as error:
            raise PictureError(
                f"A worker has no place for {original} ({places.reason(error)}).",
                "See that there is room for temporary files on its computer.",
            ) from None
        yield copy


@contextlib.contextmanager
def _speaking_of(original: str, copy: str) -> Iterator[None]:
    """What is wrong with a copy is told of the original."""
    try:
        yield
    except StyleTransferError as error:
        error.message = error.message.replace(copy, original)
        raise


def _is_handed_over(job: Job, file: File) -> bool:
    """Put the file where the batch fetches it from, if that is the same disk as here and takes it."""
    try:
        if file.trouble or (job.folder / TOKEN).read_bytes() != job.token:
            return False
        places.put(job.handed_over, file.data, force=True)
    except OSError:
        return False
    return True


def _telling(job: Job, worker: Worker) -> Callable[[Step], None]:
    """Tells the batch how far the picture is, now and then."""
    latest = 0.0

    def tell(step: Step) -> None:
        nonlocal latest
        if time.monotonic() - latest > TELLING_SECONDS:
            latest = time.monotonic()
            worker.log_event(TOPIC, {"batch": job.batch, "number": job.number, "fraction": step.fraction})

    return tell


def _stopping(job: Job, worker: Worker) -> Callable[[], bool]:
    """Whether the batch wants to have the picture as it stands, or does not want it any more."""
    key = worker.get_current_task()
    return lambda: job.batch not in worker.plugins or not _is_wanted(key, worker)


def _is_wanted(key: Any, worker: Worker) -> bool:
    """Whether anybody still waits for the result of a task."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state != "cancelled"


@functools.lru_cache(maxsize=1)
def _painter(options: Options) -> Painter:
    """A painter that keeps to what this worker was given of its machine; only the newest is kept."""
    import torch

    from nst_engine.painting import Painter

    worker = get_worker()
    torch.set_num_threads(worker.state.nthreads)
    card = _card(options.device, worker)
    limit = worker.memory_manager.memory_limit
    if limit and card == "cpu":
        share = PART_OF_MEMORY * limit / 1e9
        options = dataclasses.replace(options, memory_limit=min(share, options.memory_limit or share))
    return Painter(dataclasses.replace(options, device=card))


def _card(wanted: str, worker: Worker) -> str:
    """The one device that a worker paints on, unless some are named by number: of those here each takes another."""
    from nst_engine import device

    found = device.named(wanted)
    if ":" in wanted:
        return wanted
    is_local = any(isinstance(plugin, Batch) and plugin.is_local for plugin in worker.plugins.values())
    return str(found[int(worker.name) % len(found) if is_local else 0])


def _setting(painter: Painter) -> Any:
    """All that statistics depend on but for the styles."""
    return painter.network.sha256, repr(painter.vgg.dtype), painter.recipe.padding, painter.recipe.pooling

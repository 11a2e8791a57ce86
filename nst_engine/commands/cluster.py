"""A batch on a cluster: pictures are spread over the workers of dask.distributed, and each is put in its place here.

Dask finds the workers and brings them what they need. Which of them paints which picture is decided here: each one that
has none gets the next. Dask itself would have the one that holds the styles paint them all, and the others wait. So a
worker that comes late has something to do at once, one that goes takes one picture with it, and a stop is one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import secrets
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker
from distributed.client import FutureCancelledError

import nst_engine
from nst_engine.commands import cluster_worker
from nst_engine.commands.cluster_connection import connected
from nst_engine.commands.cluster_worker import PICTURE, TOKEN, TOPIC, Batch, Job, Learned, Outcome
from nst_engine.commands.display import Display
from nst_engine.commands.interrupts import Interrupts
from nst_engine.commands.mishaps import explained, noted
from nst_engine.commands.tasks import Manner, Task, check, is_done, put
from nst_engine.errors import DeviceError, StyleTransferError
from nst_engine.files import places, reading, writing
from nst_engine.network import library

PATIENCE = 300.0
"""Seconds without any worker after which a batch ends."""

LISTENING_SECONDS = 0.5
"""Time after which it is looked whether workers came or went, and at most that until it is seen that it is to stop."""

WORKERS_TRIED = 2
"""On so many a picture that cannot be painted is tried; on all, where they can paint none at all."""

LOOKING_SECONDS = 1.0
"""Time between two looks for pictures that no worker has."""

LOOKS, LOOKS_ON_ITS_WAY = 2, 10
"""After so many it is taken back; where it may be on its way yet, over a slow line, twice as many each time."""

MOST_LOST = 3
"""So many workers may end with a picture; then they seem to end by it."""

ENDED = "The workers that were to paint it ended, one after the other, as they do when they run out of memory."

KEPT = 16
"""So many styles, and sizes at which they are looked at, are held ready on the workers: the newest."""


@dataclasses.dataclass(frozen=True)
class _Attempt:
    """One of the pictures, the worker that is to paint it, what that waits for, those that could not, what one of them
    said that can paint others, whether its file is to be sent, how many ended with it, how often it was taken back."""

    number: int
    task: Task
    worker: str = ""
    needs: tuple[Future[Any], ...] = ()
    tried: frozenset[str] = frozenset()
    failed: Outcome | None = None
    is_sent: bool = False
    lost: int = 0
    late: int = 0


def paint_all(due: list[Task], manner: Manner, where: str | int) -> tuple[int, list[str]]:
    """Paint all on the cluster of the scheduler at an address, or on so many processes of this computer.

    Returns, when all is done or told to stop, how many it came to, and what was wrong with which.
    Raises :class:`nst_engine.errors.StyleTransferError` where none can be painted, or the cluster is gone.
    """
    with connected(where) as client:
        return paint_by(client, due, manner)


def paint_by(client: Client, due: list[Task], manner: Manner) -> tuple[int, list[str]]:
    """The same on a cluster that is there."""
    folder = due[0].output.parent
    with _handing_over(folder) as place, Display(len(due)) as display, Interrupts(display.say) as interrupts:
        return _Spread(client, place, manner, display, interrupts).paint(due)


class _Spread:
    """The pictures that wait for a worker, and those under way."""

    def __init__(self, client: Client, folder: Path, manner: Manner, display: Display, interrupts: Interrupts) -> None:
        self.client, self.folder, self.display, self.interrupts = client, folder, display, interrupts
        self.manner = manner._replace(options=_with_whole_paths(manner.options))
        self.batch = folder.name
        self.token = (folder / TOKEN).read_bytes()
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        """Futures that are done and their outcomes, and events that tell how far a picture is."""
        self.known: dict[str, Any] = {}
        """What the scheduler knows of its workers, whatever they can do."""
        self.waiting: deque[_Attempt] = deque()
        self.running: dict[Future[Any], _Attempt] = {}
        self.fractions: dict[int, float] = {}
        self.styles: dict[Any, Future[Any]] = {}
        self.learned: dict[Any, Future[Any]] = {}
        self.stray: dict[Future[Any], int] = {}
        """The pictures that no worker had at so many latest looks."""
        self.attempted = 0
        self.problems: list[str] = []
        self.started = self.last_seen = self.last_look = time.monotonic()

    def paint(self, due: list[Task]) -> tuple[int, list[str]]:
        """Paint all, or until told to stop."""
        self.waiting.extend(_Attempt(number, task) for number, task in enumerate(due))
        with self._present() as leave:
            workers, asked = self._workers(), time.monotonic()
            while self.running or (self.waiting and not self.interrupts.stopped):
                if time.monotonic() - asked > LISTENING_SECONDS:  # a scheduler of many is long about telling of them
                    workers, asked = self._workers(), time.monotonic()
                self._look_around(bool(workers))
                if self.interrupts.stopped:
                    leave()
                else:
                    self._hand_out(workers)
                self._listen()
                self._show(len(workers), len(due))
        return self.attempted, self.problems

    @contextlib.contextmanager
    def _present(self) -> Iterator[Callable[[], None]]:
        """Within the block the batch is known to all workers, until the function is called: then all finish."""
        with contextlib.ExitStack() as leaving:
            leaving.callback(self._leave)
            self._join()
            try:
                yield leaving.close
            finally:
                self._drop()

    def _join(self) -> None:
        """Let scheduler and workers know of the batch, unless they do; StyleTransferError when none can take part."""
        self.client.subscribe_topic(TOPIC, lambda event: self.inbox.put(event[1]))
        try:
            self.client.register_plugin(Batch(self.batch, self.client.cluster is not None), name=self.batch)
        except Exception as error:  # whatever it is that one of them lacks
            told = f"A worker has not what the engine needs ({error})."
            if not self._workers():
                raise StyleTransferError(told, "Install the engine there.") from None
            self.display.say(f"WARNING {told} Others paint without it.")

    def _drop(self) -> None:
        """Let nobody go on with what is still under way."""
        self._collect()
        if self.client.status == "running":
            self.client.cancel([*self.running], force=True)

    def _collect(self) -> None:
        """Place the pictures that were handed over, and of which no word came."""
        for future, attempt in [*self.running.items()]:
            if self._is_handed_over(attempt):
                del self.running[future]
                self._place(attempt, Outcome())

    def _is_handed_over(self, attempt: _Attempt) -> bool:
        return (self.folder / str(attempt.number)).is_file()

    def _leave(self) -> None:
        if self.client.status == "running":
            with contextlib.suppress(Exception):  # a worker that goes this very moment
                self.client.unregister_worker_plugin(self.batch)

    def _workers(self) -> set[str]:
        """Those that can take a picture; DeviceError when there have been none for long, or the scheduler is gone."""
        self._await_scheduler()
        self.known = self.client.scheduler_info(n_workers=-1)["workers"]
        able = {address: worker["status"] for address, worker in self.known.items() if worker["resources"].get(PICTURE)}
        found = {address for address, status in able.items() if status == "running"}  # others lack memory, or leave
        now = time.monotonic()
        if found or (able and self.running.keys() - self.stray):
            self.last_seen = now
        elif now - self.last_seen > PATIENCE:
            if able:
                short = f"No worker has had enough memory left to take a picture for {PATIENCE:.0f} s"
                raise self._lost(short, "Let there be fewer workers, each with more of it, and go on with --resume.")
            raise self._lost(f"No worker that can paint has come to the dask scheduler for {PATIENCE:.0f} s")
        return found

    def _await_scheduler(self) -> None:
        """Wait while dask looks for one to which the connection broke; DeviceError when it does not come again."""
        latest = time.monotonic() + PATIENCE
        while self.client.status == "connecting" and time.monotonic() < latest:
            time.sleep(LISTENING_SECONDS)
        if self.client.status != "running":
            raise self._lost("The dask scheduler is gone")

    def _lost(self, what: str, remedy: str = "When it is there again, go on with --resume.") -> DeviceError:
        self._collect()
        told = "".join(f"; {problem}" for problem in self.problems)
        return DeviceError(f"{what}. Pictures that were done or tried: {self.attempted}{told}.", remedy)

    def _look_around(self, are_workers: bool) -> None:
        """Now and then, see to what no worker has; and where there are none, that a new scheduler knows the batch."""
        if time.monotonic() - self.last_look < LOOKING_SECONDS:
            return
        self.last_look = time.monotonic()
        self.stray = {future: self.stray.get(future, 0) + 1 for future in self._stray()}
        if are_workers or self.interrupts.stopped:
            self._take_back({future for future, looks in self.stray.items() if looks >= self._looks(future)})
        else:
            with contextlib.suppress(StyleTransferError):  # who comes later may be able to paint
                self._join()

    def _looks(self, future: Future[Any]) -> int:
        """After how many looks a picture that no worker has is taken back."""
        status = self.known.get(self.running[future].worker, {}).get("status")
        return LOOKS_ON_ITS_WAY << self.running[future].late if status == "running" else LOOKS

    def _take_back(self, stray: set[Future[Any]]) -> None:
        """Let other workers have what none has, since the one that was to paint it is gone, or has no memory left."""
        for future in stray:
            attempt = self.running.pop(future)
            self.client.cancel([future, *(needed for needed in attempt.needs if not needed.done())])
            lost = attempt.lost + (attempt.worker not in self.known)
            attempt = dataclasses.replace(attempt, lost=lost, late=attempt.late + 1)
            if attempt.lost == MOST_LOST or self._is_handed_over(attempt):
                self._settle(attempt, Outcome(problem=StyleTransferError(ENDED)))
            else:
                self._put_back(attempt)

    def _put_back(self, attempt: _Attempt) -> None:
        """Let the next worker that has nothing to do have a picture; one that may end it as well comes last."""
        self.fractions.pop(attempt.number, None)
        (self.waiting.append if attempt.lost else self.waiting.appendleft)(attempt)

    def _stray(self) -> set[Future[Any]]:
        """The pictures that no worker is about, nor anything that they wait for."""
        try:
            processing = self.client.processing()
            held = {key for worker, keys in processing.items() if self._is_awake(worker) for key in keys}
        except OSError:  # the connection breaks this very moment
            return set()
        awaited = {future: {future.key, *(needed.key for needed in at.needs)} for future, at in self.running.items()}
        return {future for future, keys in awaited.items() if not (future.done() or keys & held)}

    def _is_awake(self, worker: str) -> bool:
        """Whether a worker does what it is given: one without memory ends what it has begun, and begins nothing."""
        known = self.known.get(worker, {"status": "unknown"})
        return known["status"] != "paused" or bool(known["metrics"]["task_counts"].get("executing"))

    def _hand_out(self, workers: set[str]) -> None:
        """Give every worker that has no picture the next one that it has not tried."""
        free = workers.difference(attempt.worker for attempt in self.running.values())
        for worker in self._least_busy_first(free) if self.waiting and free else ():
            for attempt in [*self.waiting]:
                if self.interrupts.stopped:  # many may be there already, which takes a look into each
                    return
                if worker not in attempt.tried or workers <= attempt.tried:
                    self.waiting.remove(attempt)
                    if self._is_begun(dataclasses.replace(attempt, worker=worker)):
                        break

    def _least_busy_first(self, workers: set[str]) -> list[str]:
        """The workers, those last that others, such as a second batch, have given something to do."""
        try:
            held = self.client.processing()
        except OSError:  # the connection breaks this very moment
            return [*workers]
        return sorted(workers, key=lambda worker: len(held.get(worker, ())))

    def _is_begun(self, attempt: _Attempt) -> bool:
        """Set a picture to work, unless it is there already or can have no place."""
        try:
            if not is_done(attempt.task, self.manner):
                check(attempt.task, self.manner)
                self._submit(attempt)
                return True
            self._finish(attempt)
        except Exception as error:
            self._finish(attempt, explained(error))
        return False

    def _submit(self, attempt: _Attempt) -> None:
        words = self._job(attempt), self._styles(attempt.task), self._learned(attempt)
        future = self.client.submit(
            cluster_worker.paint,
            *words,
            key=f"{self.batch}-{attempt.number}-{secrets.token_hex(4)}",
            resources={PICTURE: 1},
            workers=[attempt.worker],
        )
        needs = tuple(word for word in words if isinstance(word, Future))
        self.running[future] = dataclasses.replace(attempt, needs=needs)
        self.fractions[attempt.number] = 0.0
        future.add_done_callback(lambda done: self.inbox.put((done, _outcome(done))))  # it may wait for long

    def _job(self, attempt: _Attempt) -> Job:
        task = attempt.task
        return Job(
            nst_engine.__version__,
            self.batch,
            attempt.number,
            Task(task.content.absolute(), [], task.output.absolute()),
            self.manner,
            self.folder,
            self.token,
            cluster_worker.stamp(task.content),
            task.content.read_bytes() if attempt.is_sent else None,
        )

    def _styles(self, task: Task) -> Future[Any]:
        """The styles, which the scheduler can always send anew, and a worker without the engine can hold as well."""
        plain = [(style.name, style.pixels, style.weight, style.region) for style in task.styles]
        return _newest(self.styles, tuple(map(id, task.styles)), lambda: self.client.submit(list, plain, pure=False))

    def _learned(self, attempt: _Attempt) -> Future[Any] | Learned:
        """What is to be known of a picture's styles, found by its worker for all pictures that are as large."""
        options, task = self.manner.options, attempt.task
        try:
            size = reading.size(task.content)
        except StyleTransferError:  # which the worker tells
            return Learned()
        if options.color == "match":
            return Learned()
        key = tuple(map(id, task.styles)), min(max(size), options.size or max(size))
        words = cluster_worker.learned, options, self._styles(task), size
        where: dict[str, Any] = {"resources": {PICTURE: 1}, "workers": [attempt.worker]}
        return _newest(self.learned, key, lambda: self.client.submit(*words, **where, pure=False))

    def _listen(self) -> None:
        """Hear what happens within the next moment."""
        with contextlib.suppress(queue.Empty):
            self._hear(self.inbox.get(timeout=LISTENING_SECONDS))
            while True:
                self._hear(self.inbox.get_nowait())

    def _hear(self, said: Any) -> None:
        if isinstance(said, tuple):
            if attempt := self.running.pop(said[0], None):
                self._settle(attempt, said[1])
        elif said.get("batch") == self.batch and said["number"] in self.fractions:
            self.fractions[said["number"]] = said["fraction"]

    def _settle(self, attempt: _Attempt, outcome: Outcome) -> None:
        """Place a picture, or try anew what went wrong."""
        if outcome.is_unseen:
            self._put_back(dataclasses.replace(attempt, is_sent=True))
        elif self._is_handed_over(attempt):
            self._place(attempt, outcome._replace(problem=None))
        elif outcome.problem:
            self._settle_problem(attempt, outcome, outcome.problem)
        else:
            self._place(attempt, outcome)

    def _settle_problem(self, attempt: _Attempt, outcome: Outcome, problem: StyleTransferError) -> None:
        """Try a picture on another worker, or on any where none has said what is wrong; or note what it is."""
        tried = attempt.tried | {outcome.worker}
        others = self._workers() - tried
        failed = attempt.failed if outcome.is_hopeless else outcome
        is_tried_enough = not outcome.worker or (len(tried) >= WORKERS_TRIED and not outcome.is_hopeless)
        if outcome.is_lost and not self.interrupts.stopped:
            self._join()
            self._put_back(attempt)
        elif others and not (is_tried_enough or self.interrupts.stopped):
            self._put_back(dataclasses.replace(attempt, tried=tried, failed=failed))
        elif failed:
            self._place(attempt, failed)
        else:
            raise problem

    def _place(self, attempt: _Attempt, outcome: Outcome) -> None:
        """Put a picture in its place, and note what is wrong with it."""
        for line in outcome.told:
            self.display.say(line)
        problem = outcome.problem
        try:
            if not problem:
                put(attempt.task, self.manner, lambda: self._deliver(attempt, outcome), self.display.say)
        except Exception as error:
            problem = explained(error)
        self._finish(attempt, problem)

    def _deliver(self, attempt: _Attempt, outcome: Outcome) -> None:
        output = attempt.task.output
        if outcome.file:
            writing.put(output, outcome.file, self.manner.force)
        else:
            places.deliver_file(output, self.folder / str(attempt.number), self.manner.force)

    def _finish(self, attempt: _Attempt, problem: StyleTransferError | None = None) -> None:
        self.attempted += 1
        self.fractions.pop(attempt.number, None)
        if problem:
            self.problems.append(noted(attempt.task.content.name, problem))

    def _show(self, workers: int, count: int) -> None:
        fraction = (self.attempted + sum(self.fractions.values())) / count
        spent = time.monotonic() - self.started
        left = spent / fraction * (1 - fraction) if self.attempted else None
        self.display.tell(fraction, f"{self.attempted} of {count} pictures, workers: {workers}", left)


def _newest(known: dict[Any, Future[Any]], key: Any, make: Callable[[], Future[Any]]) -> Future[Any]:
    """What is known by a key, or made for it, anew where it is lost; the oldest goes when there are KEPT."""
    if key not in known or known[key].cancelled():
        if len(known) >= KEPT:
            del known[next(iter(known))]
        known[key] = make()
    return known[key]


def _outcome(future: Future[Any]) -> Outcome:
    """What became of a picture. Where its worker is gone with it, dask waits until somebody cancels it."""
    lost = Outcome(problem=StyleTransferError("The connection to the dask scheduler broke."), is_lost=True)
    try:
        outcome: Outcome = lost if future.cancelled() else future.result()
        return outcome
    except FutureCancelledError:
        return lost
    except KilledWorker:
        return Outcome(problem=StyleTransferError(ENDED))
    except ImportError as error:
        problem = f"The dask scheduler or a worker has not what the engine needs ({error})."
        return Outcome(problem=StyleTransferError(problem, "Install the engine there."), is_hopeless=True)
    except Exception as error:
        return Outcome(problem=explained(error))


@contextlib.contextmanager
def _handing_over(folder: Path) -> Iterator[Path]:
    """A folder beside the results that workers put finished files in, if they see it; a token says that they do."""
    place = folder.absolute() / f".nst-{secrets.token_hex(8)}"
    place.mkdir()
    try:
        (place / TOKEN).write_bytes(secrets.token_bytes(16))
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _with_whole_paths(options: Any) -> Any:
    """The same where the folder that one is in is another."""
    with contextlib.suppress(StyleTransferError):  # which the workers tell, unless they have it
        path = library.find(options.network)
        if path == Path(options.network).expanduser():
            return dataclasses.replace(options, network=str(path.absolute()))
    return options

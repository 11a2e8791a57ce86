"""Sessions with real workers: plans, jobs, stops and garbage in any order are answered, or end in a sentence."""

from __future__ import annotations

import atexit
import contextlib
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nst_engine import protocol
from nst_engine.frames import PROTOCOL
from nst_engine.pixels import StylePicture
from nst_engine.protocol import Failure, Plan, Planned, Result, Sketch, Sketched, Stop, Stylize

SECONDS = 200
"""Longest that a session may take."""

STEPS = 3
"""Of every job, which is painted at one scale."""


class Action(NamedTuple):
    """A message, and the kind of message that answers it; None for a stop."""

    message: protocol.ToEngine
    answer: type[Any] | None


def picture(side: int, seed: int, kind: str, channels: int) -> protocol.Pixels:
    values = np.random.default_rng(seed).random((side, side + 4, channels), dtype=np.float32)
    values[..., 3:] = 1
    return (values * 255).astype(np.uint8) if kind == "uint8" else values


pictures = st.builds(
    picture, st.integers(16, 24), st.integers(0, 9), st.sampled_from(["uint8", "float32"]), st.integers(3, 4)
)
weights = st.floats(1e-300, 1e308)
styles = st.lists(st.builds(StylePicture, st.text(max_size=3), pictures, weights), min_size=1, max_size=2).map(tuple)
options = st.fixed_dictionaries(
    {"iterations": st.just(STEPS)},
    optional={
        "recipe": st.sampled_from(["painterly", "gatys", "nst", "neighbors"]),
        "optimizer": st.sampled_from(["adam", "lbfgs"]),
        "color": st.sampled_from(["style", "content", "match"]),
        "init": st.sampled_from(["content", "noise", "style"]),
        "keep": st.sampled_from(["last", "best", "average"]),
    },
)
sides = st.integers(16, 20_000)
good_plans = st.builds(Plan, options, sides, sides)
good_sketches = st.builds(Sketch, options, pictures, styles)
good_jobs = st.builds(Stylize, st.just(PROTOCOL), options, pictures, styles, init=st.none() | pictures)

bad_sides = st.sampled_from([-(10**9), -1, 0, 15, 10**200])
bad_options = st.sampled_from(
    [{"size": -1}, {"sise": 1}, {"network": "nowhere"}, {"content_layers": "x"}, {"color": 1}]
)
bad_pictures = st.sampled_from(
    [np.full((16, 16, 3), np.nan, np.float32), np.ones((4, 16, 3), np.uint8), np.zeros((16, 16, 4), np.uint8)]
)
bad_masks = st.just(np.ones((3, 3, 1), np.uint8))
bad_plans = st.builds(Plan, options, bad_sides, sides) | st.builds(Plan, bad_options, sides, sides)
bad_jobs = st.one_of(
    st.builds(Stylize, st.just(99), options, pictures, styles),
    st.builds(Stylize, st.just(PROTOCOL), bad_options, pictures, styles),
    st.builds(Stylize, st.just(PROTOCOL), options, bad_pictures, styles),
    st.builds(Stylize, st.just(PROTOCOL), options, pictures, st.just(())),
    st.builds(Stylize, st.just(PROTOCOL), options, pictures, styles, selection=bad_masks),
)

actions = st.one_of(
    st.just(Action(Stop(), None)),
    st.builds(Action, good_plans, st.just(Planned)),
    st.builds(Action, good_jobs, st.just(Result)),
    st.builds(Action, good_sketches, st.just(Sketched)),
    st.builds(Action, bad_plans | bad_jobs, st.just(Failure)),
)

GARBAGE = (
    b"GET / HTTP/1.1\n",
    b'{"kind":"sing"}\n',
    b'{"kind":"hello","protocol":1}\n',
    b'{"kind":"plan","options":{},"width":64.5,"height":64}\n',
    b'{"kind":"plan","options":{},"width":1e999,"height":64}\n',
    b'{"arrays":[{"bytes":1,"dtype":"uint8","name":"x","shape":[2]}],"kind":"stop"}\n',
)

endings = st.sampled_from(["goes on", "goes on", "closes", "is deaf"]) | st.sampled_from(GARBAGE)


class Workers:
    """One worker for session after session, and another when one has ended, as it should."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        atexit.register(self.end)

    def current(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            command = [sys.executable, "-m", "nst_engine", "worker"]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self.process = subprocess.Popen(command, **pipes, cwd=Path(__file__).parents[2])
        return self.process

    def end(self) -> None:
        process, self.process = self.process, None
        if process:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()


workers = Workers()


@given(st.lists(actions, max_size=6), endings)
def every_message_is_answered_in_its_turn_or_ends_the_worker(session: list[Action], ending: str | bytes) -> None:
    process = workers.current()
    deadline = threading.Timer(SECONDS, process.kill)
    deadline.start()
    try:
        play(process, session, ending)
        assert deadline.is_alive(), "it took too long"
    except BaseException:
        workers.end()
        raise
    finally:
        deadline.cancel()


def play(process: subprocess.Popen[bytes], session: list[Action], ending: str | bytes) -> None:
    """Send all of a session, and look at what comes back."""
    assert process.stdin and process.stdout
    for action in session:
        protocol.send(process.stdin, action.message)
    wanted = [(place, action) for place, action in enumerate(session) if action.answer]
    if isinstance(ending, bytes):
        process.stdin.write(ending)
        process.stdin.flush()
        *answers, last = received(process, len(wanted) + 1)
        assert isinstance(last, Failure)
    elif ending == "goes on":
        answers = received(process, len(wanted))
        assert len(answers) == len(wanted)
    else:
        answers = []
    last_stop = max((place for place, action in enumerate(session) if not action.answer), default=-1)
    for answer, (place, action) in zip(answers, wanted, strict=False):
        check(answer, action, is_stopped=place < last_stop)
    if ending != "goes on":
        leave(process, deaf=ending == "is deaf", closed=ending == "closes")


def received(process: subprocess.Popen[bytes], count: int) -> list[Any]:
    """The next answers, up to so many or the end."""
    answers: list[Any] = []
    while len(answers) < count and (message := protocol.receive(process.stdout)):
        if isinstance(message, (Planned, Sketched, Result, Failure)):
            answers.append(message)
    return answers


def check(answer: Any, action: Action, is_stopped: bool) -> None:
    assert action.answer is type(answer), (action, answer)
    if isinstance(answer, Planned):
        assert min(answer.width, answer.height, answer.seconds) > 0
    elif isinstance(answer, Failure):
        assert answer.code not in ("internal", "memory")
        assert answer.message.endswith(".")
        assert answer.remedy.endswith(".")
    elif isinstance(answer, Sketched):
        assert answer.picture.shape == (*action.message.content.shape[:2], 4)
    else:
        assert answer.picture.shape == (*action.message.content.shape[:2], 4)
        assert 0 <= answer.picture.min() <= answer.picture.max() <= 1
        assert answer.used["steps"] in (range(1, STEPS + 1) if is_stopped else [STEPS])


def leave(process: subprocess.Popen[bytes], deaf: bool, closed: bool) -> None:
    """See the worker go: when its pipe is closed, when nobody hears it any more, or after garbage all by itself."""
    with contextlib.suppress(OSError):
        if deaf:
            process.stdout.close()
            protocol.send(process.stdin, Plan({}, 64, 64))
        if closed:
            process.stdin.close()
    assert process.wait(SECONDS) == 0
    workers.end()


PROPERTIES = (every_message_is_answered_in_its_turn_or_ends_the_worker,)

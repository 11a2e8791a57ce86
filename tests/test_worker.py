"""The worker as a subprocess, spoken to through its pipe."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from workers import BROKEN, answers, job, started

from nst_engine import protocol, words
from nst_engine.frames import PROTOCOL
from nst_engine.pixels import StylePicture
from nst_engine.progress import Step
from nst_engine.protocol import (
    Failure,
    Hello,
    Plan,
    Planned,
    Preview,
    Progress,
    Result,
    Sketch,
    Sketched,
    Stop,
    Stylize,
)
from nst_engine.worker import Worker


def test_jobs_one_after_another(worker, content, style):
    for number in range(2):
        protocol.send(worker.stdin, job(content, style, quality="draft", iterations=4))
        messages = answers(worker)
        assert isinstance(messages[0], Hello) == (number == 0)
        assert {Progress, Preview, Result} <= {type(message) for message in messages}
        assert messages[-1].picture.shape == content.shape
    worker.stdin.close()
    assert worker.wait(timeout=5) == 0


def test_a_picture_is_shown_once_after_each_step_however_often_it_is_told_of(monkeypatch):
    for name in ("PROGRESS_SECONDS", "PREVIEW_SECONDS"):
        monkeypatch.setattr(f"nst_engine.worker.{name}", 0)
    to_client = io.BytesIO()
    there = Worker(io.BytesIO(), to_client)
    for steps in (0, 0, 1, 1, 1, 2, 2):
        there._tell(Step(0.5, None, "", dict, lambda: np.zeros((2, 2, 4), np.uint8), steps), is_far=False)
    to_client.seek(0)
    heard = list(iter(lambda: protocol.receive(to_client), None))
    assert sum(isinstance(message, Progress) for message in heard) == 7
    assert sum(isinstance(message, Preview) for message in heard) == 2


def test_same_numbers_through_the_pipe_as_in_process(worker, content, style):
    from nst_engine.options import Options
    from nst_engine.painting import Painter

    protocol.send(worker.stdin, job(content, style, quality="draft", iterations=2))
    through_the_pipe = answers(worker)[-1].picture
    options = Options(quality="draft", iterations=2)
    assert np.array_equal(through_the_pipe, Painter(options).paint(content, [StylePicture("pattern", style)]).picture)


def test_closing_the_pipe_ends_the_worker_in_the_middle_of_a_job(worker, content, style):
    protocol.send(worker.stdin, job(content, style, quality="best"))
    answers(worker, until=Progress)
    worker.stdin.close()
    assert worker.wait(timeout=30) == 0  # the job itself would take minutes


def test_stop_finishes_with_the_picture_so_far(worker, content, style):
    protocol.send(worker.stdin, job(content, style, quality="best"))
    answers(worker, until=Progress)
    protocol.send(worker.stdin, Stop())
    result = answers(worker)[-1]
    assert 1 <= result.used["steps"] < 300


def steps(answer) -> int:
    return answer.used["steps"]


@pytest.mark.slow
def test_a_stop_is_for_the_jobs_before_it_and_for_no_other(worker, content, style):
    short, endless = job(content, style, iterations=3), job(content, style, recipe="nst", iterations=100_000)
    for message in (Stop(), short, Plan({}, 64, 64)):
        protocol.send(worker.stdin, message)
    assert steps(answers(worker, until=(Result, Failure))[-1]) == 3
    assert answers(worker, until=(Planned, Failure))[-1].width == 64
    for message in (Stop(), endless, Plan({}, 64, 64), endless, Stop(), Plan({}, 64, 64), Stop(), short):
        protocol.send(worker.stdin, message)
    results = [message for _ in range(3) for message in answers(worker)]
    assert [steps(message) for message in results if isinstance(message, Result)] == [1, 1, 3]
    assert sum(isinstance(message, Planned) for message in results) == 2


def test_a_plan_during_a_job_does_not_undo_its_stop_and_is_answered_after_it(worker, content, style):
    protocol.send(worker.stdin, job(content, style, recipe="nst", iterations=100_000))
    answers(worker, until=Progress)
    for message in (Stop(), Plan({"size": 64}, 64, 64), Stop()):
        protocol.send(worker.stdin, message)
    assert isinstance(answers(worker, until=(Planned, Result, Failure))[-1], Result)
    assert isinstance(answers(worker, until=(Planned, Result, Failure))[-1], Planned)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"quality": "best"}, {"recipe": "nst"}, {"quality": "best", "iterations": 400}])
def test_long_jobs_arrive_and_what_is_told_of_them_is_as_short_as_of_others(worker, content, style, options):
    protocol.send(worker.stdin, job(content, style, **options))
    result = answers(worker)[-1]
    assert isinstance(result, Result)
    assert result.picture.shape == content.shape
    assert result.used["steps"] >= options.get("iterations", 60)
    assert result.used["losses"]["iteration"] == result.used["steps"]
    assert len(json.dumps(result.used)) < 4000


@pytest.mark.slow
def test_stop_after_hundreds_of_steps_brings_the_picture(worker, content, style):
    protocol.send(worker.stdin, job(content, style, recipe="nst", iterations=100_000))
    while answers(worker, until=Progress)[-1].fraction < 0.004:
        pass
    protocol.send(worker.stdin, Stop())
    result = answers(worker)[-1]
    assert result.picture.shape == content.shape
    assert result.used["steps"] >= 400


@pytest.mark.slow
def test_names_and_paths_of_any_length_travel(worker, content, style):
    styles = tuple(StylePicture(f"{number} {'é' * 10_000}", style[:20, :20]) for number in range(5))
    protocol.send(worker.stdin, Stylize(PROTOCOL, {"iterations": 1}, content[:32, :32], styles))
    assert isinstance(answers(worker)[-1], Result)
    protocol.send(worker.stdin, job(content, style, color="plaid" * 100_000))
    failure = answers(worker)[-1]
    assert failure.code == "option"
    assert len(failure.message) <= words.TEXT_LIMIT


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"size": -1}, "option", "Option 'size' is -1."),
        ({"sise": 1}, "option", "There is no option 'sise'."),
        ({"network": "nowhere"}, "network", "There is no network 'nowhere'."),
        ({"protocol_number": 99}, "protocol", f"The plug-in speaks protocol 99, the engine {PROTOCOL}."),
    ],
)
def test_a_mistake_is_answered_and_the_worker_goes_on(worker, content, style, change, code, sentence):
    protocol.send(worker.stdin, job(content, style, **change))
    failure = answers(worker)[-1]
    assert (failure.code, failure.message) == (code, sentence)
    protocol.send(worker.stdin, job(content, style, quality="draft", iterations=1))
    assert isinstance(answers(worker)[-1], Result)


def stylize_frame(**style: Any) -> bytes:
    pixels = {"name": "a", "dtype": "uint8", "shape": [1, 1, 3], "bytes": 3}
    styles = [{"name": "s", "pixels": "a", **style}]
    header = {"kind": "stylize", "protocol": 1, "options": {}, "styles": styles, "arrays": [pixels]}
    return json.dumps(header).encode() + b"\nabc"


GARBAGE = {
    "another protocol": b"GET / HTTP/1.1\n",
    "a message that is not for the engine": b'{"kind":"hello","protocol":1}\n',
    "half a message": b'{"kind":"stop"',
    "a style that is a text": stylize_frame().replace(b'[{"name": "s", "pixels": "a"}]', b'["x"]'),
    "a style without pixels": stylize_frame(pixels={}),
    "a style with a number for a name": stylize_frame(name=3),
    "a weight beyond all measure": stylize_frame(weight=10**400),
    "an infinite weight": stylize_frame(weight="X").replace(b'"X"', b"1e999"),
    "options that are a list": b'{"kind":"plan","options":[],"width":64,"height":64}\n',
    "half a pixel": b'{"kind":"plan","options":{},"width":64.5,"height":64}\n',
}


@pytest.mark.slow
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_answered_and_ends_the_worker(worker, garbage):
    worker.stdin.write(garbage)
    worker.stdin.flush()
    if not garbage.endswith((b"\n", b"abc")):
        worker.stdin.close()
    failure = answers(worker)[-1]
    assert failure.code == "protocol"
    assert len(failure.message) < 300
    assert worker.wait(timeout=30) == 0


@pytest.mark.slow
def test_the_log_tells_what_the_client_need_not_know(content, style):
    with started("-c", BROKEN) as worker:
        protocol.send(worker.stdin, job(content, style))
        answers(worker)
        worker.stdin.close()
        assert b"TypeError: 'NoneType' object is not callable" in worker.stderr.read()


MUTE = "import nst_engine.worker as w; w.Preview = w.Progress = None; w.main()"


@pytest.mark.slow
def test_a_picture_that_cannot_be_shown_in_the_making_is_made_all_the_same(content, style):
    with started("-c", MUTE) as worker:
        protocol.send(worker.stdin, job(content, style, iterations=2))
        assert [type(message) for message in answers(worker)] == [Hello, Result]


@pytest.mark.slow
def test_without_a_client_there_is_no_worker():
    with started() as worker:
        worker.stdin.close()
        assert worker.wait(timeout=60) == 0
    with started() as worker:
        worker.stdout.close()
        assert worker.wait(timeout=60) == 0


def test_a_plan_says_size_and_time_and_the_job_keeps_to_it(worker, style):
    protocol.send(worker.stdin, Plan({"quality": "draft"}, 4000, 3000))
    planned = answers(worker, until=(Planned, Failure))[-1]
    assert 64 < planned.width <= 4000
    assert planned.height == pytest.approx(planned.width * 3 / 4, abs=1)
    assert planned.seconds > 0
    protocol.send(worker.stdin, Plan({"size": 300}, 4000, 3000))
    assert answers(worker, until=(Planned, Failure))[-1].width == 300
    protocol.send(worker.stdin, Plan({"size": -1}, 4000, 3000))
    assert answers(worker)[-1].code == "option"


@pytest.mark.slow
def test_a_plan_for_a_content_that_would_be_refused_is_refused_in_a_sentence(worker):
    for width, height in [(0, 0), (-64, 64), (15, 15), (10**9, 10**9), (10**6, 10**6), (10**200, 16)]:
        protocol.send(worker.stdin, Plan({}, width, height))
        failure = answers(worker, until=(Planned, Failure))[-1]
        assert failure.code == "picture"
        assert f"{width}×{height} pixels" in failure.message
    protocol.send(worker.stdin, Plan({}, 64, 64))
    assert answers(worker, until=(Planned, Failure))[-1].width == 64


def test_masks_travel_with_the_job(worker, content, style):
    selection = np.zeros((48, 64, 1), np.uint8)
    selection[:, :32] = 255
    half = Stylize(
        PROTOCOL, {"quality": "draft", "iterations": 1}, content, (StylePicture("s", style),), None, selection
    )
    protocol.send(worker.stdin, half)
    picture = answers(worker)[-1].picture
    assert not picture[:, 32:, 3].any()
    assert (picture[:, :32, 3] == 1).all()


def sketch(content, style, **options: Any) -> Sketch:
    return Sketch(options, content, (StylePicture("s", style),))


def test_a_sketch_is_a_painting_as_small_as_its_content_with_all_that_was_chosen(worker, content, style):
    chosen = {"size": 4000, "quality": "best", "recipe": "nst"}
    protocol.send(worker.stdin, sketch(content, style, **chosen))
    hello, answer = answers(worker, until=(Sketched, Failure))
    assert hello.networks[0] == "vgg19"
    assert (answer.picture.dtype, answer.picture.shape) == (np.uint8, content.shape)
    assert np.abs(answer.picture[..., :3] / 255 - content[..., :3]).mean() > 0.01
    protocol.send(worker.stdin, sketch(content, style, color="content", **chosen))
    assert not np.array_equal(answer.picture, answers(worker, until=(Sketched, Failure))[-1].picture)


ENDLESS = "import nst_engine.worker as w; w.sketch.STEPS = (10**5,); w.sketch.SECONDS = {}; w.main()"


@pytest.mark.slow
def test_a_sketch_that_is_stopped_leaves_the_next_job_as_it_is(content, style):
    with started("-c", ENDLESS.format(10**5)) as worker:
        for message in (sketch(content, style), Stop(), job(content, style, iterations=3)):
            protocol.send(worker.stdin, message)
        assert isinstance(answers(worker, until=(Sketched, Failure))[-1], Sketched)
        assert steps(answers(worker)[-1]) == 3


@pytest.mark.slow
def test_a_sketch_takes_no_longer_than_anybody_waits(content, style):
    with started("-c", ENDLESS.format(0.5)) as worker:
        protocol.send(worker.stdin, sketch(content, style))
        assert answers(worker, until=(Sketched, Failure))[-1].picture.shape == content.shape


def test_a_sketch_that_cannot_be_made_is_refused_and_the_worker_goes_on(worker, content, style):
    protocol.send(worker.stdin, sketch(content[:4], style))
    assert answers(worker)[-1].code == "picture"
    protocol.send(worker.stdin, sketch(content, style))
    assert isinstance(answers(worker, until=(Sketched, Failure))[-1], Sketched)

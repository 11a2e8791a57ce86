"""The worker as a subprocess, spoken to through its pipe."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from nst_engine import protocol
from nst_engine.frames import PROTOCOL
from nst_engine.protocol import Failure, Hello, Plan, Planned, Preview, Progress, Result, Stop, StylePicture, Stylize


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "nst_engine", "worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process
        process.kill()


def job(content, style, protocol_number=PROTOCOL, **options) -> Stylize:
    return Stylize(protocol_number, options, content, (StylePicture("pattern", style),))


def answers(worker, until=(Result, Failure)) -> list:
    messages = [protocol.receive(worker.stdout)]
    while not isinstance(messages[-1], until):
        messages.append(protocol.receive(worker.stdout))
    return messages


def test_jobs_one_after_another(worker, content, style):
    for number in range(2):
        protocol.send(worker.stdin, job(content, style, quality="draft", iterations=4))
        messages = answers(worker)
        assert isinstance(messages[0], Hello) == (number == 0)
        assert {Progress, Preview, Result} <= {type(message) for message in messages}
        assert messages[-1].picture.shape == content.shape
    worker.stdin.close()
    assert worker.wait(timeout=5) == 0


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
    assert isinstance(result, Result)
    assert 1 <= result.used["steps"] < 300


@pytest.mark.parametrize("options", [{"quality": "best"}, {"recipe": "nst"}, {"quality": "best", "iterations": 400}])
def test_long_jobs_arrive_and_what_is_told_of_them_is_as_short_as_of_others(worker, content, style, options):
    protocol.send(worker.stdin, job(content, style, **options))
    result = answers(worker)[-1]
    assert isinstance(result, Result)
    assert result.picture.shape == content.shape
    assert result.used["steps"] >= options.get("iterations", 60)
    assert result.used["losses"]["iteration"] == result.used["steps"]
    assert len(json.dumps(result.used)) < 4000


def test_stop_after_hundreds_of_steps_brings_the_picture(worker, content, style):
    protocol.send(worker.stdin, job(content, style, recipe="nst", iterations=100_000))
    while answers(worker, until=Progress)[-1].fraction < 0.004:
        pass
    protocol.send(worker.stdin, Stop())
    result = answers(worker)[-1]
    assert result.picture.shape == content.shape
    assert result.used["steps"] > 400


def test_names_and_paths_of_any_length_travel(worker, content, style):
    styles = tuple(StylePicture(f"{number} {'é' * 10_000}", style[:20, :20]) for number in range(5))
    protocol.send(worker.stdin, Stylize(PROTOCOL, {"iterations": 1}, content[:32, :32], styles))
    assert isinstance(answers(worker)[-1], Result)
    protocol.send(worker.stdin, job(content, style, color="plaid" * 100_000))
    failure = answers(worker)[-1]
    assert failure.code == "option"
    assert len(failure.message) <= protocol.TEXT_LIMIT


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


def test_garbage_is_answered_and_ends_the_worker(worker):
    worker.stdin.write(b"GET / HTTP/1.1\n")
    worker.stdin.flush()
    failure = answers(worker)[-1]
    assert failure.code == "protocol"
    assert worker.wait(timeout=5) == 0


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

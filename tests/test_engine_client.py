"""The plug-in's end of the pipe, without GIMP: what goes to an engine, and what comes of what it says."""

from __future__ import annotations

import array
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import ENGINES, JOB, STYLE, command, log_of, next_event, saying

from nst_plugin.shared import durations, engines, frames, mailbox, messages, pipe
from nst_plugin.shared.engine_client import Engine
from nst_plugin.shared.errors import EngineError
from nst_plugin.shared.messages import Mask, Picture, Planned, Preview, Progress, Refusal, Result, Sketched
from tests.fuzz.values import json_values


@pytest.fixture
def engine(logs: Path) -> Iterator[Engine]:
    with Engine(command("answers"), [str(logs)]) as engine:
        yield engine


def test_a_job_goes_there_and_a_picture_comes_back(engine: Engine) -> None:
    reports = []
    picture, used, remark = engine.stylize(JOB, lambda *report: reports.append(report))
    values = array.array("f", bytes(picture.rgba))
    assert (picture.width, picture.height) == (2, 1)
    assert list(values) == pytest.approx([0.9, 0.8, 0.7, 1.0, 0.6, 0.5, 0.4, 0.5])
    assert (used, remark) == ({}, "")
    assert reports == [(0.25, 20.0, "256 px, step 12 of 40")]


def test_one_engine_does_several_jobs(engine: Engine) -> None:
    pictures = [engine.stylize(JOB, lambda *_: None).picture for _ in range(3)]
    assert len({bytes(picture.rgba) for picture in pictures}) == 1


def test_masks_travel_with_the_job(logs: Path) -> None:
    mask = Mask(2, 1, b"\xff\x00")
    with Engine(command("answers"), [str(logs)]) as engine:
        engine.stylize(JOB._replace(protection=mask, selection=mask), lambda *_: None)
    assert '"protection": [1, 2, 1], "selection": [1, 2, 1]' in log_of(logs)


def test_a_group_of_seven_hundred_layers_with_long_names_reaches_the_engine(logs: Path) -> None:
    styles = [STYLE._replace(name="层" * 500)] * 700
    with Engine(command("answers"), [str(logs)]) as engine:
        assert engine.stylize(JOB._replace(styles=styles), lambda *_: None).used == {}


def test_who_polls_is_never_kept_waiting_and_sees_the_job_get_on(logs: Path) -> None:
    with Engine(command("paints"), [str(logs)]) as engine:
        engine.paint(JOB)
        events = [next_event(engine)]
        while events[-1] != Progress(0.5, 20.0, "256 px, step 12 of 40"):
            events.append(next_event(engine))
        assert Preview(4, 3, bytes((0, 0, 255, 255)) * 12) in events
        assert engine.poll() is None
        engine.stop()
        assert isinstance(next_event(engine), Result)


def test_of_many_previews_only_the_newest_is_kept_and_none_is_before_the_result(logs: Path) -> None:
    with Engine(command("floods"), [str(logs)]) as engine:
        engine.paint(JOB)
        while "white" not in log_of(logs):
            time.sleep(0.01)  # until all 256 are in the pipe's end
        engine.stop()
        while "stopped" not in log_of(logs):
            time.sleep(0.01)
        time.sleep(0.2)  # the last frames are read by the thread
        kinds = [type(next_event(engine)) for _ in range(3)]
        assert kinds == [Preview, Progress, Result]


def test_the_engine_is_asked_about_size_and_time(logs: Path) -> None:
    with Engine(command("plans"), [str(logs)]) as engine:
        engine.plan({"quality": "draft"}, 100, 50)
        assert next_event(engine) == Planned(100, 50, 30.0)
        engine.plan({"quality": "best"}, 100, 50)
        assert next_event(engine) == Refusal("The picture does not fit. Choose a smaller size.", Planned)
        assert engine.stylize(JOB, lambda *_: None).used == {}


def test_a_sketch_shows_a_job_in_small(engine: Engine) -> None:
    engine.sketch(JOB)
    width, height, rgba = next_event(engine)
    assert (width, height, len(rgba)) == (2, 1, 8)
    assert engine.networks == ["vgg19", "vgg19-caffe"]


def test_a_sketch_that_is_stopped_or_refused_keeps_no_job_from_being_done(logs: Path, tmp_path: Path) -> None:
    with Engine([*command("sketches_without_end"), str(tmp_path / "sketch")], [str(logs)]) as engine:
        engine.sketch(JOB)
        engine.stop()
        engine.paint(JOB)
        assert [type(next_event(engine)) for _ in range(2)] == [Sketched, Result]
    with Engine(command("refuses_sketches"), [str(logs)]) as engine:
        engine.sketch(JOB)
        engine.paint(JOB)
        assert next_event(engine) == Refusal("There is no room for a sketch. Close a program.", Sketched)
        assert isinstance(next_event(engine), Result)


def test_engines_elsewhere_and_those_of_before_are_asked_for_no_sketches(logs: Path) -> None:
    greeting = "'kind': 'hello', 'protocol': pipe.frames.PROTOCOL"
    older = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ENGINES)!r})"]
    older[-1] += f"; import pipe; pipe.send({{{greeting}}}, {{}}); pipe.receive()"
    far = command("answers", "/usr/bin/ssh")
    for words, host, is_asked in [
        (command("answers"), "", True), (command("answers"), "x", False), (far, "", False), (older, "", False),
    ]:  # fmt: skip
        with Engine(words, [str(logs)], host=host) as engine:
            engine.wait_for_greeting()
            assert engine.makes_sketches == is_asked


LISTED: list[dict[str, Any]] = [
    {"name": "far", "host": "far", "ssh": [sys.executable, "-c", "input()"]},
    {"name": "gone", "command": ["/nowhere/engine"]},
    {"name": "here", "command": command("answers")},
]


@pytest.mark.parametrize(
    ("entries", "name", "becomes"),
    [
        (LISTED, "", ""),
        (LISTED, "gone", "here"),
        (LISTED, "of another time", "here"),
        (LISTED[:2], "gone", "gone"),
    ],
)
def test_an_engine_that_cannot_be_started_is_replaced_by_none_elsewhere(
    tmp_path: Path, entries: list[dict[str, Any]], name: str, becomes: str
) -> None:
    (tmp_path / "engine.json").write_text(json.dumps({"format": 1, "engines": entries}))
    started, chosen = engines.start_for_choice(name, folder=str(tmp_path))
    with started:
        is_gone = chosen == "gone"
        assert (chosen, started.is_elsewhere, started.has_failed) == (becomes, name == "", is_gone)


@pytest.mark.parametrize("told", [None, 3, {"vgg19": 1}, [["vgg19"], "vgg19"]])
def test_networks_that_are_none_are_not_offered(told: Any) -> None:
    assert messages.names(told) == ([] if not isinstance(told, list) else ["vgg19"])


def test_an_error_of_the_job_is_told_from_one_of_a_plan_asked_before(logs: Path) -> None:
    with Engine(command("plans"), [str(logs)]) as engine:
        engine.plan({"quality": "best"}, 100, 50)
        engine.paint(JOB._replace(options={"quality": "best"}))
        assert isinstance(next_event(engine), Refusal)
        with pytest.raises(EngineError, match=r"^The picture does not fit\. Choose a smaller size\.$"):
            next_event(engine)


def test_an_error_of_the_job_is_told_from_one_of_a_plan_asked_after(logs: Path) -> None:
    with Engine(command("plans"), [str(logs)]) as engine:
        engine.paint(JOB._replace(options={"quality": "best"}))
        engine.plan({"quality": "best"}, 100, 50)
        with pytest.raises(EngineError, match=r"^The picture does not fit"):
            next_event(engine)
        assert isinstance(next_event(engine), Refusal)


def test_stop_concerns_the_job_under_way_and_nothing_else(logs: Path) -> None:
    with Engine(command("paints"), [str(logs)]) as engine:
        engine.stop()
        engine.paint(JOB)
        while next_event(engine) != Progress(0.5, 20.0, "256 px, step 12 of 40"):
            pass
        engine.stop()
        engine.stop()
        assert isinstance(next_event(engine), Result)
        engine.stop()


ODD_PROGRESS = [
    '{"kind":"progress","fraction":-1,"seconds_left":1,"text":"x"}',
    '{"kind":"progress","fraction":"1","seconds_left":1,"text":"x"}',
    '{"kind":"progress","fraction":0,"seconds_left":-1,"text":"x"}',
    '{"kind":"progress","fraction":0,"seconds_left":1e300,"text":"x"}',
    '{"kind":"progress","fraction":0,"seconds_left":1,"text":7}',
    '{"kind":"progress"}',
    '{"kind":"preview"}',
]


@pytest.mark.parametrize("line", ODD_PROGRESS)
def test_a_progress_that_makes_no_sense_is_no_reason_to_lose_the_picture(logs: Path, line: str) -> None:
    code = f"""job = pipe.receive_job()
print({line!r}, flush=True)
pipe.send({{'kind': 'result', 'used': [1]}}, {{'picture': pipe.painted(job)}})
pipe.receive()"""
    reports: list[object] = []
    with Engine(saying(code), [str(logs)]) as engine:
        assert engine.stylize(JOB, lambda *report: reports.append(report)).used == {}
    assert reports == []
    assert "made no sense" in log_of(logs)


KINDS = ["progress", "preview", "result", "planned", "error", "fireworks"]
FIELDS = ["fraction", "seconds_left", "text", "used", "width", "height", "seconds", "message", "remedy"]
ARRAYS = st.builds(
    lambda dtype, shape: frames.Array(dtype, tuple(shape), bytes(frames.byte_count(dtype, shape))),
    st.sampled_from(sorted(frames.ITEM_SIZES)),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
)


@given(
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(FIELDS), json_values),
    st.dictionaries(st.sampled_from(["picture", "other"]), ARRAYS),
)
def test_whatever_an_engine_says_it_is_understood_or_refused(
    kind: str, fields: dict[str, Any], arrays: dict[str, frames.Array]
) -> None:
    try:
        event = messages.understood(frames.Frame({**fields, "kind": kind}, arrays), (2, 1))
    except (LookupError, TypeError, ValueError, OverflowError):
        return
    for text in (value for value in event if isinstance(value, str)):
        assert "\0" not in text and "\n" not in text
        text.encode("utf-8")
    if isinstance(event, Progress):
        assert 0 <= event.fraction <= 1
        durations.time_left(event.seconds_left or 0)


@pytest.mark.parametrize("width", ["0", "-1", "2**31", "'1'", "None"])
def test_a_plan_that_makes_no_sense_is_not_believed(logs: Path, width: str) -> None:
    code = f"pipe.receive(); pipe.send({{'kind': 'planned', 'seconds': 1.0, 'height': 1, 'width': {width}}})"
    with Engine(saying(code), [str(logs)]) as engine:
        engine.plan({}, 1, 1)
        with pytest.raises(EngineError, match="a message 'planned' that this plug-in does not understand"):
            next_event(engine)


def test_closing_in_the_middle_of_a_long_message_does_not_wait_for_it(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "CLOSE_SECONDS", 0.3)
    large = Picture(1000, 1000, bytes(16_000_000))
    threads_of_others = threading.active_count()
    engine = Engine([sys.executable, "-c", "import time; time.sleep(600)"], [str(logs)])
    engine.paint(JOB._replace(content=large))
    engine.close()
    assert threading.active_count() == threads_of_others


def test_what_comes_after_the_close_is_not_kept() -> None:
    box, frame = mailbox.Mailbox(), frames.Frame({"kind": "planned"}, {})
    box.close()
    for _ in range(2 * mailbox.MOST_WAITING):
        box.put(frame)
    ending = mailbox.Ending(ValueError(), False)
    box.put(ending)
    assert [box.take(0), box.take(0)] == [ending, None]


def test_closing_ends_an_engine_that_listens_without_killing_it(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(command("answers"), [str(logs)])
    engine.wait_for_greeting()
    killed = []
    monkeypatch.setattr(engine._pipe.process, "kill", lambda: killed.append(True))
    engine.close()
    assert engine._pipe.process.poll() == 0
    assert not killed


def test_closing_kills_an_engine_that_does_not_listen(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "CLOSE_SECONDS", 0.3)
    script = "import os, time; print(os.getpid(), file=__import__('sys').stderr, flush=True); time.sleep(600)"
    engine = Engine([sys.executable, "-c", script], [str(logs)])
    while not log_of(logs).strip():
        time.sleep(0.05)
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(log_of(logs)), 0)

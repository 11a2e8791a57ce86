"""The plug-in's end of the pipe, without GIMP, against stand-in engines that speak the real protocol."""

from __future__ import annotations

import array
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "gimp_plugin/neural-style"))

from nst_plugin import engine_client, settings
from nst_plugin.engine_client import (
    Engine,
    Mask,
    Picture,
    Planned,
    Preview,
    Progress,
    Refusal,
    Result,
    Style,
)
from nst_plugin.errors import EngineError

TESTS = Path(__file__).parent
CONTENT = Picture(2, 1, array.array("f", [0.1, 0.2, 0.3, 1.0, 0.4, 0.5, 0.6, 0.5]).tobytes())
STYLE = Style("painting", Picture(1, 1, array.array("f", [0.9, 0.8, 0.7, 1.0]).tobytes()))
INSTALL = 'Run "python3 install/install.py"'


def command(stand_in: str) -> list[str]:
    return [sys.executable, str(TESTS / "gimp/engines" / f"{stand_in}.py")]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "a folder to be made" / "engine.log"


@pytest.fixture
def engine(log: Path) -> Iterator[Engine]:
    with Engine(command("answers"), str(log)) as engine:
        yield engine


def paint(stand_in: str, log: Path) -> Result:
    with Engine(command(stand_in), str(log)) as engine:
        return engine.stylize(CONTENT, [STYLE], {}, lambda *_: None)


def test_a_job_goes_there_and_a_picture_comes_back(engine: Engine) -> None:
    reports = []
    picture, used = engine.stylize(CONTENT, [STYLE], {}, lambda *report: reports.append(report))
    values = array.array("f", bytes(picture.rgba))
    assert (picture.width, picture.height) == (2, 1)
    assert list(values) == pytest.approx([0.9, 0.8, 0.7, 1.0, 0.6, 0.5, 0.4, 0.5])
    assert used == {}
    assert reports == [(0.25, 20.0, "256 px, step 12 of 40")]


def test_one_engine_does_several_jobs(engine: Engine) -> None:
    pictures = [engine.stylize(CONTENT, [STYLE], {}, lambda *_: None).picture for _ in range(3)]
    assert len({bytes(picture.rgba) for picture in pictures}) == 1


def test_the_log_keeps_what_the_engine_says_in_this_run(log: Path) -> None:
    log.parent.mkdir()
    log.write_text("of an earlier run")
    paint("answers", log)
    assert "of an earlier run" not in log.read_text()
    assert '"kind": "stylize"' in log.read_text()
    assert "info: a line for the log" in log.read_text()


@pytest.mark.parametrize(
    ("stand_in", "sentence"),
    [
        ("dies", "The engine stopped before it was done; its log may tell why: "),
        ("exits", "The engine did not start; its log may tell why: "),
        ("babbles", "The engine sent something that is no message; its log may tell why: "),
        ("is_newer", "The engine speaks version 99 of the protocol and the plug-in version 1. " + INSTALL),
        ("refuses", "The content is too small. Use a larger one."),
        ("says_something_new", "The engine sent a message 'fireworks' that this plug-in does not understand"),
    ],
)
def test_a_broken_engine_is_explained(stand_in: str, sentence: str, log: Path) -> None:
    with pytest.raises(EngineError) as caught:
        paint(stand_in, log)
    assert str(caught.value).startswith(sentence)


def test_what_was_no_message_stands_in_the_log(log: Path) -> None:
    with pytest.raises(EngineError):
        paint("babbles", log)
    assert "Welcome to gpu-box!" in log.read_text()


def test_a_missing_engine_is_explained(log: Path) -> None:
    with pytest.raises(EngineError, match=r"The engine of Neural Style is not installed\. Run"):
        Engine(["/nowhere/python"], str(log))


def test_a_log_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="make its folder writable"):
        Engine(command("answers"), str(tmp_path / "file" / "engine.log"))


def next_event(engine: Engine) -> Any:
    while (event := engine.poll()) is None:
        time.sleep(0.01)
    return event


def test_who_polls_is_never_kept_waiting_and_sees_the_job_get_on(log: Path) -> None:
    with Engine(command("paints"), str(log)) as engine:
        engine.paint(CONTENT, [STYLE], {})
        events = [next_event(engine)]
        while events[-1] != Progress(0.5, 20.0, "256 px, step 12 of 40"):
            events.append(next_event(engine))
        assert Preview(4, 3, bytes((0, 0, 255, 255)) * 12) in events
        assert engine.poll() is None
        engine.stop()
        assert isinstance(next_event(engine), Result)


def test_of_many_previews_only_the_newest_is_kept_and_none_is_before_the_result(log: Path) -> None:
    with Engine(command("floods"), str(log)) as engine:
        engine.paint(CONTENT, [STYLE], {})
        while b"white" not in log.read_bytes():
            time.sleep(0.01)  # until all 256 are in the pipe's end
        engine.stop()
        while b"stopped" not in log.read_bytes():
            time.sleep(0.01)
        time.sleep(0.2)  # the last frames are read by the thread
        kinds = [type(next_event(engine)) for _ in range(3)]
        assert kinds == [Preview, Progress, Result]


def test_the_engine_is_asked_about_size_and_time(log: Path) -> None:
    with Engine(command("plans"), str(log)) as engine:
        engine.plan({"quality": "draft"}, 100, 50)
        assert next_event(engine) == Planned(100, 50, 30.0)
        engine.plan({"quality": "best"}, 100, 50)
        assert next_event(engine) == Refusal("The picture does not fit. Choose a smaller size.")
        assert engine.stylize(CONTENT, [STYLE], {}, lambda *_: None).used == {}


def test_an_error_of_the_job_is_told_from_one_of_a_plan_asked_before(log: Path) -> None:
    with Engine(command("plans"), str(log)) as engine:
        engine.plan({"quality": "best"}, 100, 50)
        engine.paint(CONTENT, [STYLE], {"quality": "best"})
        assert isinstance(next_event(engine), Refusal)
        with pytest.raises(EngineError, match=r"^The picture does not fit\. Choose a smaller size\.$"):
            next_event(engine)


def test_masks_travel_with_the_job(log: Path) -> None:
    mask = Mask(2, 1, b"\xff\x00")
    with Engine(command("answers"), str(log)) as engine:
        engine.stylize(CONTENT, [STYLE], {}, lambda *_: None, protection=mask, selection=mask)
    assert '"protection": [1, 2, 1], "selection": [1, 2, 1]' in log.read_text()


def test_a_failed_engine_fails_again_for_whoever_asks_again(log: Path) -> None:
    with Engine(command("exits"), str(log)) as engine:
        for _ in range(2):
            with pytest.raises(EngineError, match="The engine did not start"):
                next_event(engine)


def test_an_engine_that_never_greets_is_given_up(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_client, "HELLO_SECONDS", 1)
    idle: list[int] = []
    with (
        Engine([sys.executable, "-c", "import sys; sys.stdin.read()"], str(log), lambda: idle.append(1)) as engine,
        pytest.raises(EngineError, match="The engine did not greet within 1 seconds"),
    ):
        engine.wait_for_greeting()
    assert len(idle) >= 5


def test_closing_in_the_middle_of_a_long_message_does_not_wait_for_it(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_client, "CLOSE_SECONDS", 0.3)
    large = Picture(1000, 1000, bytes(16_000_000))
    threads_of_others = threading.active_count()
    engine = Engine([sys.executable, "-c", "import time; time.sleep(600)"], str(log))
    engine.paint(large, [STYLE], {})
    engine.close()
    assert threading.active_count() == threads_of_others


def test_closing_ends_an_engine_that_listens_without_killing_it(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(command("answers"), str(log))
    engine.wait_for_greeting()
    killed = []
    monkeypatch.setattr(engine._process, "kill", lambda: killed.append(True))
    engine.close()
    assert engine._process.poll() == 0
    assert not killed


def test_closing_kills_an_engine_that_does_not_listen(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_client, "CLOSE_SECONDS", 0.3)
    script = "import os, time; print(os.getpid(), file=__import__('sys').stderr, flush=True); time.sleep(600)"
    engine = Engine([sys.executable, "-c", script], str(log))
    while not log.read_text().strip():
        time.sleep(0.05)
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text()), 0)


def test_gimps_own_variables_do_not_reach_the_engine() -> None:
    kept = {"PATH": "/bin", "HOME": "/home/me", "CUDA_VISIBLE_DEVICES": "0", "LANG": "de_DE.UTF-8"}
    gimps = {
        "PYTHONPATH": "x",
        "PYTHONHOME": "x",
        "GI_TYPELIB_PATH": "x",
        "DYLD_LIBRARY_PATH": "x",
        "GIMP3_DIRECTORY": "x",
    }
    assert engine_client.engine_environment({**kept, **gimps, "LD_LIBRARY_PATH": "x"}) == kept


def test_the_engine_of_engine_json_is_used(tmp_path: Path) -> None:
    (tmp_path / "engine.json").write_text(
        '{"format": 1, "engines": [{"name": "a", "command": ["b", "c"], "protocol": 1}]}'
    )
    assert settings.engine_command(str(tmp_path)) == ["b", "c"]


@pytest.mark.parametrize("text", [None, "", "[]", '{"format": 1, "engines": []}', '{"format": 2, "engines": []}'])
def test_an_unusable_engine_json_means_that_there_is_no_engine(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "engine.json").write_text(text)
    with pytest.raises(EngineError, match="is not installed"):
        settings.engine_command(str(tmp_path))


@pytest.mark.parametrize(
    ("platform", "environ", "path"),
    [
        ("linux", {"XDG_STATE_HOME": "/state"}, "/state/neural-style/engine.log"),
        ("linux", {}, "{home}/.local/state/neural-style/engine.log"),
        ("darwin", {}, "{home}/Library/Logs/neural-style/engine.log"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/neural-style/engine.log"),
    ],
)
def test_the_log_lies_where_the_system_keeps_such_files(platform: str, environ: dict[str, str], path: str) -> None:
    assert settings.log_path(environ, platform) == path.format(home=Path.home())

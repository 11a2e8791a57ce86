"""The plug-in's end of the pipe, without GIMP, against stand-in engines that speak the real protocol."""

from __future__ import annotations

import array
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.values import json_values

sys.path.insert(0, str(Path(__file__).parents[1] / "gimp_plugin/neural-style"))

from nst_plugin.shared import durations, engine_client, frames, messages, settings
from nst_plugin.shared.engine_client import Engine
from nst_plugin.shared.errors import EngineError
from nst_plugin.shared.messages import Mask, Picture, Planned, Preview, Progress, Refusal, Result, Style

ENGINES = Path(__file__).parent / "gimp/engines"
CONTENT = Picture(2, 1, array.array("f", [0.1, 0.2, 0.3, 1.0, 0.4, 0.5, 0.6, 0.5]).tobytes())
STYLE = Style("painting", Picture(1, 1, array.array("f", [0.9, 0.8, 0.7, 1.0]).tobytes()))
INSTALL = 'Run "python3 install/install.py"'
MEND = ': run "python3 install/install.py" to mend its installation'
UNASKED = "The engine sent a message '%s' that this plug-in does not understand" + MEND


def command(stand_in: str, *arguments: str) -> list[str]:
    return [sys.executable, str(ENGINES / f"{stand_in}.py"), *arguments]


def saying(code: str) -> list[str]:
    """An engine that greets and then does as the code says."""
    return [
        sys.executable,
        "-c",
        f"import os, sys\nsys.path.insert(0, {str(ENGINES)!r})\nimport pipe\npipe.greet()\n{code}",
    ]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "a folder to be made"


def log_of(logs: Path) -> str:
    """What the newest run left."""
    return max(logs.iterdir()).read_text()


@pytest.fixture
def engine(logs: Path) -> Iterator[Engine]:
    with Engine(command("answers"), [str(logs)]) as engine:
        yield engine


def paint(command: list[str], logs: Path) -> Result:
    with Engine(command, [str(logs)]) as engine:
        return engine.stylize(CONTENT, [STYLE], {}, lambda *_: None)


def complaint(command: list[str], logs: Path) -> str:
    """How a run that comes to nothing is explained."""
    with pytest.raises(EngineError) as caught:
        paint(command, logs)
    return str(caught.value)


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


def test_an_engine_that_prints_something_and_ends_is_explained_with_its_log(logs: Path) -> None:
    sentence = complaint(saying("print('No space left', file=sys.stderr, flush=True); sys.exit(3)"), logs)
    (log,) = logs.iterdir()
    assert sentence == f"The engine stopped before it was done: try again; its log may tell why: {log}"
    assert log_of(logs) == "No space left\n"


KILLED = "The engine was killed, as happens when memory runs out: close other programs, or choose a smaller size."
SILENT_ENDS = {
    "sys.exit(3)": "The engine stopped before it was done: try again.",
    "os.kill(os.getpid(), 9)": KILLED,
    "os.kill(os.getpid(), 11)": "The engine was ended by the signal SIGSEGV: try again.",
    "os._exit(137)": KILLED,  # a shell around a killed engine
    "print('Welcome to gpu-box!', flush=True); sys.stdin.read()": "The engine sent something that is no message" + MEND,
    "pipe.send({'kind': 'fireworks'})": UNASKED % "fireworks" + ".",
    "pipe.send({'kind': 'a\\0b\\ud800' + 'c' * 5000})": UNASKED % ("a b?" + "c" * 996) + ".",
    "pipe.send({'kind': 'result', 'used': {}})": UNASKED % "result" + ".",
    "pipe.send({'kind': 'planned', 'width': 1, 'height': 1, 'seconds': 1})": UNASKED % "planned" + ".",
    "pipe.send({'kind': 'error', 'message': 'No\\0.', 'remedy': 'Rest.'}); sys.stdin.read()": "No . Rest.",
}


@pytest.mark.parametrize("code", SILENT_ENDS)
def test_an_engine_that_ends_without_a_word_is_explained_without_a_log(logs: Path, code: str) -> None:
    sentence = complaint(saying(code), logs)
    if "no message" in sentence:
        assert "Welcome to gpu-box!" in log_of(logs)
        sentence = sentence.partition(";")[0]
    assert sentence == SILENT_ENDS[code]


@pytest.mark.parametrize(
    ("stand_in", "sentence"),
    [
        ("exits", f"The engine did not start{MEND}; its log may tell why: "),
        ("is_newer", "The engine speaks version 99 of the protocol and the plug-in version 1. " + INSTALL),
        ("refuses", "The content is too small. Use a larger one."),
    ],
)
def test_a_broken_engine_is_explained(stand_in: str, sentence: str, logs: Path) -> None:
    assert complaint(command(stand_in), logs).startswith(sentence)


def test_an_engine_that_has_no_use_for_this_machine_says_so_in_place_of_a_greeting(logs: Path) -> None:
    code = saying("pass")[2].replace("pipe.greet()", "pipe.send({'kind': 'error', 'message': 'No.', 'remedy': ''})")
    assert complaint([sys.executable, "-c", code], logs) == "No."


@pytest.mark.parametrize(
    "frame",
    [
        r'{"arrays":[{"bytes":1,"dtype":"x","name":"\ud800","shape":[1]}],"kind":"result"}',
        r'{"arrays":[{"bytes":1,"dtype":"x","name":"Bücher","shape":[1]}],"kind":"result"}',
        r'{"kind":"a","b":' + 10_000 * "[",
    ],
)
def test_whatever_the_reader_meets_it_passes_on_an_ending(logs: Path, frame: str) -> None:
    code = f"sys.stdout.buffer.write({frame!r}.encode() + b'\\n'); sys.stdout.flush(); sys.stdin.read()"
    assert complaint(saying(code), logs).startswith("The engine sent something that is no message")


def test_whatever_the_writer_meets_it_passes_on_an_ending(logs: Path) -> None:
    with Engine(command("answers"), [str(logs)]) as engine:
        with pytest.raises(EngineError, match="The picture could not be sent to the engine: try again; its log may"):
            engine.stylize(CONTENT, [STYLE], {"seed": float("nan")}, lambda *_: None)
        with pytest.raises(EngineError, match="The picture could not be sent"):
            engine.stylize(CONTENT, [STYLE], {}, lambda *_: None)


def test_a_group_of_seven_hundred_layers_with_long_names_reaches_the_engine(logs: Path) -> None:
    styles = [STYLE._replace(name="层" * 500)] * 700
    with Engine(command("answers"), [str(logs)]) as engine:
        assert engine.stylize(CONTENT, styles, {}, lambda *_: None).used == {}


def test_a_child_that_keeps_the_pipe_of_an_engine_that_is_gone_keeps_nobody_waiting(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_client, "END_SECONDS", 0.3)
    code = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, file=sys.stderr, flush=True); sys.exit(3)"
    try:
        assert complaint(saying(code), logs).startswith("The engine stopped before it was done")
    finally:
        os.kill(int(log_of(logs)), signal.SIGKILL)


LIMITED = """
import resource, sys
sys.path[:0] = [{plug_in!r}]
from nst_plugin.shared.engine_client import Engine
from nst_plugin.shared.messages import Picture, Style
content = Picture(5000, 1000, bytes(80_000_000))  # more than the C library puts aside for a thread
with Engine({command!r}, [{logs!r}]) as engine:
    engine.wait_for_greeting()
    {limit}
    picture = engine.stylize(content, [Style("s", Picture(1, 1, bytes(16)))], {{}}, lambda *_: None).picture
    print(picture.width)
"""
LITTLE_MEMORY = """
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 10_000_000, -1))
"""
FULL_DISK = "resource.setrlimit(resource.RLIMIT_FSIZE, (4, -1))"


def run_limited(command: list[str], logs: Path, limit: str) -> tuple[str, str]:
    """The last line that a process says which uses the client within limits, on stdout and on stderr."""
    plug_in = str(Path(engine_client.__file__).parents[2])
    code = LIMITED.format(plug_in=plug_in, command=command, logs=str(logs), limit=limit.strip())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    return done.stdout.strip(), (done.stderr.splitlines() or [""])[-1]


def test_a_picture_that_does_not_fit_into_memory_is_an_ending_too(logs: Path) -> None:
    told, problem = run_limited(command("answers"), logs, LITTLE_MEMORY)
    assert told == ""
    assert problem.startswith(
        "nst_plugin.shared.errors.EngineError: There is too little memory for this picture: close "
    )


def test_a_full_disk_under_the_log_costs_nothing_but_the_log(logs: Path) -> None:
    code = """job = pipe.receive_job()
pipe.send({'kind': 'progress'})
pipe.send({'kind': 'result', 'used': {}}, {'picture': pipe.painted(job)})
pipe.receive()"""
    assert run_limited(saying(code), logs, FULL_DISK) == ("5000", "")
    assert "made no sense" not in log_of(logs)


def test_each_run_has_a_log_of_its_own_and_the_newest_ten_are_kept(logs: Path) -> None:
    logs.mkdir()
    for day in range(10, 30):
        (logs / f"engine-202601{day}-120000-xyz.log").touch()
    (logs / "mine.txt").touch()
    with Engine(command("answers"), [str(logs)]) as one, Engine(command("answers"), [str(logs)]) as other:
        for number, engine in enumerate((one, other)):
            engine.stylize(CONTENT, [STYLE], {"seed": number}, lambda *_: None)
    *older, first, second = sorted(logs.glob("engine-*"))
    assert [path.name[13:15] for path in older] == [str(day) for day in range(22, 30)]
    assert {'"seed": 0' in path.read_text() for path in (first, second)} == {True, False}
    assert (logs / "mine.txt").exists()


def test_a_log_goes_where_it_can_be_written_or_nowhere(tmp_path: Path, logs: Path) -> None:
    (tmp_path / "file").touch()
    with (
        Engine(command("exits"), [str(tmp_path / "file/logs"), str(logs)]) as engine,
        pytest.raises(EngineError, match=f"its log may tell why: {logs}/engine-"),
    ):
        engine.wait_for_greeting()
    with Engine(command("answers"), [str(tmp_path / "file/logs")]) as engine:
        assert engine.stylize(CONTENT, [STYLE], {}, lambda *_: None).used == {}


def test_a_missing_engine_is_explained(logs: Path) -> None:
    with pytest.raises(EngineError, match=r"The engine of Neural Style is not installed\. Run"):
        Engine(["/nowhere/python"], [str(logs)])


def test_an_engine_that_may_not_run_where_it_is_is_not_called_missing(tmp_path: Path, logs: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\n")
    with pytest.raises(
        EngineError, match=r"^The engine may not be started \(Permission denied\): install it in a folder"
    ):
        Engine([str(program)], [str(logs)])


def test_an_engine_that_the_system_does_not_start_is_not_called_missing(logs: Path) -> None:
    with pytest.raises(EngineError, match=r"^The engine cannot be started \(Argument list too long\): close other"):
        Engine([sys.executable, "x" * 10_000_000], [str(logs)])


def next_event(engine: Engine) -> Any:
    while (event := engine.poll()) is None:
        time.sleep(0.01)
    return event


def test_who_polls_is_never_kept_waiting_and_sees_the_job_get_on(logs: Path) -> None:
    with Engine(command("paints"), [str(logs)]) as engine:
        engine.paint(CONTENT, [STYLE], {})
        events = [next_event(engine)]
        while events[-1] != Progress(0.5, 20.0, "256 px, step 12 of 40"):
            events.append(next_event(engine))
        assert Preview(4, 3, bytes((0, 0, 255, 255)) * 12) in events
        assert engine.poll() is None
        engine.stop()
        assert isinstance(next_event(engine), Result)


def test_of_many_previews_only_the_newest_is_kept_and_none_is_before_the_result(logs: Path) -> None:
    with Engine(command("floods"), [str(logs)]) as engine:
        engine.paint(CONTENT, [STYLE], {})
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
        assert next_event(engine) == Refusal("The picture does not fit. Choose a smaller size.")
        assert engine.stylize(CONTENT, [STYLE], {}, lambda *_: None).used == {}


def test_an_error_of_the_job_is_told_from_one_of_a_plan_asked_before(logs: Path) -> None:
    with Engine(command("plans"), [str(logs)]) as engine:
        engine.plan({"quality": "best"}, 100, 50)
        engine.paint(CONTENT, [STYLE], {"quality": "best"})
        assert isinstance(next_event(engine), Refusal)
        with pytest.raises(EngineError, match=r"^The picture does not fit\. Choose a smaller size\.$"):
            next_event(engine)


def test_an_error_of_the_job_is_told_from_one_of_a_plan_asked_after(logs: Path) -> None:
    with Engine(command("plans"), [str(logs)]) as engine:
        engine.paint(CONTENT, [STYLE], {"quality": "best"})
        engine.plan({"quality": "best"}, 100, 50)
        with pytest.raises(EngineError, match=r"^The picture does not fit"):
            next_event(engine)
        assert isinstance(next_event(engine), Refusal)


def test_stop_concerns_the_job_under_way_and_nothing_else(logs: Path) -> None:
    with Engine(command("paints"), [str(logs)]) as engine:
        engine.stop()
        engine.paint(CONTENT, [STYLE], {})
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
        assert engine.stylize(CONTENT, [STYLE], {}, lambda *report: reports.append(report)).used == {}
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


def test_masks_travel_with_the_job(logs: Path) -> None:
    mask = Mask(2, 1, b"\xff\x00")
    with Engine(command("answers"), [str(logs)]) as engine:
        engine.stylize(CONTENT, [STYLE], {}, lambda *_: None, protection=mask, selection=mask)
    assert '"protection": [1, 2, 1], "selection": [1, 2, 1]' in log_of(logs)


def test_a_failed_engine_fails_again_for_whoever_asks_again(logs: Path) -> None:
    with Engine(command("exits"), [str(logs)]) as engine:
        for _ in range(2):
            with pytest.raises(EngineError, match="The engine did not start"):
                next_event(engine)


def test_an_engine_that_never_greets_is_given_up(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_client, "HELLO_SECONDS", 1)
    idle: list[int] = []
    with (
        Engine([sys.executable, "-c", "import sys; sys.stdin.read()"], [str(logs)], lambda: idle.append(1)) as engine,
        pytest.raises(EngineError, match="The engine did not greet within 1 seconds"),
    ):
        engine.wait_for_greeting()
    assert len(idle) >= 5


def test_closing_in_the_middle_of_a_long_message_does_not_wait_for_it(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_client, "CLOSE_SECONDS", 0.3)
    large = Picture(1000, 1000, bytes(16_000_000))
    threads_of_others = threading.active_count()
    engine = Engine([sys.executable, "-c", "import time; time.sleep(600)"], [str(logs)])
    engine.paint(large, [STYLE], {})
    engine.close()
    assert threading.active_count() == threads_of_others


def test_closing_ends_an_engine_that_listens_without_killing_it(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(command("answers"), [str(logs)])
    engine.wait_for_greeting()
    killed = []
    monkeypatch.setattr(engine._process, "kill", lambda: killed.append(True))
    engine.close()
    assert engine._process.poll() == 0
    assert not killed


def test_closing_kills_an_engine_that_does_not_listen(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_client, "CLOSE_SECONDS", 0.3)
    script = "import os, time; print(os.getpid(), file=__import__('sys').stderr, flush=True); time.sleep(600)"
    engine = Engine([sys.executable, "-c", script], [str(logs)])
    while not log_of(logs).strip():
        time.sleep(0.05)
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(log_of(logs)), 0)


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
    ("platform", "environ", "folder"),
    [
        ("linux", {"XDG_STATE_HOME": "/state"}, "/state/neural-style"),
        ("linux", {"XDG_STATE_HOME": "not/absolute"}, "{home}/.local/state/neural-style"),
        ("linux", {}, "{home}/.local/state/neural-style"),
        ("darwin", {}, "{home}/Library/Logs/neural-style"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/neural-style"),
    ],
)
def test_the_log_lies_where_the_system_keeps_such_files(platform: str, environ: dict[str, str], folder: str) -> None:
    assert settings.log_folders(environ, platform)[0] == folder.format(home=Path.home())


def test_who_has_neither_home_nor_name_has_a_log_among_the_temporary_files(tmp_path: Path) -> None:
    become = "os.setuid(54321)" if os.getuid() == 0 else "pass"
    code = f"import os; from nst_plugin.shared import settings; {become}; print(os.getuid(), settings.log_folders())"
    environment = {"TMPDIR": str(tmp_path), "PYTHONPATH": settings.FOLDER}
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o777)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    user, _, folders = done.stdout.strip().partition(" ")
    assert folders == f"['{tmp_path}/neural-style-{user}']", done.stderr

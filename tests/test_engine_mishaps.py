"""Engines that are missing, end, hang or babble: whatever becomes of one, the plug-in says it in a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stand_ins import ENGINES, JOB, command, log_of, next_event, saying

from nst_plugin.shared import engine_client, settings
from nst_plugin.shared.engine_client import Engine
from nst_plugin.shared.errors import EngineError
from nst_plugin.shared.messages import Result

INSTALL = 'Run "python3 install/install.py"'
MEND = ': run "python3 install/install.py" to mend its installation'
MORE = "its log may tell more: "
NO_TORCH = "ModuleNotFoundError: No module named 'torch'"
REFUSAL = {"kind": "error", "code": "memory", "message": "The limit is too low.", "remedy": "Raise it."}
UNASKED = "The engine sent a message '%s' that this plug-in does not understand" + MEND


def paint(command: list[str], logs: Path) -> Result:
    with Engine(command, [str(logs)]) as engine:
        return engine.stylize(JOB, lambda *_: None)


def complaint(command: list[str], logs: Path) -> str:
    """How a run that comes to nothing is explained."""
    with pytest.raises(EngineError) as caught:
        paint(command, logs)
    return str(caught.value)


def test_an_engine_that_prints_something_and_ends_is_explained_with_its_log(logs: Path) -> None:
    sentence = complaint(saying("print('No space left', file=sys.stderr, flush=True); sys.exit(3)"), logs)
    (log,) = logs.iterdir()
    assert sentence == f"The engine stopped before it was done (it said: No space left): try again; {MORE}{log}"
    assert log_of(logs) == "No space left\n"


LAST_WORDS = {
    "sys.exit('Fatal Python error: no\\nMemoryError\\n\\nCurrent thread 0x0:\\n  <no Python frame>')": (
        "MemoryError): close other programs, or raise the limit on memory"
    ),
    "raise MemoryError": "MemoryError): close other programs, or raise the limit on memory",
    "import numpy.linalg.gone": "ModuleNotFoundError: No module named 'numpy.linalg.gone')" + MEND,
    "sys.exit('ssh: connect to host gpu-box port 22: Connection refused\\n')": (
        "ssh: connect to host gpu-box port 22: Connection refused)" + MEND
    ),
    "sys.exit('x\\033[2J' * 1000)": "x [2J" * 40 + ")" + MEND,
}


@pytest.mark.parametrize("code", LAST_WORDS)
def test_an_engine_that_does_not_start_is_quoted(logs: Path, code: str) -> None:
    told, _, log = complaint([sys.executable, "-c", f"import sys; {code}"], logs).partition(f"; {MORE}")
    assert told == f"The engine did not start (it said: {LAST_WORDS[code]}"
    assert Path(log).exists()


def test_why_an_engine_does_not_start_is_told_whatever_it_was_asked(logs: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(ENGINES)!r}); import pipe; pipe.send({REFUSAL})"
    with Engine([sys.executable, "-c", code], [str(logs)]) as engine:
        engine.plan({}, 100, 50)
        for _ in range(2):
            with pytest.raises(EngineError, match=r"^The limit is too low\. Raise it\.$"):
                next_event(engine)


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
        ("exits", f"The engine did not start (it said: {NO_TORCH}){MEND}; {MORE}"),
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
            engine.stylize(JOB._replace(options={"seed": float("nan")}), lambda *_: None)
        with pytest.raises(EngineError, match="The picture could not be sent"):
            engine.stylize(JOB, lambda *_: None)


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
from nst_plugin.shared.messages import Picture, Request, Style
style = Style("s", Picture(1, 1, bytes(16)), 1.0)
content = Picture(5000, 1000, bytes(80_000_000))  # more than the C library puts aside for a thread
with Engine({command!r}, [{logs!r}]) as engine:
    engine.wait_for_greeting()
    {limit}
    picture = engine.stylize(Request(content, [style], {{}}, None, None), lambda *_: None).picture
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


def test_a_plug_in_that_brought_its_installer_sends_nobody_to_a_terminal(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installer = tmp_path / "install.py"
    installer.touch()
    monkeypatch.setattr(settings, "INSTALLER", str(installer))
    engines = (["/nowhere/python"], saying("print('no message')"), command("exits"), command("is_newer"))
    sentences = [complaint(engine, logs) for engine in engines]
    assert ["hoose Filters > Neural Style Engine" in sentence for sentence in sentences] == [True] * 4
    assert not [sentence for sentence in sentences if "python3" in sentence]

"""Faults, and what must remain true whatever happens.

The image is as before or has one complete new layer; who asked hears one sentence; no process is left, and nothing is
overwritten. Each row of the table is a fault that an engine makes or meets, as code of the stand-in ``fails``.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from plug_in import HERE, PlugIn
from real_gimp import PYTHON_FU
from watching import BEFORE, RESULT, UNFINISHED, engines, layer_names, processes, start, wait_for_layers, wait_until
from window import WindowSession

FAILS = str(HERE / "engines/fails.py")
KILLED = "The engine was killed, as happens when memory runs out: close other programs, or choose a smaller size."
MEND = ': run "python3 install/install.py" to mend its installation'
NO_MODULE = " (it said: ModuleNotFoundError: No module named 'module_that_was_deleted')"
MORE = r"; its log may tell more: /root/\.local/state/neural-style/engine-\d{8}-\d{6}-\w+\.log"
LOG = r"; its log may tell why: /root/\.local/state/neural-style/engine-\d{8}-\d{6}-\w+\.log"
NOT_INSTALLED = (
    'The engine of Neural Style is not installed. Run "python3 install/install.py" in the folder of Neural Style for '
    "GIMP, then try again."
)


@dataclass(frozen=True)
class Fault:
    """What the engine does, and a regular expression of all that is told: a sentence, or the name of the new layer."""

    engine: str
    told: str
    command: tuple[str, ...] = (sys.executable, FAILS)
    layer: str = "photo"
    """What is to be painted."""


def sentence(text: str, more: str = "") -> str:
    return f"execution-error: {re.escape(text)}{more}"


FAULTS = {
    "killed before the greeting": Fault("die()", sentence(KILLED)),
    "killed after the greeting": Fault("pipe.greet(); die()", sentence(KILLED)),
    "killed while the job is sent": Fault("pipe.greet(); sys.stdin.buffer.read(1000); die()", sentence(KILLED)),
    "killed while it paints": Fault("pipe.greet(); pipe.receive_job(); pipe.progress(0.25); die()", sentence(KILLED)),
    "killed while the result is sent": Fault(
        "pipe.greet(); pipe.receive_job(); send_raw(HALF_A_RESULT); die()", sentence(KILLED)
    ),
    "crashes": Fault(
        "pipe.greet(); print('Fatal', file=sys.stderr, flush=True); die(signal.SIGSEGV)",
        sentence("The engine was ended by the signal SIGSEGV (it said: Fatal): try again", MORE),
    ),
    "leaves without a word": Fault(
        "pipe.greet(); sys.exit(1)", sentence("The engine stopped before it was done: try again.")
    ),
    "prints in place of a greeting": Fault(
        "print('Welcome to gpu-box!', flush=True); sys.stdin.read()",
        sentence("The engine sent something that is no message" + MEND, LOG),
    ),
    "prints while it paints": Fault(
        "pipe.greet(); pipe.receive_job(); print('{' * 1000, flush=True); sys.stdin.read()",
        sentence("The engine sent something that is no message" + MEND, LOG),
    ),
    "sends an odd name": Fault(
        "pipe.greet(); pipe.receive_job();"
        r"""send_raw(b'{"arrays":[{"bytes":1,"dtype":"?","name":"\\ud800","shape":[1]}],"kind":"result"}\n')""",
        sentence("The engine sent something that is no message" + MEND, LOG),
    ),
    "says something new": Fault(
        "pipe.greet(); pipe.receive_job(); pipe.send({'kind': 'fireworks'}); pipe.receive()",
        sentence("The engine sent a message 'fireworks' that this plug-in does not understand" + MEND, LOG),
    ),
    "is of another version": Fault(
        "pipe.greet(protocol=99); pipe.receive()",
        sentence(
            "The engine speaks version 99 of the protocol and the plug-in version 1. "
            'Run "python3 install/install.py" to install both anew, then restart GIMP.'
        ),
    ),
    "refuses the job": Fault(
        "pipe.greet(); pipe.receive_job();"
        "pipe.send({'kind': 'error', 'code': 'memory', 'message': 'It does not fit.', 'remedy': 'Choose 512 px.'})",
        sentence("It does not fit. Choose 512 px."),
    ),
    "makes a picture that the plug-in has no memory for": Fault(
        "pipe.greet(); job = pipe.receive_job(); picture = pipe.painted(job); take_the_memory();"
        "pipe.send({'kind': 'result', 'used': {}}, {'picture': picture}); pipe.receive()",
        sentence("There is too little memory for this picture: close other programs and images, or paint a smaller ")
        + "part.",
        layer="large",
    ),
    "meets a full disk under its log": Fault(
        "pipe.greet(); fill_the_disk(); job = pipe.receive();"
        "pipe.send({'kind': 'progress'});"
        "pipe.send({'kind': 'result', 'used': {}}, {'picture': pipe.painted(job)}); pipe.receive()",
        RESULT,
    ),
    "tells nonsense of a good picture": Fault(
        "pipe.greet(); job = pipe.receive_job();"
        "pipe.send({'kind': 'progress', 'fraction': 7, 'seconds_left': 'soon', 'text': 1});"
        "pipe.send({'kind': 'preview'});"
        "pipe.send({'kind': 'result', 'used': {'size': ['?']}}, {'picture': pipe.painted(job)}); pipe.receive()",
        RESULT,
    ),
    "kills the plug-in and hangs": Fault(
        "import time; pipe.greet(); pipe.receive_job(); kill_plug_in(); time.sleep(600)", "[a-z]+-error: .*"
    ),
    "has no Python any more": Fault("", sentence(NOT_INSTALLED), ("/nowhere/bin/python",)),
    "lacks a module": Fault(
        "import module_that_was_deleted", sentence("The engine did not start" + NO_MODULE + MEND, MORE)
    ),
}

IN_GIMP = """
import hashlib
FAULTS = json.loads({faults!r})
ENGINE = os.path.join(Gimp.directory(), "plug-ins/neural-style/engine.json")

def look(layer):
    area = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
    pixels = layer.get_buffer().get(area, 1.0, FORMAT, Gegl.AbyssPolicy.NONE)
    return [layer.get_name(), hashlib.sha256(pixels).hexdigest()]

image = Gimp.Image.new(300, 200, Gimp.ImageBaseType.RGB)
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
add_layer(image, "photo", 0, 0, 300, 200, RED)
for name, (layer, command) in FAULTS.items():
    with open(ENGINE, "w") as text:
        json.dump(dict(format=1, engines=[dict(name="?", command=command, protocol=1)]), text)
    photo = image.get_layer_by_name(layer) or add_layer(image, layer, 0, 0, 2600, 2000, RED)
    before = [look(layer) for layer in image.get_layers()]
    image.clean_all()
    answer = stylize(image, photo, style=style)
    is_layer = isinstance(answer, Gimp.Layer)
    is_undoable = image.undo_is_enabled() and image.is_dirty() == is_layer  # each step of undo makes an image dirty
    fact = dict(told=answer.get_name() if is_layer else answer)
    if is_layer:
        fact["corners"] = [pixel(answer, 0, 0), pixel(answer, 299, 199)]
        image.remove_layer(answer)
    is_as_before = before == [look(layer) for layer in image.get_layers()] and len(Gimp.get_images()) == 1
    fact["as_before"] = is_as_before and is_undoable
    tell(**{{name: fact}})
    if layer == "large":
        image.remove_layer(photo)
image.delete()
"""


@pytest.fixture(scope="module")
def suffered(installed_plug_in: PlugIn) -> dict[str, Any]:
    """What came of all faults, one after another in one GIMP."""
    installed_plug_in.use("fails")
    faults = {
        name: (
            fault.layer,
            list(fault.command)
            if fault.command[0] == "/nowhere/bin/python"
            else installed_plug_in.gimp.engine_command([*fault.command, fault.engine]),
        )
        for name, fault in FAULTS.items()
    }
    return installed_plug_in.facts(IN_GIMP.format(faults=json.dumps(faults)))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_sentence_and_leaves_the_image_as_it_was(suffered: dict[str, Any], name: str) -> None:
    assert re.fullmatch(FAULTS[name].told, suffered[name]["told"])
    assert suffered[name]["as_before"]
    assert suffered[name].get("corners", [[0, 1, 1, 1], [0, 0, 1, 1]]) == [[0, 1, 1, 1], [0, 0, 1, 1]]


def test_no_fault_leaves_a_process(suffered: dict[str, Any]) -> None:
    wait_until(lambda: not running(FAILS))


def running(name: str) -> list[int]:
    """All processes with the name in their command lines, whoever started them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if name in entry.read_text(errors="replace"):
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


ONE_RUN = """
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
tell(told=stylize(image, add_quadrants(image), style=style).get_name(), log=engine_log())
image.delete()
"""


def start_console(plug_in: PlugIn, code: str, name: str, **env: str) -> subprocess.Popen[str]:
    script = plug_in.profile / name
    script.write_text((HERE / "in_gimp.py").read_text() + code)
    batch = f"exec(open({plug_in.gimp.inside(script)!r}).read())"
    argv = ["gimp-console", "-idf", "--quit", f"--batch-interpreter={PYTHON_FU}", "-b", batch]
    environment = {"GIMP3_DIRECTORY": plug_in.gimp.inside(plug_in.profile), **env}
    return plug_in.gimp.popen(argv, environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_gimp_is_killed_while_the_engine_hangs_and_nothing_is_left(installed_plug_in: PlugIn) -> None:
    code = "import time; pipe.greet(); pipe.receive_job(); print('hanging', flush=True); time.sleep(600)"
    installed_plug_in.use_command([sys.executable, FAILS, code])
    console = start_console(installed_plug_in, ONE_RUN, "killed.py")
    wait_until(lambda: running(FAILS))
    time.sleep(1)  # the job is under way
    console.kill()
    console.communicate()
    wait_until(lambda: not running(FAILS) and not running("neural-style/neural-style.py"))


def test_two_runs_at_once_do_not_meet(installed_plug_in: PlugIn) -> None:
    installed_plug_in.use("takes_its_time")
    installed_plug_in.facts("")  # GIMP learns of the plug-in first
    consoles = [start_console(installed_plug_in, ONE_RUN, f"run-{number}.py") for number in range(2)]
    outputs = [console.communicate(timeout=60)[0] for console in consoles]
    told = [json.loads(output.partition("FACTS ")[2]) for output in outputs]
    assert [fact["told"] for fact in told] == [RESULT, RESULT]
    assert all(fact["log"].count('"kind": "stylize"') == 1 for fact in told)


def test_without_a_home_the_log_is_among_the_temporary_files(installed_plug_in: PlugIn) -> None:
    installed_plug_in.use("exits")
    code = ONE_RUN.partition("tell(")[0] + "tell(told=stylize(image, add_quadrants(image), style=style))"
    console = start_console(installed_plug_in, code, "homeless.py", HOME="/dev/null", TMPDIR="/tmp")
    told = json.loads(console.communicate(timeout=60)[0].partition("FACTS ")[2])["told"]
    (log,) = re.findall(rf"its log may tell more: (/tmp/neural-style-{os.getuid()}/engine-\S+\.log)$", told)
    assert "No module named 'torch'" in installed_plug_in.gimp.outside(log).read_text()


@pytest.fixture
def full_disk_in_gimp(installed_plug_in: PlugIn) -> Iterator[str]:
    """The folder, as GIMP sees it, of a disk that has room for nothing."""
    folder = installed_plug_in.profile / "full"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("only root may mount")
    (folder / "filling").write_bytes(bytes(4096))
    yield installed_plug_in.gimp.inside(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_under_home_and_temporary_files_costs_no_picture(
    installed_plug_in: PlugIn, full_disk_in_gimp: str
) -> None:
    engine = "pipe.greet(); job = pipe.receive(); "
    engine += "pipe.send({'kind': 'result', 'used': {}}, {'picture': pipe.painted(job)}); pipe.receive()"
    installed_plug_in.use_command([sys.executable, FAILS, engine])
    code = ONE_RUN.replace(", log=engine_log()", "")
    console = start_console(installed_plug_in, code, "full.py", HOME=full_disk_in_gimp, TMPDIR=full_disk_in_gimp)
    output, said = console.communicate(timeout=200)
    assert json.loads(output.partition("FACTS ")[2])["told"] == RESULT, said
    assert "Traceback" not in said


WATCHED_FAULTS = {
    "killed while it paints": FAULTS["killed while it paints"],
    "prints while it paints": FAULTS["prints while it paints"],
}


@pytest.mark.parametrize("name", WATCHED_FAULTS)
def test_a_fault_on_the_canvas_takes_the_unfinished_layer_away(
    window: WindowSession, installed_plug_in: PlugIn, name: str
) -> None:
    installed_plug_in.use_command([sys.executable, FAILS, WATCHED_FAULTS[name].engine])
    start(window)
    window.wait_window("^GIMP Message$")
    assert re.search(WATCHED_FAULTS[name].told.removeprefix("execution-error: ")[:40], window.tree())
    window.press("GIMP Message", "OK")
    wait_for_layers(window, BEFORE)
    assert engines(window) == []


def test_an_engine_that_hangs_is_canceled(window: WindowSession, installed_plug_in: PlugIn) -> None:
    installed_plug_in.use("hangs")
    start(window)
    wait_for_layers(window, UNFINISHED)
    window.press(RESULT, "Cancel")
    wait_until(lambda: not engines(window) and not processes(window, "neural-style.py"))
    assert layer_names(window) == BEFORE


PAINT_UNSEEN = """
image = Gimp.get_images()[0]
photo, painting = image.get_layers()
stylize(image, photo, style=painting)
"""


def test_the_picture_of_a_layer_that_is_removed_meanwhile_comes_on_top(
    window: WindowSession, installed_plug_in: PlugIn, tmp_path: Path
) -> None:
    is_removed = tmp_path / "is removed"
    installed_plug_in.use("takes_its_time", str(is_removed))
    with ThreadPoolExecutor() as pool:
        run = pool.submit(window.batch, (HERE / "in_gimp.py").read_text() + PAINT_UNSEEN)
        wait_until(lambda: engines(window))
        window.action("Delete Layers")
        time.sleep(3)  # until it is
        is_removed.touch()
        run.result()
    assert layer_names(window) == [RESULT, "painting"]
    window.focus("GIMP$")
    window.key("ctrl+z", "ctrl+z")
    wait_for_layers(window, BEFORE)


def test_gimp_is_killed_in_its_window_and_nothing_is_left(installed_plug_in: PlugIn, two_layers: Path) -> None:
    installed_plug_in.use("hangs")
    with WindowSession(installed_plug_in.gimp, installed_plug_in.profile, two_layers) as window:
        start(window)
        wait_for_layers(window, UNFINISHED)
        (gimp,) = [pid for pid in processes(window, "--new-instance")]
        os.kill(gimp, signal.SIGKILL)
        wait_until(lambda: not engines(window) and not processes(window, "neural-style.py"))

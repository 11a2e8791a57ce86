"""Drives the real GIMP in a window: on a display, a bus and an accessibility service of its own."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from batches import Batches, printed
from real_gimp import PYTHON_FU, Gimp, kill_session, session_processes

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")

ACCESSIBLE = Path(__file__).with_name("accessible.py")
RESIZE_MONITOR = Path(__file__).with_name("resize_monitor.py")

PATIENCE = 90
"""Seconds that anything may take on a slow and busy machine."""

LOOK = 0.03
"""Seconds between two looks at what takes as long as a key press."""

# The welcome dialog stays away only when both the first two lines are there.
GIMPRC = """\
(config-version "{version}")
(show-welcome-dialog no)
(check-updates no)
(save-session-info no)
(restore-session no)
(color-profile-policy keep)
(metadata-rotation-policy rotate)
"""

SHORTCUTS = {
    "Neural Style": ("plug-in-neural-style", "n"),
    "Neural Style Again": ("plug-in-neural-style-again", "g"),
    "Neural Style Engine": ("plug-in-neural-style-engine", "e"),
}
"""Menu items by their labels: what GIMP calls them, and the letter that starts them together with Ctrl and Alt."""

QUIT = """\
quit = Gimp.get_pdb().lookup_procedure("gimp-quit")
config = quit.create_config()
config.set_property("force", True)
quit.run(config)
"""


class WindowSession:
    """GIMP with one image open, from `with` to the end of its block; then every process of it is gone.

    The profile's plug-ins are used as they are, beside one of the session's own; its gimprc is written anew. Files of
    the session lie in `folder`, which GIMP sees too and which is removed at the end.
    """

    def __init__(
        self,
        gimp: Gimp,
        profile: Path,
        image: Path,
        env: Mapping[str, str] | None = None,
        gimprc: str = "",
        screen: str = "1280x900",
    ) -> None:
        """``env`` and ``gimprc`` are added to GIMP's environment and settings."""
        self.gimp = gimp
        self.folder = Path(tempfile.mkdtemp(prefix="window-", dir=gimp.outside("/tmp")))
        self._profile, self._gimprc, self._screen = profile, gimprc, screen
        self._image = Path(shutil.copy(image, self.folder))
        self._environment = {"GIMP3_DIRECTORY": gimp.inside(profile), **(env or {})}
        self._started: list[subprocess.Popen[Any]] = []
        self._eyes: subprocess.Popen[str] | None = None
        self._batches: Batches | None = None

    def __enter__(self) -> Self:
        try:
            self._start_desktop()
            self._start_gimp()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes, whatever they are doing."""
        self._end()
        shutil.rmtree(self.folder)

    def restart(self) -> None:
        """Begin anew with the image as it was loaded, whatever is left on the screen."""
        self._end()
        (self.folder / "ready").unlink()
        shutil.rmtree(self.folder / "runtime")
        self._start_desktop()
        self._start_gimp()

    @property
    def is_running(self) -> bool:
        return self._gimp.poll() is None

    def batch(self, code: str, timeout: float = PATIENCE) -> str:
        """Run Python-Fu inside this GIMP and return what it printed; `BatchError` when it raised."""
        assert self._batches, "GIMP runs"
        answer = self._batches.begin(code)
        self._wait("answer from the batch code", answer.exists, timeout)
        return printed(answer)

    def begin(self, code: str) -> None:
        """Start Python-Fu inside this GIMP, and do not wait for what comes of it."""
        script = self.folder / "begun.py"
        script.write_text(code)
        path = self.gimp.inside(script)
        self._send(f"exec(compile(open({path!r}).read(), {path!r}, 'exec'), dict(globals()))")

    def quit(self, timeout: float = PATIENCE) -> int:
        """Close GIMP without saving and return its exit code."""
        self._send(QUIT)
        return self._gimp.wait(timeout)

    def action(self, label: str) -> None:
        """Start a menu item, by a shortcut if it has one."""
        if label not in SHORTCUTS:
            self.search(label)
            return
        self.focus("GIMP$")
        self.key(f"ctrl+alt+{SHORTCUTS[label][1]}")

    def search(self, label: str) -> None:
        """Start a menu item by its label, through the action search that / opens in the image window."""
        self.focus("GIMP$")
        self.key("slash")
        self.wait_window("^Search Actions$")
        self.type(label)
        time.sleep(0.7)  # the list of results has no name to wait for
        self.key("Return")

    def find_window(self, title: str) -> str | None:
        """The X id of the visible window whose title matches a regular expression."""
        found = self._run("xdotool", "search", "--onlyvisible", "--name", title).stdout.split()
        return found[0] if found else None

    def wait_window(self, title: str, timeout: float = PATIENCE) -> str:
        return self._wait(f"window titled {title!r}", lambda: self.find_window(title), timeout)

    def focus(self, title: str) -> None:
        self._tool("xdotool", "windowactivate", "--sync", self.wait_window(title))

    def move(self, title: str, x: int, y: int) -> None:
        self._tool("xdotool", "windowmove", self.wait_window(title), str(x), str(y))

    def resize_monitor(self, width: int, height: int) -> None:
        """Let the monitor show this much of the screen."""
        program = self.gimp.inside(shutil.copy(RESIZE_MONITOR, self.folder))
        self._tool("python3", program, str(width), str(height))

    def key(self, *keys: str) -> None:
        """Press keys, such as "ctrl+z", in the window that has the focus."""
        self._tool("xdotool", "key", *keys)

    def type(self, text: str) -> None:
        self._tool("xdotool", "type", "--delay", "30", text)

    def click(self, x: int, y: int) -> None:
        self._tool("xdotool", "mousemove", str(x), str(y), "click", "1")

    def press(self, dialog: str, button: str, timeout: float = PATIENCE) -> None:
        """Press a button of a dialog once both are there; `dialog` is a regular expression for the whole title."""
        self._accessible("press", dialog, button, timeout=timeout)

    def choose(self, dialog: str, label: str, value: str, timeout: float = PATIENCE) -> None:
        """Choose an entry of the drop-down list, or a radio button of the group, with this label."""
        self._accessible("choose", dialog, label, value, timeout=timeout)

    def choose_layer(self, dialog: str, label: str, layer: str, timeout: float = PATIENCE) -> None:
        """Choose a layer of the open image through the picker behind the button with this label."""
        picker = rf"Choose \w+: {label}"
        self.press(dialog, label, timeout)
        self.click_on(picker, layer, timeout)
        self.press(picker, "OK", timeout)

    def toggle(self, dialog: str, label: str, on: bool, timeout: float = PATIENCE) -> None:
        """Set or clear a check box."""
        self._accessible("toggle", dialog, label, "on" if on else "off", timeout=timeout)

    def set_number(self, dialog: str, label: str, number: float, timeout: float = PATIENCE) -> None:
        """Set a number entry or slider."""
        self._accessible("set", dialog, label, str(number), timeout=timeout)

    def get_number(self, dialog: str, label: str, timeout: float = PATIENCE) -> float:
        """What a number entry or slider is set to."""
        return float(self._accessible("get", dialog, label, timeout=timeout))

    def chosen(self, dialog: str, label: str, timeout: float = PATIENCE) -> str:
        """What the drop-down list with this label is set to."""
        return self._accessible("chosen", dialog, label, timeout=timeout).strip()

    def unexplained(self, dialog: str, timeout: float = PATIENCE) -> list[str]:
        """The names of all controls of a dialog that have no tooltip."""
        return self._accessible("unexplained", dialog, timeout=timeout).splitlines()

    def nameless(self, dialog: str, timeout: float = PATIENCE) -> list[str]:
        """All controls and pictures of a dialog that have no name to be read out."""
        return self._accessible("nameless", dialog, timeout=timeout).splitlines()

    def tour(self, dialog: str, timeout: float = PATIENCE) -> list[str]:
        """The names of all that the keyboard comes to in a dialog by the Tab key, which has to have the focus."""
        return self._accessible("tour", dialog, timeout=timeout).splitlines()

    def place(self, dialog: str, name: str, timeout: float = PATIENCE) -> tuple[int, int]:
        """Where on the screen the middle of a widget is."""
        x, y = self._accessible("where", dialog, name, timeout=timeout).split()
        return int(x), int(y)

    def click_on(self, dialog: str, name: str, timeout: float = PATIENCE) -> None:
        """Click in the middle of a widget that has no action of its own, such as a row of a list."""
        self.click(*self.place(dialog, name, timeout))

    def tree(self) -> str:
        """All widgets but those of images' windows, one a line with role, name and labels: shows how to name them."""
        return self._accessible("tree", timeout=10)  # a program that ends while it is read makes it fail

    def screenshot(self, path: Path) -> None:
        """Write the whole screen as PNG to a file of the host."""
        picture = self.folder / "screenshot.png"
        self._tool("import", "-window", "root", self.gimp.inside(picture))
        shutil.move(picture, path)

    def picture(self, title: str, path: Path) -> None:
        """Write one window as PNG to a file of the host."""
        picture = self.folder / "picture.png"
        self._tool("import", "-window", self.wait_window(title), self.gimp.inside(picture))
        shutil.move(picture, path)

    @property
    def log(self) -> str:
        """All that GIMP and its plug-ins have written to stdout and stderr."""
        return (self.folder / "gimp.log").read_text(errors="replace")

    @property
    def processes(self) -> list[int]:
        """Every living process of this session, the plug-ins' and their engines' included."""
        return [pid for process in self._started for pid in session_processes(process.pid)]

    def _end(self) -> None:
        """End all processes, last started first."""
        while self._started:
            with self._started.pop() as process:
                kill_session(process.pid)
        if self._batches:
            self._batches.close()
        self._eyes = self._batches = None

    def _start_desktop(self) -> None:
        runtime = self.folder / "runtime"
        runtime.mkdir(mode=0o700)
        self._environment["XDG_RUNTIME_DIR"] = self.gimp.inside(runtime)
        self._environment["TMPDIR"] = self.gimp.inside(self.folder)
        xvfb = ["Xvfb", "-noreset", "-nolisten", "tcp", "-screen", "0", f"{self._screen}x24", "-displayfd", "{fd}"]
        address = f"unix:path={self.gimp.inside(runtime)}/bus"
        bus = ["dbus-daemon", "--session", "--nofork", f"--address={address}", "--print-address={fd}"]
        self._environment["DISPLAY"] = ":" + self._start_announced(*xvfb)
        self._environment["DBUS_SESSION_BUS_ADDRESS"] = self._start_announced(*bus)
        self._start("openbox")

    def _open_eyes(self) -> subprocess.Popen[str]:
        """The program that sees widgets, ready to be asked."""
        program = self.gimp.inside(shutil.copy(ACCESSIBLE, self.folder))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = self.gimp.popen(["python3", program], self._environment, text=True, **pipes)
        self._started.append(process)
        return process

    def _close_eyes(self) -> None:
        assert self._eyes
        self._started.remove(self._eyes)
        with self._eyes as process:
            kill_session(process.pid)
        self._eyes = None

    def _start_gimp(self) -> None:
        (self._profile / "gimprc").write_text(GIMPRC.format(version=self.gimp.version) + self._gimprc)
        shortcuts = "".join(f'(action "{name}" "<Primary><Alt>{letter}")\n' for name, letter in SHORTCUTS.values())
        (self._profile / "shortcutsrc").write_text(f"(file-version 1)\n{shortcuts}")
        self._batches = Batches(self.gimp, self._profile, Path(tempfile.mkdtemp(dir=self.folder)))
        self._environment |= self._batches.environment
        ready = self.folder / "ready"
        signal = f"open({self.gimp.inside(ready)!r}, 'w').close()"
        options = ["--new-instance", "--no-splash", f"--batch-interpreter={PYTHON_FU}", "-b", signal]
        self._gimp = self._start("gimp", *options, self.gimp.inside(self._image))
        self._wait("sign that GIMP is ready", ready.exists, 120)
        image_window = self.wait_window("GIMP$")
        self._tool("xdotool", "windowmove", image_window, "0", "0", "windowsize", image_window, "100%", "95%")
        self.focus("GIMP$")
        self.key("ctrl+shift+j")  # fits the image in its window

    def _start(self, *argv: str, **popen: Any) -> subprocess.Popen[Any]:
        with open(self.folder / f"{argv[0]}.log", "w") as log:
            process = self.gimp.popen(
                argv, self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **popen
            )
        self._started.append(process)
        return process

    def _start_announced(self, *argv: str) -> str:
        """Start a server that writes its address to the descriptor {fd} of its options once it is ready."""
        reader, writer = os.pipe()
        with open(reader) as announcement:
            try:
                self._start(*(option.format(fd=writer) for option in argv), pass_fds=[writer])
            finally:
                os.close(writer)
            if not select.select([announcement], [], [], PATIENCE)[0]:
                raise TimeoutError(f"{argv[0]} did not start within {PATIENCE} s.")
            return announcement.readline().strip()

    def _send(self, code: str) -> None:
        """Let GIMP run Python-Fu; the call returns before the code has run and does not tell how it went."""
        bus_name = ["--dest", "org.gimp.GIMP.UI", "--object-path", "/org/gimp/GIMP/UI"]
        method = ["--method", "org.gimp.GIMP.UI.BatchRun", PYTHON_FU, code]
        self._tool("gdbus", "call", "--session", *bus_name, *method)

    def _accessible(self, *words: str, timeout: float) -> str:
        """Work a widget, trying again until it is there, and return what there is to tell."""
        deadline = time.monotonic() + timeout
        while True:
            is_done, told = self._seen(*words)
            if is_done:
                return told
            if time.monotonic() > deadline:
                raise TimeoutError(f"{' '.join(words)}: {told.strip()}")
            time.sleep(LOOK)

    def _seen(self, *words: str) -> tuple[bool, str]:
        """Whether the eyes could do what the words say, and what they tell."""
        self._eyes = self._eyes or self._open_eyes()
        stdin, stdout = self._eyes.stdin, self._eyes.stdout
        assert stdin and stdout
        stdin.write(json.dumps(words) + "\n")
        stdin.flush()
        line = stdout.readline() if select.select([stdout], [], [], PATIENCE)[0] else ""
        if not line:
            self._close_eyes()  # or a late answer would be taken for that to the next question
            raise TimeoutError(f"{' '.join(words)}: no answer")
        is_done, told = json.loads(line)
        return is_done, told

    def _tool(self, *argv: str) -> str:
        done = self._run(*argv)
        if done.returncode:
            raise RuntimeError(f"{argv[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def _run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return self.gimp.run(argv, self._environment, timeout=PATIENCE)

    def _wait(self, what: str, look: Callable[[], T | None], timeout: float) -> T:
        """Look until there is something; what GIMP said last explains why there is nothing."""
        deadline = time.monotonic() + timeout
        while not (found := look()):
            if self._gimp.poll() is not None:
                raise RuntimeError(f"GIMP ended with {self._gimp.returncode}; no {what}.\n{self.log[-2000:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"Within {timeout} s there was no {what}.\n{self.log[-2000:]}")
            time.sleep(LOOK)
        return found

"""An engine on another computer, from the installer: asked, installed there by ssh, and none of it here."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import remote
from engine_home import EngineHome
from errors import InstallError
from far_side import FarSide, prepare
from installation import Installation
from machine import Machine
from plugin_folder import Entry
from small_engine import copy_of_checkout, write_torch
from source import wheel_of

REACH = ("PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
"""Beginnings of the variables by which this machine reaches packages."""


class Newcomer:
    """Somebody with a GIMP here and an account there."""

    def __init__(self, folder: Path) -> None:
        self.checkout = copy_of_checkout(folder / "check out")
        write_torch(folder / "wheels")
        (folder / "wheels/constraints.txt").write_text("torch==99.0\ntorchvision==99.0\n")
        reach = {name: value for name, value in os.environ.items() if name.startswith(REACH)}
        reach["PIP_FIND_LINKS"] = f"{reach.get('PIP_FIND_LINKS', '')} {(folder / 'wheels').as_uri()}".strip()
        reach["PIP_CONSTRAINT"] = str(folder / "wheels/constraints.txt")
        self.far = FarSide(prepare(), folder / "far", reach)
        self.gimp, self.data = folder / "Zoë/GIMP/3.0", folder / "data"
        self.gimp.mkdir(parents=True)

    @property
    def engines(self) -> list[dict[str, object]]:
        """What the plug-in is told of engines."""
        found: list[dict[str, object]] = json.loads(self.told.read_text())["engines"]
        return found

    @property
    def told(self) -> Path:
        return self.gimp / "plug-ins/neural-style/engine.json"

    def install(
        self, *words: str, host: str = "gpu-box", ssh: list[str] | None = None, stdin: int = subprocess.DEVNULL
    ) -> tuple[int, str]:
        """Run the installer; returns its exit code and what it printed."""
        places = ["--gimp-folder", str(self.gimp), "--data-folder", str(self.data)]
        way = ["--remote", host, "--ssh", json.dumps(ssh or self.far.ssh())] if host else []
        command = [sys.executable, str(self.checkout / "install/install.py"), *places, *way, *words]
        done = subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
        assert "Traceback" not in done.stdout, done.stdout
        return done.returncode, done.stdout


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    newcomer = Newcomer(tmp_path)
    yield newcomer
    newcomer.far.close()


def test_an_engine_is_installed_there_on_request_and_none_here(newcomer: Newcomer) -> None:
    status, printed = newcomer.install()
    assert status == 1
    assert "The engine on gpu-box is missing, or too old" in printed
    assert "--install-there" in printed
    assert not newcomer.told.exists()

    status, printed = newcomer.install("--install-there", "--torch-backend", "index")
    assert status == 0, printed
    assert "the stand-in is fine" in printed, "the self-test of the other side"
    assert (newcomer.far.home / ".local/share/neural-style/venv").is_dir()
    assert not (newcomer.data / "venv").exists()
    assert [(engine["name"], engine["host"]) for engine in newcomer.engines] == [("gpu-box", "gpu-box")]

    status, printed = newcomer.install()
    assert status == 0, printed
    assert "It is of version 99 and ready." in printed
    assert newcomer.install("--uninstall", host="")[0] == 0
    assert list(newcomer.gimp.iterdir()) == []


@pytest.mark.parametrize("stand_in", ["is_older", "exits"])
def test_an_older_engine_there_and_half_a_one_count_as_missing(newcomer: Newcomer, stand_in: str) -> None:
    newcomer.far.use(stand_in)
    status, printed = newcomer.install()
    assert status == 1
    assert "missing, or too old for this plug-in" in printed


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        ({"known": None}, 'TIP The key of gpu-box is not known yet, so nothing was sent there: run "ssh gpu-box"'),
        ({"key": "other_key"}, "TIP gpu-box lets nobody in from here without a password"),
    ],
)
def test_who_cannot_get_in_is_told_so_before_anything_is_written(
    newcomer: Newcomer, way: dict[str, str | None], sentence: str
) -> None:
    status, printed = newcomer.install("--install-there", ssh=newcomer.far.ssh(**way))  # type: ignore[arg-type]
    assert status == 1
    assert sentence in printed
    assert not newcomer.told.exists()


def test_an_option_of_ssh_is_no_computer(newcomer: Newcomer) -> None:
    status, printed = newcomer.install(host="=-oProxyCommand=touch pwned")
    assert status == 1
    assert "is no name of a computer" in printed


def test_whoever_sits_at_a_terminal_is_asked_before_anything_is_installed_there(newcomer: Newcomer) -> None:
    terminal, keyboard = os.openpty()
    os.write(terminal, b"n\n")
    status, printed = newcomer.install(stdin=keyboard)
    assert status == 1
    assert "missing, or too old for this plug-in. Install it there? [y/N]" in printed
    assert not (newcomer.far.home / ".local/share/neural-style/venv").exists()
    for end in (terminal, keyboard):
        os.close(end)


@pytest.mark.parametrize("words", [["--remote", ""], ["--remote= "], ["--install-there"], ["--ssh", '["ssh"]']])
def test_what_names_no_computer_installs_nothing_on_this_one(newcomer: Newcomer, words: list[str]) -> None:
    status, printed = newcomer.install(*words, host="")
    assert status == 2
    assert "--remote" in printed
    assert not newcomer.data.exists()


def test_a_dry_run_asks_nobody(newcomer: Newcomer) -> None:
    status, printed = newcomer.install("--dry-run", ssh=["/nowhere/ssh"])
    assert status == 0
    assert "Ask the engine on gpu-box how it is" in printed
    assert "torch" not in printed


@pytest.mark.parametrize("is_archive", [False, True], ids=["clone", "archive"])
def test_what_is_sent_is_all_that_an_installation_needs(tmp_path: Path, is_archive: bool) -> None:
    source = copy_of_checkout(tmp_path / "clone")
    if is_archive:
        shutil.rmtree(source / "nst_engine")
        (source / "release.json").write_text('{"format": 1, "version": "1.2"}')
        (source / "engine").mkdir()
        (source / "engine/neural_style_for_gimp-1.2-py3-none-any.whl").touch()
    with (tmp_path / "sent.tar").open("wb") as pipe:
        remote.send(source, pipe)
    there = tmp_path / "there"
    with tarfile.open(tmp_path / "sent.tar") as archive:
        archive.extractall(there, filter="data")
    command = [
        sys.executable,
        there / "install/install.py",
        "--engine-only",
        "--dry-run",
        "--data-folder",
        tmp_path / "d",
    ]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert f"Install the engine from {there}" in printed
    assert "plug-in" not in printed
    assert (wheel_of(there) if is_archive else there / "nst_engine/__main__.py").is_file()
    assert not [path for path in there.rglob("*") if path.is_symlink()]


@pytest.mark.parametrize(
    ("does", "sentence"),
    [
        ("sys.stderr.write('No space left on device'); sys.exit(1)", "It said: No space left on device"),
        ("sys.exit(127)", "gpu-box has no python3"),
    ],
)
def test_who_takes_half_of_what_is_sent_is_told_by_his_own_words(
    tmp_path: Path, linux: Machine, does: str, sentence: str
) -> None:
    way = [sys.executable, "-c", f"import sys; sys.stdin.buffer.read(12345); {does}"]
    engine: Entry = {"name": "gpu-box", "host": "gpu-box", "ssh": way}
    installation = Installation(linux, copy_of_checkout(tmp_path / "clone"), EngineHome(tmp_path / "data"))
    with pytest.raises(InstallError, match=sentence):
        remote.install_there(installation, engine, "cpu")


DIES = """
import sys
if "install.py" in sys.argv[-1]:
    sys.stdin.buffer.read(12345)
    print('{"event": "done"}')
else:
    sys.exit("libcuda.so.1: cannot open shared object file")
"""


def test_an_engine_that_was_installed_there_and_still_dies_is_not_offered_again(tmp_path: Path, linux: Machine) -> None:
    engine: Entry = {"name": "gpu-box", "host": "gpu-box", "ssh": [sys.executable, "-c", DIES]}
    installation = Installation(linux, copy_of_checkout(tmp_path / "clone"), EngineHome(tmp_path / "data"))
    with pytest.raises(InstallError, match="The engine on gpu-box cannot be used") as problem:
        remote.ReachEngine(engine, "cpu", may_install=True).apply(installation)
    assert not isinstance(problem.value, remote.MissingThere)
    assert "libcuda.so.1: cannot open shared object file" in problem.value.tip


BREAKS = """
print('{"event": "line", "text": "Installing"}', flush=True)
sys.stdin.buffer.read(12345)
sys.stderr.write("Connection to gpu-box closed by remote host.")
sys.exit(255)
"""


def test_a_line_that_breaks_while_it_is_installed_there_is_no_computer_that_is_away(
    tmp_path: Path, linux: Machine
) -> None:
    engine: Entry = {"name": "gpu-box", "host": "gpu-box", "ssh": [sys.executable, "-c", f"import sys{BREAKS}"]}
    installation = Installation(linux, copy_of_checkout(tmp_path / "clone"), EngineHome(tmp_path / "data"))
    with pytest.raises(InstallError, match="stopped before it was done. It said: Connection to gpu-box") as problem:
        remote.install_there(installation, engine, "cpu")
    assert problem.value.tip.startswith("The line to gpu-box broke (Connection to gpu-box closed by remote host)")


HARM = [
    b"[" * 200_000,
    b'{"event": "bytes", "bytes": "x", "about": 0}',
    b'{"event": "bytes", "bytes": 1, "about": 0}',
    b'{"event": "bytes", "bytes": true, "about": 1e300}',
    b'{"event": "error", "message": ["x"], "tip": 3}',
    b'{"event": ["line"]}',
]


@pytest.mark.parametrize("line", HARM, ids=range(len(HARM)))
def test_what_is_no_event_is_something_to_read(line: bytes) -> None:
    assert remote.understood(line) == {"event": "line", "text": line.decode()}


def test_a_line_without_end_comes_in_pieces_that_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    lines = (
        b"x" * 3 * remote.LINE_LIMIT + b'\n{"event": "line", "text": "a\\ud800\\u0000b\\u202ec"}\n{"event": "done"}\n'
    )
    assert remote.hear(io.BytesIO(lines), "gpu-box") == (True, True)
    printed = capsys.readouterr().out.splitlines()
    assert max(map(len, printed)) < 2 * remote.LINE_LIMIT
    assert printed[-1].strip() == "a? b c"

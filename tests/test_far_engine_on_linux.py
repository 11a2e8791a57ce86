"""An engine on another computer, which a real OpenSSH server stands for: jobs, lines that are slow or cut, harm."""

from __future__ import annotations

import array
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from far_side import FarSide, Line, prepare
from patterns import stripes
from PIL import Image
from stand_ins import command, log_of, next_event, saying

from nst_plugin.shared import engine_client, engines, mailbox, messages, ssh
from nst_plugin.shared.engine_client import Engine
from nst_plugin.shared.engines import Known
from nst_plugin.shared.errors import EngineAway, EngineError, EngineMissing, LineBroken
from nst_plugin.shared.messages import Picture, Preview, Progress, Request, Result, Style

CONTENT = Picture(1, 2, array.array("H", [100, 200, 300, 65535, 400, 500, 600, 65535]).tobytes())
STYLE = Style("painting", Picture(1, 1, array.array("H", [9, 8, 7, 65535]).tobytes()), 1.0)
JOB = Request(CONTENT, [STYLE], {}, None, None)
PHOTO = Path(__file__).parent / "pictures/content-castle.jpg"
MEGAPIXELS = 12
SLOW = 12_500_000
"""A line of 100 Mbit, in bytes a second."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarSide]:
    server = FarSide(prepare(), tmp_path_factory.mktemp("far"))
    yield server
    server.close()


@pytest.fixture
def far(server: FarSide) -> FarSide:
    """The computer with an engine that answers at once."""
    server.use("answers")
    return server


def engine(logs: Path, way: list[str], host: str = "gpu-box") -> Engine:
    return Engine(engines.command(Known(host, host, [], way)), [str(logs)], host=host)


def test_a_job_goes_there_in_whole_numbers_and_a_picture_comes_back(far: FarSide, logs: Path) -> None:
    with engine(logs, far.ssh()) as started:
        picture = started.stylize(JOB, lambda *_: None).picture
        assert started.version == "99"
    assert list(array.array("H", bytes(picture.rgba))) == [9, 8, 7, 65535, 600, 500, 400, 65535]
    assert '"is_far": true' in log_of(logs)


def test_the_engine_in_the_path_does_where_no_installer_was_at_work(far: FarSide, logs: Path) -> None:
    far.remove_engine()
    words = ["env", 'A=a\'b "$HOME"', *command("answers")]
    with Engine(engines.command(Known("x", "gpu-box", words, far.ssh())), [str(logs)], host="gpu-box") as started:
        assert started.stylize(JOB, lambda *_: None).used == {}


def test_the_end_of_the_client_is_the_end_of_the_engine_there(far: FarSide, logs: Path) -> None:
    far.install(f"echo $$ > ~/pid; exec {' '.join(command('hangs'))}")
    started = engine(logs, far.ssh())
    started.wait_for_greeting()
    started.close()
    there = int((far.home / "pid").read_text())
    while Path(f"/proc/{there}").exists():
        time.sleep(0.05)


TROUBLE = {
    "unknown key": ({"known": None}, "The key of gpu-box is not known yet.*ssh gpu-box.*confirm it"),
    "other key": ({"known": "other_key"}, "gpu-box has another key than before.*ssh-keygen .* -R .*ssh gpu-box"),
    "no key of ours": ({"key": "other_key"}, "gpu-box lets nobody in from here without a password.*ssh-copy-id"),
    "away": ({"port": 9}, r"gpu-box cannot be reached \(.*Connection refused\): see that it is running"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_who_is_not_let_in_is_told_why_and_what_to_do(far: FarSide, logs: Path, name: str) -> None:
    way, sentence = TROUBLE[name]
    with engine(logs, far.ssh(**way)) as started, pytest.raises(EngineAway, match=sentence) as problem:
        started.wait_for_greeting()
    assert "\n" not in str(problem.value)


def test_a_changed_key_is_forgotten_as_the_sentence_says(far: FarSide, logs: Path) -> None:
    way = far.ssh(known="other_key")
    with engine(logs, way) as started, pytest.raises(EngineAway) as problem:
        started.wait_for_greeting()
    _program, *words = shlex.split(re.findall('"(.+?)"', str(problem.value))[0])
    far.run("ssh-keygen", "-q", *words)
    with engine(logs, way) as started, pytest.raises(EngineAway, match="is not known yet"):
        started.wait_for_greeting()


USERS_OWN = """
    PermitLocalCommand yes
    LocalCommand echo welcome
    ControlMaster auto
    ControlPath {folder}/shared
    LogLevel QUIET
"""


def test_what_the_users_configuration_does_in_a_terminal_does_no_harm(far: FarSide, logs: Path) -> None:
    for known in ("host_key", "other_key"):
        way = far.ssh(known=known)
        with open(way[-1], "a") as config:
            config.write(USERS_OWN.format(folder=far.folder))
        with engine(logs, way) as started, nullcontext() if known == "host_key" else another_key():
            started.wait_for_greeting()
            assert not (far.folder / "shared").exists(), "another ssh would end with this one"


def another_key() -> AbstractContextManager[object]:
    return pytest.raises(EngineAway, match="another key than before")


def test_an_ssh_on_the_way_has_no_terminal_to_ask_at(far: FarSide, logs: Path) -> None:
    code = "import os, sys; sys.exit(f'{os.getsid(0) == os.getpid()} {os.environ[\"SSH_ASKPASS_REQUIRE\"]}')"
    with engine(logs, [sys.executable, "-c", code]) as started, pytest.raises(EngineError, match="True never"):
        started.wait_for_greeting()


def test_a_name_that_nobody_has_is_told_so(far: FarSide, logs: Path) -> None:
    with engine(logs, far.ssh(), "no-such-host.invalid") as started, pytest.raises(EngineAway, match="No computer of"):
        started.wait_for_greeting()


def test_a_missing_engine_and_an_older_one_are_to_be_installed_there(far: FarSide, logs: Path) -> None:
    far.remove_engine()
    with engine(logs, far.ssh()) as started, pytest.raises(EngineMissing, match="not installed on gpu-box.*--remote"):
        started.wait_for_greeting()
    far.use("is_older")
    sentence = "engine on gpu-box speaks version 0 of the protocol.*--remote gpu-box"
    with engine(logs, far.ssh()) as started, pytest.raises(EngineMissing, match=sentence):
        started.wait_for_greeting()


def test_a_broken_engine_there_is_to_be_mended_there(far: FarSide, logs: Path) -> None:
    far.use("exits")
    with engine(logs, far.ssh()) as started, pytest.raises(EngineMissing, match="No module named.*--remote gpu-box"):
        started.wait_for_greeting()


def test_too_little_memory_there_is_no_reason_to_install_the_engine_anew(far: FarSide, logs: Path) -> None:
    far.install("echo 'MemoryError: no memory' >&2; exit 1")
    with engine(logs, far.ssh()) as started, pytest.raises(EngineError, match="raise the limit on memory") as problem:
        started.wait_for_greeting()
    assert not isinstance(problem.value, EngineMissing)


def test_an_engine_that_is_killed_there_is_told_from_a_line_that_breaks(far: FarSide, logs: Path) -> None:
    far.install(saying_there("os.kill(os.getpid(), 9)"))
    with engine(logs, far.ssh()) as started, pytest.raises(EngineError, match="The engine was killed"):
        started.stylize(JOB, lambda *_: None)


def test_so_is_an_engine_of_an_own_command(far: FarSide, logs: Path) -> None:
    words = saying("os.kill(os.getpid(), 9)")
    assert ssh.command("gpu-box", words)[-1].endswith("; exit'")
    way = engines.command(Known("x", "gpu-box", words, far.ssh()))
    with Engine(way, [str(logs)], host="gpu-box") as started, pytest.raises(EngineError, match="The engine was killed"):
        started.stylize(JOB, lambda *_: None)


def saying_there(code: str) -> str:
    python, flag, text = saying(code)
    return f"exec {python} {flag} {ssh.quote(text)}"


def test_a_login_that_prints_is_told_what_not_to_print(far: FarSide, logs: Path) -> None:
    far.use("babbles")
    with engine(logs, far.ssh()) as started, pytest.raises(EngineError, match=r"login on gpu-box prints.*~/\.bashrc"):
        started.wait_for_greeting()


@pytest.mark.parametrize(
    ("ends", "sentence"), [(1, 'got the text "Go away".*"ssh gpu-box" works'), (127, "not installed")]
)
def test_a_login_that_only_prints_is_no_engine(far: FarSide, logs: Path, ends: int, sentence: str) -> None:
    far.install(f"echo Go away; exit {ends}")
    with engine(logs, far.ssh()) as started, pytest.raises(EngineError, match=sentence):
        started.wait_for_greeting()


def test_words_reach_the_far_side_whatever_the_shell_there() -> None:
    there = ssh.run("gpu-box", "echo 'one!' \"two\"!")[-1]
    assert not re.search(r"(?<!\\)!", there), "csh would look for an earlier command"
    assert subprocess.check_output(["sh", "-c", there], text=True) == "one! two!\n"


def test_without_ssh_its_installation_is_asked_for(logs: Path) -> None:
    with pytest.raises(EngineError, match="The program ssh is missing on this computer: install OpenSSH"):
        engine(logs, ["/nowhere/bin/ssh"])


@pytest.mark.parametrize(
    "host",
    [
        "-oProxyCommand=x",
        "a b",
        "a;b",
        "$(x)",
        "`x`",
        "me@-x",
        "ssh://-F",
        "ssh://-l@host",
        "ssh://me@-x",
        "a\nb",
        "a'b",
        "me@[-oX]",
        "CORP\\@gpu-box",
        "gpu\\box",
        "ssh://gpu-box:x",
        "@",
        "",
    ],
)
def test_what_is_no_name_of_a_computer_never_reaches_ssh(host: str) -> None:
    with pytest.raises(EngineError, match="is no name of a computer"):
        ssh.run(host, "true")


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("gpu-box", "-- gpu-box"),
        ("me@gpu-box", "-- me@gpu-box"),
        ("me@corp@gate-way", "-- me@corp@gate-way"),
        ("CORP\\me@gpu-box", "-- CORP\\me@gpu-box"),
        ("jürgen@büro:22", "-p 22 -- jürgen@büro"),
        ("ssh://me@gpu-box:22", "-- ssh://me@gpu-box:22"),
        ("me@gpu-box:2222", "-p 2222 -- me@gpu-box"),
        ("10.0.0.7:22", "-p 22 -- 10.0.0.7"),
        ("::1", "-- ::1"),
        ("me@[::1]", "-- me@::1"),
        ("me@[fe80::1%eth0]:2222", "-p 2222 -- me@fe80::1%eth0"),
        ("ssh://me@[::1]:2222", "-p 2222 -- me@::1"),
    ],
)
def test_names_of_computers_go_to_ssh_as_it_takes_them(host: str, words: str) -> None:
    command = ssh.run(host, "true")
    assert command[1 + 2 * len(ssh.OPTIONS) :] == [*words.split(), "sh -c true"]


def test_a_port_behind_the_name_reaches_a_real_server(far: FarSide, logs: Path) -> None:
    host = f"painter@gpu-box:{far.port}"
    with engine(logs, far.ssh(), host) as started:
        assert started.stylize(JOB, lambda *_: None).used == {}
    with (
        engine(logs, far.ssh(known=None), host) as started,
        pytest.raises(EngineAway, match=f"-p {far.port} painter@gpu-box"),
    ):
        started.wait_for_greeting()


def test_a_key_file_that_is_missing_is_no_computer_that_is_away() -> None:
    printed = "Warning: Identity file /home/me/key not accessible: No such file or directory.\nbad option"
    assert "ssh cannot start the engine" in str(ssh.explained("gpu-box", ssh.FAILED, printed, False))


@pytest.mark.parametrize(
    "printed",
    [
        "kex_exchange_identification: read: aborted",
        "client_loop: send disconnect: Broken pipe",
        "Timeout, server gpu-box not responding.",
    ],
)
def test_a_line_that_breaks_before_the_engine_greets_leads_nowhere(printed: str) -> None:
    assert "cannot be reached" in str(ssh.explained("gpu-box", ssh.FAILED, printed, False))


def test_a_line_that_is_cut_is_told_after_the_last_picture_that_came(far: FarSide, logs: Path, tmp_path: Path) -> None:
    far.use("paints")
    line = Line(tmp_path / "line")
    with engine(logs, far.ssh("cut", line), "cut") as started:
        started.paint(JOB)
        seen: list[Any] = []
        while not any(isinstance(event, Progress) and event.fraction == 0.5 for event in seen):
            seen.append(next_event(started))
        line.cut()
        with pytest.raises(LineBroken, match="^The line to cut broke .*try again"):
            next_event(started)
    assert [event for event in seen if isinstance(event, Preview)][-1] == Preview(4, 3, bytes((0, 0, 255, 255)) * 12)


def test_a_line_that_falls_silent_is_told_after_a_while(far: FarSide, logs: Path, tmp_path: Path) -> None:
    far.use("paints")
    line = Line(tmp_path / "line")
    impatient = ["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2"]  # what comes first counts
    with engine(logs, [*far.ssh("quiet", line), *impatient], "quiet") as started:
        started.paint(JOB)
        while not isinstance(next_event(started), Progress):
            pass
        line.fall_silent()
        with pytest.raises(LineBroken, match=r"The line to quiet broke \(Timeout, server 127.0.0.1 not responding\)"):
            while True:
                next_event(started)
    line.cut()


def test_twelve_megapixels_go_through_a_slow_line_once(
    far: FarSide, logs: Path, tmp_path: Path, record_property: Any
) -> None:
    content = photograph(MEGAPIXELS)
    line = Line(tmp_path / "line", SLOW)
    started_at = time.monotonic()
    with engine(logs, far.ssh("slow", line), "slow") as started:
        picture = started.stylize(JOB._replace(content=content), lambda *_: None).picture
    pixels = content.width * content.height
    facts = {"seconds": time.monotonic() - started_at, "sent": line.sent / pixels, "received": line.received / pixels}
    print({name: round(value, 2) for name, value in facts.items()}, "bytes a pixel each way")
    assert len(picture.rgba) == 8 * pixels
    assert facts["sent"] < 1.3 * 4, "of 8 bits and four channels, as the image has them"
    assert facts["received"] < 1.3 * 4


def photograph(megapixels: int) -> Picture:
    """A photograph of 8 bits, with a sensor's noise."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    enlarged = Image.open(PHOTO).convert("RGBA").resize((height * 4 // 3, height), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(0).normal(0, 2, (height, height * 4 // 3, 3))
    values = np.asarray(enlarged).copy()
    values[..., :3] = (values[..., :3] + noise).clip(0, 255)
    return Picture(values.shape[1], values.shape[0], (values.astype(np.uint16) * 257).tobytes())


@pytest.mark.slow
def test_the_real_engine_paints_there_and_sends_small_previews(far: FarSide, logs: Path) -> None:
    far.use_real_engine()
    content = Picture(400, 300, (stripes(300, 400, 40, seed=1) * 65535).astype("<u2").tobytes())
    style = Style("s", Picture(64, 64, (stripes(64, 64, 7, seed=2) * 65535).astype("<u2").tobytes()), 1.0)
    options = {"quality": "draft", "size": 400, "iterations": 2}
    with engine(logs, far.ssh()) as started:
        started.paint(Request(content, [style], options, None, None))
        events = [next_event(started)]
        while not isinstance(events[-1], Result):
            events.append(next_event(started))
    assert events[-1].picture.dtype == "uint16"
    previews = [event for event in events if isinstance(event, Preview)]
    assert previews
    assert max(event.width * event.height for event in previews) < 1.02 * 2**16, "sides are rounded"


REFUSED = {
    "larger": "a message 'result' that this plug-in does not understand",
    "smaller": "a message 'result' that this plug-in does not understand",
    "turned": "a message 'result' that this plug-in does not understand",
    "no numbers": "a message 'result' that this plug-in does not understand",
    "huge result": "something that is no message",
    "huge preview": "something that is no message",
    "plans": "a message 'planned' that this plug-in does not understand",
    "endless line": "something that is no message",
    "endless log": "printed more than",
}


@pytest.mark.parametrize("how", REFUSED)
def test_an_engine_that_means_harm_is_refused_in_a_sentence(
    far: FarSide, logs: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(engine_client, "LOG_LIMIT", 1024**2)
    far.use("is_hostile", how)
    with engine(logs, far.ssh()) as started, pytest.raises(EngineError, match=REFUSED[how]):
        started.stylize(JOB, lambda *_: None)


def test_what_an_engine_says_cannot_turn_around_or_hide_what_is_beside_it() -> None:
    assert messages.plain("a\u202eb\u2066c\x9bd\u2028e\u200ff\ufeffg \u0645\u200c") == "a b c d e f g \u0645\u200c"


def test_no_more_networks_are_offered_than_a_list_can_show() -> None:
    assert len(messages.names(["vgg19"] * 100_000)) == messages.MOST_NETWORKS


def test_pictures_that_nobody_asked_for_are_not_kept(far: FarSide, logs: Path) -> None:
    far.use("is_hostile", "two results")
    with engine(logs, far.ssh()) as started:
        picture = started.stylize(JOB, lambda *_: None).picture
        assert list(array.array("H", bytes(picture.rgba)))[:3] == [9, 8, 7]
        with pytest.raises(EngineError, match="'result' that this plug-in does not understand"):
            next_event(started)


def test_what_nobody_takes_is_not_read(far: FarSide, logs: Path) -> None:
    far.use("is_hostile", "plans")
    with engine(logs, far.ssh()) as started:
        started.wait_for_greeting()
        started.paint(JOB)
        waiting = started._pipe._arrivals._waiting
        while len(waiting) < mailbox.MOST_WAITING:
            time.sleep(0.01)
        before = resident()
        time.sleep(0.5)
        assert len(waiting) == mailbox.MOST_WAITING
        assert resident() - before < 20_000_000


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_name_is_chosen_among_several_engines(tmp_path: Path) -> None:
    listed = '[{"name": "This computer", "command": ["a"]}, {"name": "gpu", "host": "me@gpu-box"}]'
    (tmp_path / "engine.json").write_text(f'{{"format": 1, "engines": {listed}}}')
    assert engines.command(engines.chosen("", str(tmp_path))) == ["a"]
    assert re.search("me@gpu-box", " ".join(engines.command(engines.chosen("gpu", str(tmp_path)))))
    with pytest.raises(Exception, match='no engine "cpu": choose one of these: This computer, gpu'):
        engines.chosen("cpu", str(tmp_path))

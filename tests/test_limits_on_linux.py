"""Limits on memory that are real: control groups and ``ulimit``, of a job from its start to its end."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nst_engine import limits, memory
from nst_engine.options import Options
from nst_engine.painting import Painter
from nst_engine.pixels import StylePicture

ASK = "from nst_engine import memory; print(memory.free())"


@pytest.fixture
def limited_group() -> Iterator[Path]:
    """A control group of this machine with a limit of 1 GB, inside the group that the tests run in."""
    found = [(own, name) for own, kind in limits._groups(Path("/proc/self")) for name in kind.limits]
    own, limit = next(((own, name) for own, name in found if (own / name).exists()), (Path("/proc"), ""))
    folder = own / f"nst-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("no control group can be made here")
    try:
        if not (folder / limit).is_file():
            pytest.skip("a control group made here has no limit of memory")
        (folder / limit).write_text("1000000000")
        yield folder
    finally:
        folder.rmdir()


def run_in(group: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Python in a control group."""
    enter = f"open({str(group / 'cgroup.procs')!r}, 'w').write(str(__import__('os').getpid()))"
    return subprocess.run([sys.executable, "-c", f"{enter}; {code}"], capture_output=True, text=True)


def test_a_real_group_s_limit_counts(limited_group):
    assert 800e6 < int(run_in(limited_group, ASK).stdout) <= 1000e6


def test_in_a_real_group_a_job_is_refused_with_a_size_at_which_it_is_not_killed(limited_group, tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (1200, 1600, 3), dtype=np.uint8)
    Image.fromarray(noise).save(photo := tmp_path / "photo.png")
    files = [f"--content={photo}", f"--style={photo}", f"--output={tmp_path / 'out.png'}"]
    job = ["stylize", *files, "--quality=draft", "--iterations=1"]
    refused = run_in(limited_group, f"from nst_engine import cli; cli.main({[*job, '--size=1600']!r})")
    message, remedy = refused.stderr.splitlines()[-2:]
    assert message.startswith("ERROR Painting at 1600 px needs about ")
    assert remedy.startswith("TIP Choose a size of at most ")
    side = remedy.split()[-1].rstrip(".")
    assert run_in(limited_group, f"from nst_engine import cli; cli.main({[*job, f'--size={side}']!r})").returncode == 0
    assert (tmp_path / "out.png").exists()


@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_a_shell_s_limit_counts(limit):
    set_limit = f"import resource; resource.setrlimit(resource.{limit}, (10**9, 10**9))"
    done = subprocess.run([sys.executable, "-c", f"{set_limit}; {ASK}"], capture_output=True, text=True, check=True)
    assert 500e6 < int(done.stdout) < 1000e6


HOLD_AND_FREE = """
import resource
from nst_engine import memory
memory.keep_what_is_freed()
before = memory.free()
held = [bytearray(1000) for _ in range(200_000)] + [bytearray(200_000_000)]
during = memory.free()
last = bytearray(1000)
held.clear()
print(before - during, before - memory.free())
"""


def test_what_was_held_and_is_free_again_counts_as_free():
    set_limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9))"
    done = subprocess.run([sys.executable, "-c", set_limit + HOLD_AND_FREE], capture_output=True, text=True, check=True)
    while_held, afterwards = (int(number) for number in done.stdout.split())
    assert while_held > 380e6
    assert afterwards < 20e6


def test_a_job_gives_back_what_it_took():
    """The second one, for which libraries and kernels are there."""
    painter = Painter(Options(quality="draft", iterations=2, size=256))
    picture = np.random.default_rng(1).integers(0, 256, (200, 256, 3), dtype=np.uint8)
    painter.paint(picture, [StylePicture("s", picture)])
    before, during = memory.held(), []
    painter.paint(picture, [StylePicture("s", picture)], on_step=lambda step: during.append(memory.held()))
    assert max(during) > before + 40e6
    assert memory.held() < before + 0.3 * (max(during) - before)


@pytest.mark.parametrize(("limit", "megabytes"), [("RLIMIT_AS", 60), ("RLIMIT_AS", 600), ("RLIMIT_DATA", 300)])
def test_too_small_a_limit_ends_in_a_sentence_however_the_libraries_take_it(tmp_path, limit, megabytes):
    Image.new("RGB", (64, 48), "red").save(red := tmp_path / "red.png")
    files = {"--content": red, "--style": red, "--output": tmp_path / "out.png"}
    arguments = ["stylize", *(str(word) for pair in files.items() for word in pair)]
    set_limit = f"import resource; resource.setrlimit(resource.{limit}, ({megabytes * 10**6},) * 2)"
    command = [sys.executable, "-c", f"{set_limit}; from nst_engine import cli; cli.main({arguments!r})"]
    done = subprocess.run(command, capture_output=True, text=True)
    error, remedy = done.stderr.splitlines()
    assert (done.returncode, error.startswith("ERROR "), "memory" in error) == (1, True, True)
    assert remedy.startswith("TIP ")
    assert not (tmp_path / "out.png").exists()


UNDER_A_LIMIT = """
import resource, sys
import numpy as np
from nst_engine import Options, memory
from nst_engine.errors import OutOfMemory
from nst_engine.painting import Painter
from nst_engine.protocol import StylePicture

def limit(room):
    used = memory.psutil.Process().memory_info().vms - memory._held_idle()
    resource.setrlimit(resource.RLIMIT_AS, (used + room, used + room))

def job(side):
    return np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)

painter = Painter(Options(quality="draft", iterations=1, size=SIZE, device="cpu"))
"""

REFUSED = (
    UNDER_A_LIMIT.replace("SIZE", "3000")
    + """
limit(900_000_000)
try:
    painter.paint(job(3000), [StylePicture("s", job(256))])
except OutOfMemory as error:
    print(error)
"""
)

AT_THE_END = (
    UNDER_A_LIMIT.replace("SIZE", "64")
    + """
content = job(5000)
memory.give_back()
limited = []
picture = painter.paint(
    content, [StylePicture("s", job(64))], on_step=lambda step: limited or limited.append(limit(40_000_000))
).picture
print(picture.dtype, picture.shape, picture[::100, ::100].std() > 10)
"""
)


def printed(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_limit_of_the_shell_s_is_told_with_a_size_that_fits():
    sentence = printed(REFUSED)
    assert sentence.startswith("Painting at 3000 px needs about 5.")
    side = int(sentence.split()[-1].rstrip("."))
    assert 500 < side < 1500


def test_a_painted_picture_is_not_lost_when_its_memory_is_gone_at_the_end():
    assert printed(AT_THE_END) == "uint8 (5000, 5000, 4) True"

"""How much memory there is for this process: the machine's, a container's, a shell's; and who says that it is short."""

from __future__ import annotations

import errno
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from nst_engine import limits, memory
from nst_engine.errors import PictureError

GB = 10**9
ASK = "from nst_engine import memory; print(memory.free())"


def group(folder: Path, **files: str) -> None:
    """A control group's folder; ``__`` in a name stands for the dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


def process(folder: Path, groups: str, mounts: Mapping[str, str]) -> Path:
    """A process's folder in /proc: its groups, and which file systems are mounted where."""
    folder.mkdir()
    (folder / "cgroup").write_text(groups)
    lines = [f"31 23 0:28 {top} rw,relatime shared:1 - {source}\n" for top, source in mounts.items()]
    (folder / "mountinfo").write_text("".join(["22 1 8:1 / / rw - ext4 /dev/sda rw\n", *lines]))
    return folder


def version_2(tmp_path: Path, name: str, top: str = "/") -> Path:
    return process(tmp_path / "proc", f"0::{name}\n", {f"{top} {tmp_path / 'groups'}": "cgroup2 cgroup2 rw"})


def test_without_a_limit_the_machine_s_memory_counts(tmp_path):
    group(tmp_path / "groups/user", memory__max="max", memory__high="max", memory__current="1000")
    assert limits.room(version_2(tmp_path, "/user")) == limits.UNLIMITED
    assert limits.room(tmp_path / "nowhere") == limits.UNLIMITED


def test_a_group_s_limit_leaves_what_is_not_used_and_cache_does_not_count_as_used(tmp_path):
    stat = f"anon {GB}\nfile {2 * GB}\ninactive_file {GB}\nactive_file {GB}"
    group(tmp_path / "groups/job", memory__max=str(4 * GB), memory__current=str(3 * GB), memory__stat=stat)
    assert limits.room(version_2(tmp_path, "/job")) == 3 * GB


@pytest.mark.parametrize("limit", ["memory__max", "memory__high"])
def test_the_limit_of_any_group_around_it_counts(tmp_path, limit):
    group(tmp_path / "groups/a", **{limit: str(2 * GB), "memory__current": str(GB)})
    group(tmp_path / "groups/a/b", memory__max=str(5 * GB), memory__current="1000")
    group(tmp_path / "groups/a/b/c", memory__max="max", memory__current="500")
    assert limits.room(version_2(tmp_path, "/a/b/c")) == GB


def test_a_group_that_has_more_than_its_limit_leaves_nothing(tmp_path):
    group(tmp_path / "groups/job", memory__high=str(GB), memory__current=str(2 * GB))
    assert limits.room(version_2(tmp_path, "/job")) == 0


def test_in_a_container_its_own_group_is_the_outermost(tmp_path):
    group(tmp_path / "groups", memory__max=str(GB), memory__current="0")
    assert limits.room(version_2(tmp_path, "/docker/1234", top="/docker/1234")) == GB


@pytest.mark.parametrize("name", ["/../elsewhere", "/elsewhere"])
def test_a_group_that_cannot_be_seen_is_judged_by_what_is_mounted(tmp_path, name):
    group(tmp_path / "groups", memory__max=str(GB), memory__current="0")
    assert limits.room(version_2(tmp_path, name, top="/docker/1234")) == GB


def test_version_1_counts_beside_a_version_2_that_has_no_memory(tmp_path):
    legacy = {"memory__limit_in_bytes": str(3 * GB), "memory__usage_in_bytes": str(2 * GB)}
    group(tmp_path / "memory/job", **legacy, memory__stat=f"inactive_file 7\ntotal_inactive_file {GB}")
    group(tmp_path / "memory", memory__limit_in_bytes="9223372036854771712", memory__usage_in_bytes=str(9 * GB))
    groups = "4:memory:/job\n1:cpu,cpuacct:/job\n0::/\n"
    mounts = {f"/ {tmp_path / 'memory'}": "cgroup cgroup rw,memory", f"/ {tmp_path}": "cgroup2 cgroup2 rw"}
    assert limits.room(process(tmp_path / "proc", groups, mounts)) == 2 * GB


@pytest.fixture
def limited_group() -> Iterator[Path]:
    """A control group of this machine with a limit of 600 MB, inside the group that the tests run in."""
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
        (folder / limit).write_text("600000000")
        yield folder
    finally:
        folder.rmdir()


def test_a_real_group_s_limit_counts(limited_group):
    enter = f"open({str(limited_group / 'cgroup.procs')!r}, 'w').write(str(__import__('os').getpid()))"
    done = subprocess.run([sys.executable, "-c", f"{enter}; {ASK}"], capture_output=True, text=True, check=True)
    assert 500e6 < int(done.stdout) <= 600e6


@pytest.mark.posix
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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere freed memory is not kept")
def test_what_was_held_and_is_free_again_counts_as_free():
    set_limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9))"
    done = subprocess.run([sys.executable, "-c", set_limit + HOLD_AND_FREE], capture_output=True, text=True, check=True)
    while_held, afterwards = (int(number) for number in done.stdout.split())
    assert while_held > 380e6
    assert afterwards < 20e6


def test_free_memory_is_at_most_what_the_machine_has():
    assert 0 < memory.free() <= psutil.virtual_memory().total
    assert psutil.Process().memory_info().rss <= memory.peak() * 1.01


@pytest.mark.posix
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


def raised(action) -> BaseException:
    with pytest.raises(Exception) as caught:
        action()
    return caught.value


@pytest.mark.parametrize("action", [
    lambda: bytearray(2**60),
    lambda: np.empty(2**57),
    lambda: torch.empty(2**57),
    lambda: os.stat_result(()) and None,
], ids=["Python", "NumPy", "PyTorch", "another mistake"])  # fmt: skip
def test_a_shortage_is_known_by_whoever_tells_of_it(action, request):
    assert memory.is_shortage(raised(action)) == ("another" not in request.node.name)


@pytest.mark.parametrize("error", [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("could not create a primitive"),
    RuntimeError("std::bad_alloc"),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
], ids=str)  # fmt: skip
def test_a_shortage_has_many_names(error):
    assert memory.is_shortage(error)


@pytest.mark.parametrize("error", [
    RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"),
    ImportError("libgomp.so.1: cannot allocate memory in static TLS block"),
    PictureError("There is no file out of memory.jpg."),
    KeyboardInterrupt("out of memory"),
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
], ids=str)  # fmt: skip
def test_other_errors_are_no_shortage(error):
    assert not memory.is_shortage(error)

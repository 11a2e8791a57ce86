"""How much memory there is for this process: the machine's, a container's, a shell's; and who says that it is short."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from nst_engine import limits, memory
from nst_engine.errors import PictureError

GB = 10**9


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


def test_free_memory_is_at_most_what_the_machine_has():
    assert 0 < memory.free() <= psutil.virtual_memory().total
    assert psutil.Process().memory_info().rss <= memory.peak() * 1.01


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

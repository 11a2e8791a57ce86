"""What a container, a service or a shell allows this process: its control groups' memory and its own limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

UNLIMITED = 2**63
"""More bytes than any machine has."""


class _Hierarchy(NamedTuple):
    """How one version of control groups names its files.

    ``controllers`` stands in /proc/self/cgroup; ``limits`` are the files with upper bounds, ``usage`` that with the
    bytes held, of which those of page cache, the entries ``cache`` of memory.stat, are given up under pressure.
    """

    file_system: str
    controllers: str
    limits: tuple[str, ...]
    usage: str
    cache: tuple[str, ...]


HIERARCHIES = (
    _Hierarchy("cgroup2", "", ("memory.max", "memory.high"), "memory.current", ("inactive_file", "active_file")),
    _Hierarchy(
        "cgroup",
        "memory",
        ("memory.limit_in_bytes",),
        "memory.usage_in_bytes",
        ("total_inactive_file", "total_active_file"),
    ),
)
"""Version 2 and version 1; see cgroups(7) and the kernel's documents on both."""

RESOURCES = (("RLIMIT_AS", "vms"), ("RLIMIT_DATA", "data"))
"""Limits of getrlimit(2), and what psutil calls that which they count."""


def room(process: Path = Path("/proc/self")) -> int:
    """Bytes that the control groups of the process with this folder let it take, UNLIMITED without a limit."""
    return min((_room_in(*found) for found in _groups(process)), default=UNLIMITED)


def file_room() -> int:
    """Bytes that a file may have which this process writes (``ulimit -f``), UNLIMITED without a limit."""
    try:
        import resource  # not on Windows
    except ImportError:
        return UNLIMITED
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return UNLIMITED if limit == resource.RLIM_INFINITY else limit


def address_room() -> int:
    """Bytes by which this process's address space may grow (``ulimit -v`` and ``-d``), UNLIMITED without a limit."""
    try:
        import resource  # not on Windows
    except ImportError:
        return UNLIMITED
    rooms = [UNLIMITED]
    for name, counted in RESOURCES:
        limit, _ = resource.getrlimit(getattr(resource, name))
        if limit != resource.RLIM_INFINITY and hasattr(held := psutil.Process().memory_info(), counted):
            rooms.append(limit - getattr(held, counted))
    return max(0, min(rooms))


def _groups(process: Path) -> Iterator[tuple[Path, _Hierarchy]]:
    """The folders of the groups that the process is in, from its own up to the outermost that can be seen."""
    for hierarchy in HIERARCHIES:
        path = _path(process / "cgroup", hierarchy)
        mount = _mount(process / "mountinfo", hierarchy)
        if path is None or mount is None:
            continue
        top, folder = mount
        is_inside = Path(path).is_relative_to(top) and ".." not in Path(path).parts
        inside = Path(path).relative_to(top).parts if is_inside else ()
        for depth in range(len(inside), -1, -1):
            yield folder.joinpath(*inside[:depth]), hierarchy


def _path(file: Path, hierarchy: _Hierarchy) -> str | None:
    """The group's name in /proc/PID/cgroup, whose lines are number:controllers:name."""
    for _, controllers, name in (line.split(":", 2) for line in _lines(file)):
        if hierarchy.controllers in controllers.split(","):
            return name
    return None


def _mount(file: Path, hierarchy: _Hierarchy) -> tuple[str, Path] | None:
    """Which group is mounted where, from /proc/PID/mountinfo; see proc_pid_mountinfo(5)."""
    for line in _lines(file):
        mounted, _, source = line.partition(" - ")
        file_system, _, options = source.split(" ", 2)
        if file_system == hierarchy.file_system and hierarchy.controllers in ("", *options.split(",")):
            top, folder = mounted.split(" ")[3:5]
            return top, Path(folder)
    return None


def _room_in(group: Path, hierarchy: _Hierarchy) -> int:
    """Bytes that a group's own limit leaves."""
    limits = [int(text) for name in hierarchy.limits for text in _lines(group / name) if text.isdecimal()]
    if not limits:
        return UNLIMITED
    usage = sum(int(text) for text in _lines(group / hierarchy.usage))
    entries = dict(line.split() for line in _lines(group / "memory.stat"))
    cache = sum(int(entries.get(name, 0)) for name in hierarchy.cache)
    return max(0, min(limits) - max(0, usage - cache))


def _lines(file: Path) -> list[str]:
    """The lines of a file of the kernel's; none where there is none, or it may not be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []

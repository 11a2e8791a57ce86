"""An engine that does what the test's code says, with means to do damage: to itself, the plug-in or GIMP."""

import os
import resource
import signal
import sys

import pipe  # noqa: F401  (for the code)

HALF_A_RESULT = b'{"arrays":[{"bytes":64,"dtype":"float32","name":"picture","shape":[2,2,4]}],"kind":"result"}\nab'


def die(number: int = signal.SIGKILL) -> None:
    os.kill(os.getpid(), number)


def send_raw(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def kill_plug_in() -> None:
    os.kill(os.getppid(), signal.SIGKILL)


def parent_of(process: int) -> int:
    with open(f"/proc/{process}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[1])


def fill_the_disk() -> None:
    """No file of the plug-in's or of the engine's grows any more."""
    for process in (os.getppid(), os.getpid()):
        resource.prlimit(process, resource.RLIMIT_FSIZE, (0, 0))


def take_the_memory() -> None:
    """The plug-in gets no more than it has."""
    with open(f"/proc/{os.getppid()}/statm") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    resource.prlimit(os.getppid(), resource.RLIMIT_AS, (size, size))


exec(sys.argv[1])

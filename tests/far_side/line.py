"""A line of a chosen speed, which counts what goes through: the ProxyCommand of an ssh."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PIECE = 16_384


@dataclass(frozen=True)
class Line:
    """``folder`` has what is known of the line; ``rate`` is its speed in bytes a second each way, 0 for no limit."""

    folder: Path
    rate: int = 0

    def command(self, port: int) -> str:
        """The ProxyCommand."""
        return shlex.join([sys.executable, __file__, str(self.folder), str(self.rate), str(port)])

    @property
    def sent(self) -> int:
        """Bytes that went to the far side, encrypted and compressed as ssh sends them."""
        return int((self.folder / "sent").read_text())

    @property
    def received(self) -> int:
        return int((self.folder / "received").read_text())

    def cut(self) -> None:
        """End it."""
        os.kill(self._process, signal.SIGKILL)

    def fall_silent(self) -> None:
        """Nothing comes through any more, and nobody is told."""
        os.kill(self._process, signal.SIGSTOP)

    @property
    def _process(self) -> int:
        return int((self.folder / "pid").read_text())


def pass_on(source: int, sink: int, rate: int, counter: Path) -> None:
    """Pass on what comes until it ends, at that rate, and keep a count that is whole at any moment."""
    count, started = 0, time.monotonic()
    record = os.open(counter, os.O_WRONLY | os.O_CREAT)
    while data := os.read(source, PIECE):
        view = memoryview(data)
        while view:
            view = view[os.write(sink, view) :]
        count += len(data)
        os.pwrite(record, b"%020d" % count, 0)
        if rate:
            time.sleep(max(0.0, started + count / rate - time.monotonic()))


def main(folder: Path, rate: int, port: int) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "pid").write_text(str(os.getpid()))
    with socket.create_connection(("127.0.0.1", port)) as far:
        there = threading.Thread(target=pass_on, args=(0, far.fileno(), rate, folder / "sent"), daemon=True)
        there.start()
        pass_on(far.fileno(), 1, rate, folder / "received")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

"""A package index on this machine that breaks connections off in the middle of a file, as long as it is told to."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class CuttingIndex(ThreadingHTTPServer):
    """Serves the wheels of a folder at ``address``."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.folder, self.is_cutting = folder, True
        self.address = f"http://127.0.0.1:{self.server_port}/simple"


class Request(BaseHTTPRequestHandler):
    server: CuttingIndex

    def do_GET(self) -> None:
        name = self.path.strip("/").split("/")[-1]
        file = self.server.folder / name
        if self.path.startswith("/simple/"):
            wheels = (path.name for path in self.server.folder.glob("*.whl") if path.name.startswith(f"{name}-"))
            self.answer("".join(f'<a href="/files/{wheel}">{wheel}</a>' for wheel in wheels).encode(), False)
        elif file.is_file():
            self.answer(file.read_bytes(), self.server.is_cutting)
        else:
            self.send_error(404)

    def answer(self, content: bytes, is_cut: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path.startswith("/simple/") else "application/zip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if is_cut else content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def cutting_index(folder: Path) -> Iterator[CuttingIndex]:
    with CuttingIndex(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()

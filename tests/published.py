"""Stand-ins for what people have and servers send: weights files in the published layouts, and a web server."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from nst_engine.network.download import Download

SLIM = [4 if width == 64 else 6 if isinstance(width, int) else width for width in cfgs["E"]]
"""VGG-19's layers (torchvision's configuration E) with 4 or 6 channels each, which makes files of 30 kB."""


def features(layers: list[str | int], seed: int = 0) -> nn.Sequential:
    """torchvision's own VGG of these layers, with random weights of which the features neither vanish nor explode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = make_layers(layers).requires_grad_(False)
        for layer in network:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.normal_(layer.bias, std=0.1)
    return network


def state_dict(network: nn.Sequential) -> dict[str, Tensor]:
    """What torchvision publishes of the whole network; the classifier is only as large as its names need."""
    classifier = {f"classifier.{i}.{part}": torch.zeros(2, 2) for i in (0, 3, 6) for part in ("weight", "bias")}
    return {f"features.{key}": value for key, value in network.state_dict().items()} | classifier


def legacy_file(path: Path, network: nn.Sequential) -> Path:
    """The file format of PyTorch before 1.6, in which VGG-19 is published."""
    torch.save(state_dict(network), path, _use_new_zipfile_serialization=False)
    return path


def download(server: str, file: Path, **patience: float) -> Download:
    """How this file is expected from the server."""
    data = file.read_bytes()
    return Download(f"{server}/{file.name}", hashlib.sha256(data).hexdigest(), len(data), **patience)


class Server(http.server.ThreadingHTTPServer):
    """Sends ``data``; each of the ``mishaps``, in turn, befalls one request."""

    daemon_threads = True

    def __init__(self, data: bytes, mishaps: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data = data
        self.mishaps = mishaps
        self.requests = 0
        self.over = threading.Event()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        mishap = self.server.mishaps.pop(0) if self.server.mishaps else "none"
        getattr(self, f"_{mishap}")(self.server.data)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def _send(
        self, data: bytes, length: int | str | None, status: int = 200, kind: str = "application/octet-stream"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # a client that has seen enough
            self.wfile.write(data)

    def _none(self, data: bytes) -> None:
        self._send(data, len(data))

    def _without_length(self, data: bytes) -> None:
        self._send(data, None)

    def _forbidden(self, data: bytes) -> None:
        self._send(b"", 0, status=403)

    def _overloaded(self, data: bytes) -> None:
        self._send(b"", 0, status=503)

    def _web_page(self, data: bytes) -> None:
        self._send(b"<!doctype html><title>Log in</title>", 36, kind="text/html")

    def _web_page_without_length(self, data: bytes) -> None:
        self._send(b"<!doctype html><title>Log in</title>", None, kind="text/html")

    def _length_in_words(self, data: bytes) -> None:
        self._send(data, "many" * 9)

    def _wrong_file(self, data: bytes) -> None:
        self._send(bytes(len(data)), len(data))

    def _broken_off(self, data: bytes) -> None:
        self._send(data[: len(data) // 2], len(data))

    def _too_long(self, data: bytes) -> None:
        self._send(data, 10 * len(data))

    def _endless(self, data: bytes) -> None:
        self._send(data, None)
        with contextlib.suppress(ConnectionError):
            while not self.server.over.is_set():
                self.wfile.write(bytes(1 << 16))

    def _stalled(self, data: bytes) -> None:
        self._send(data[: len(data) // 2], len(data))
        self.server.over.wait()

    def _drip(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            while not self.server.over.wait(0.01):
                self.wfile.write(data[:1])

    def _dripping(self, data: bytes) -> None:
        self._send(data[: len(data) // 2], len(data))
        self._drip(data)

    def _dripping_headers(self, data: bytes) -> None:
        self.send_response(200)
        self.flush_headers()
        self._drip(b"x")

    def _silent(self, data: bytes) -> None:
        self.server.over.wait()


@contextlib.contextmanager
def serving(data: bytes, *mishaps: str) -> Iterator[tuple[Server, str]]:
    """A server on this machine and its address."""
    with Server(data, list(mishaps)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.over.set()
            server.shutdown()
            thread.join()

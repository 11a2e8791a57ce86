"""One large file from the web: with progress, retries and a known hash, or one sentence that says why not."""

from __future__ import annotations

import dataclasses
import queue
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pooch  # type: ignore[import-untyped]
import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError, ReadTimeoutError

from nst_engine.errors import NetworkError

CHUNK = 1 << 18
"""Bytes that are read and written at a time, at most."""

SLOWEST = 1000
"""Bytes a second below which a download does not go on but stands."""


@dataclasses.dataclass(frozen=True)
class Download:
    """A file on the web: its ``size`` in bytes, and how patient to be with its server.

    After ``stall_seconds`` in which next to nothing came an attempt has failed; then there are ``retries`` more.
    """

    url: str
    sha256: str
    size: int
    stall_seconds: float = 30
    retries: int = 2

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return self.url.rpartition("/")[2]

    @property
    def by_hand(self) -> str:
        """How to do without :func:`fetch`."""
        return f"Download {self.url} with a browser, then run: nst-engine networks add {self.file_name}"


def fetch(download: Download, folder: Path) -> Path:
    """Download into ``folder``; returns the file, which is whole.

    Raises NetworkError, and OSError when the folder cannot be written; neither leaves anything behind.
    """
    if shutil.disk_usage(folder).free < download.size:
        megabytes = -(-download.size // 10**6)
        raise NetworkError(f"The disk of {folder} has no room for {megabytes} MB.", "Make room there.")
    pooch.get_logger().setLevel("ERROR")
    files = pooch.create(
        path=folder,
        base_url="",
        registry={download.file_name: download.sha256},
        urls={download.file_name: download.url},
        retry_if_failed=download.retries,
    )
    with _Progress(download) as progress:
        try:
            return Path(files.fetch(download.file_name, downloader=progress.receive))
        except requests.RequestException as error:
            sentence = _reason(error, download)
        except ValueError:  # the hash is another
            sentence = f"{_host(download)} sent another file than the one expected."
        raise NetworkError(sentence, download.by_hand)


def _answered(url: str, seconds: float) -> requests.Response:
    """The server's answer; ``requests`` waits so long for each byte of its headers, this for all of them."""
    answers: queue.SimpleQueue[requests.Response | requests.RequestException] = queue.SimpleQueue()

    def ask() -> None:
        try:  # an announced length is that of the file only if nothing is compressed
            answers.put(requests.get(url, stream=True, timeout=seconds, headers={"Accept-Encoding": "identity"}))
        except requests.RequestException as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=2 * seconds)
    except queue.Empty:
        raise requests.Timeout from None
    if isinstance(answer, requests.RequestException):
        raise answer
    return answer


class _Progress:
    """Receives a file for pooch, with a bar on a terminal, up to the end or to what cannot become one."""

    def __init__(self, download: Download) -> None:
        self.download = download
        self.received = 0
        self.bar = tqdm(
            desc=download.file_name,
            total=download.size,
            unit="B",
            unit_scale=True,
            disable=not sys.stderr.isatty(),
            leave=False,
        )

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()

    def receive(self, url: str, output_file: str, _: object) -> None:
        """One attempt; raises ``requests.RequestException``, OSError, and NetworkError where another were in vain."""
        self.received = 0
        self.bar.reset()
        with _answered(url, self.download.stall_seconds) as response, open(output_file, "wb") as file:
            response.raise_for_status()
            announced = int(response.headers.get("content-length", self.download.size))
            if announced != self.download.size:
                self._refuse(announced)
            for data in self._parts(response):
                file.write(data)

    def _parts(self, response: requests.Response) -> Iterator[bytes]:
        """What comes, as it comes."""
        began, before = time.monotonic(), 0
        try:
            while data := response.raw.read1(CHUNK):
                self.received += len(data)
                self.bar.update(len(data))
                if self.received > self.download.size:
                    self._refuse(self.received)
                yield data
                if (seconds := time.monotonic() - began) > self.download.stall_seconds:
                    if self.received - before < SLOWEST * seconds:
                        raise requests.Timeout
                    began, before = time.monotonic(), self.received
        except ReadTimeoutError:
            raise requests.Timeout from None
        except HTTPError:
            raise requests.exceptions.ChunkedEncodingError from None

    def _refuse(self, size: int) -> None:
        raise NetworkError(
            f"{_host(self.download)} sends {size} bytes where {self.download.size} are expected.",
            self.download.by_hand,
        )


def _reason(error: requests.RequestException, download: Download) -> str:
    """One sentence on why a download failed."""
    host = _host(download)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{host} refuses the download ({error.response.status_code} {error.response.reason})."
    if isinstance(error, requests.Timeout):
        return f"The download from {host} stalled: next to nothing came for {download.stall_seconds:g} seconds."
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"The download from {host} broke off."
    if isinstance(error, requests.exceptions.SSLError):
        return f"There is no secure connection to {host}."
    return f"{host} cannot be reached."


def _host(download: Download) -> str:
    return urlsplit(download.url).netloc

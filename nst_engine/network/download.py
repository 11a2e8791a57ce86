"""One large file from the web: with progress, retries and a known hash, or one sentence that says why not."""

from __future__ import annotations

import dataclasses
import hashlib
import queue
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

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
    """Download into ``folder``, one that is to go away with what is in it; returns the file, which is whole.

    Raises NetworkError, and OSError when the folder cannot be written; half a file may stay then.
    """
    if shutil.disk_usage(folder).free < download.size:
        megabytes = -(-download.size // 10**6)
        raise NetworkError(f"The disk of {folder} has no room for {megabytes} MB.", "Make room there.")
    file, problem = folder / download.file_name, ""
    with _bar(download) as bar:
        for attempt in range(1 + download.retries):
            time.sleep(attempt)  # a server that is overloaded gets a little rest
            problem = _attempt(download, file, bar)
            if not problem:
                return file
    raise NetworkError(problem, download.by_hand)


def _bar(download: Download) -> tqdm[NoReturn]:
    """How far it is, on a terminal."""
    is_hidden = not sys.stderr.isatty()
    return tqdm(desc=download.file_name, total=download.size, unit="B", unit_scale=True, disable=is_hidden, leave=False)


def _attempt(download: Download, file: Path, bar: tqdm[NoReturn]) -> str:
    """Try once; returns what went wrong in a sentence, or nothing. Raises NetworkError where another try is in vain."""
    try:
        is_whole = _received(download, file, bar) == download.sha256
    except requests.RequestException as error:
        return _reason(error, download)
    return "" if is_whole else f"{_host(download)} sent another file than the one expected."


def _received(download: Download, file: Path, bar: tqdm[NoReturn]) -> str:
    """Write what the server sends; returns its SHA-256."""
    bar.reset()
    digest = hashlib.sha256()
    with _answered(download.url, download.stall_seconds) as response, file.open("wb") as stream:
        response.raise_for_status()
        announced = response.headers.get("content-length", str(download.size))
        if announced != str(download.size):
            raise _another_size(announced[:20], download)
        for data in _parts(response, download):
            stream.write(data)
            digest.update(data)
            bar.update(len(data))
    return digest.hexdigest()


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


def _parts(response: requests.Response, download: Download) -> Iterator[bytes]:
    """What comes, as it comes. Raises requests.Timeout where nearly nothing does, NetworkError where too much."""
    received = before = 0
    began = time.monotonic()
    try:
        while data := response.raw.read1(CHUNK):
            received += len(data)
            if received > download.size:
                raise _another_size(received, download)
            yield data
            if (seconds := time.monotonic() - began) > download.stall_seconds:
                if received - before < SLOWEST * seconds:
                    raise requests.Timeout
                began, before = time.monotonic(), received
    except ReadTimeoutError:
        raise requests.Timeout from None
    except HTTPError:
        raise requests.exceptions.ChunkedEncodingError from None


def _another_size(sent: int | str, download: Download) -> NetworkError:
    return NetworkError(f"{_host(download)} sends {sent} bytes where {download.size} are expected.", download.by_hand)


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

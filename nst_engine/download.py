"""One large file from the web: with progress, retries and a known hash, or one sentence that says why not."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pooch  # type: ignore[import-untyped]
import requests
from tqdm import tqdm
from urllib3.exceptions import ReadTimeoutError

from nst_engine.errors import NetworkError

CHUNK = 1 << 18
"""Bytes that are read and written at a time."""


@dataclasses.dataclass(frozen=True)
class Download:
    """A file on the web: its ``size`` in bytes, and how patient to be with its server.

    After ``stall_seconds`` without a byte an attempt has failed; then there are ``retries`` more.
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
    with contextlib.ExitStack() as ending:
        progress = ending.enter_context(_Progress(download))

        def close_in_the_end(response: requests.Response, **_: object) -> None:
            ending.callback(response.close)  # pooch leaves those open that failed

        get = pooch.HTTPDownloader(
            progressbar=progress,
            chunk_size=CHUNK,
            timeout=download.stall_seconds,
            headers={"Accept-Encoding": "identity"},  # so that the announced length is the file's
            hooks={"response": close_in_the_end},
        )
        try:
            return Path(files.fetch(download.file_name, downloader=get))
        except requests.RequestException as error:
            sentence = _reason(error, download)
        except ValueError:  # the hash is another
            sentence = f"{_host(download)} sent another file than the one expected."
        raise NetworkError(sentence, download.by_hand)


class _Progress:
    """What pooch tells of a download: a bar on a terminal, and the end of it when more comes than should."""

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

    @property
    def total(self) -> int:
        """Bytes that the server announced; 0 when it did not. Setting it begins an attempt."""
        return self.download.size

    @total.setter
    def total(self, announced: int) -> None:
        self.reset()
        if announced not in (0, self.download.size):
            self._refuse(announced)

    def update(self, count: int) -> None:
        """Count bytes; pooch rounds them up to whole chunks."""
        self.received += count
        self.bar.update(count)
        if self.received >= self.download.size + CHUNK:
            self._refuse(self.received)

    def reset(self) -> None:
        """Begin to count anew."""
        self.received = 0
        self.bar.reset()

    def close(self) -> None:
        """Nothing yet: another attempt may follow."""

    def _refuse(self, size: int) -> None:
        raise NetworkError(
            f"{_host(self.download)} sends {size} bytes where {self.download.size} are expected.",
            self.download.by_hand,
        )


def _reason(error: requests.RequestException, download: Download) -> str:
    """One sentence on why a download failed."""
    host = _host(download)
    stalled = isinstance(error, requests.Timeout) or (error.args and isinstance(error.args[0], ReadTimeoutError))
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{host} refuses the download ({error.response.status_code} {error.response.reason})."
    if stalled:
        return f"The download from {host} stalled: nothing came for {download.stall_seconds:g} seconds."
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"The download from {host} broke off."
    if isinstance(error, requests.exceptions.SSLError):
        return f"There is no secure connection to {host}."
    return f"{host} cannot be reached."


def _host(download: Download) -> str:
    return urlsplit(download.url).netloc

"""Where a user's own networks and paintings lie."""

from __future__ import annotations

import contextlib
from pathlib import Path

import platformdirs


def own_folder(kind: str) -> Path:
    """The folder of the user's own things of a kind; the machine's for a user who has no home folder."""
    with contextlib.suppress(RuntimeError):
        folder = platformdirs.user_data_path("neural-style", appauthor=False)
        if folder.is_absolute():
            return folder / kind
    return platformdirs.site_data_path("neural-style", appauthor=False) / kind

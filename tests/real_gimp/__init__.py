"""A real GIMP 3 for the tests and the demonstration, brought when it is missing."""

from .gimp import PYTHON_FU, SCRIPT_FU, Gimp, kill_session, session_processes
from .preparation import (
    BASE,
    DEFAULT_SUITE,
    HOST_PACKAGES,
    GimpUnavailable,
    Preparation,
    cache_folder,
    configure_apt,
    mirror,
    prepare,
    preparing,
    require_root,
    say,
)

__all__ = [
    "BASE",
    "DEFAULT_SUITE",
    "HOST_PACKAGES",
    "PYTHON_FU",
    "SCRIPT_FU",
    "Gimp",
    "GimpUnavailable",
    "Preparation",
    "cache_folder",
    "configure_apt",
    "kill_session",
    "mirror",
    "prepare",
    "preparing",
    "require_root",
    "say",
    "session_processes",
]

"""Another computer for the tests: a real OpenSSH server on loopback, and lines to it that may be slow or cut."""

from .line import Line
from .openssh import OpenSsh, prepare
from .server import FarSide

__all__ = ["FarSide", "Line", "OpenSsh", "prepare"]

"""What can go wrong for a user: a stable code, one sentence that says what is wrong, one that says what to do."""

from __future__ import annotations

from typing import ClassVar


class StyleTransferError(Exception):
    """Base of all mistakes and mishaps that a user can do something about.

    ``message`` says what is wrong, ``remedy`` what to do; each is one sentence. ``code`` is what scripts key on.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class OptionError(StyleTransferError):
    """An option is unknown, of the wrong kind or out of range."""

    code = "option"


class PictureError(StyleTransferError):
    """A picture cannot be read, written or used."""

    code = "picture"


class NetworkError(StyleTransferError):
    """A network's weights are missing, damaged or of an unknown layout."""

    code = "network"


class DeviceError(StyleTransferError):
    """The device asked for is not there or does not work."""

    code = "device"


class OutOfMemory(StyleTransferError):
    """The job does not fit the memory of its device."""

    code = "memory"


class ProtocolError(StyleTransferError):
    """The other side of the pipe sent something that this version does not understand."""

    code = "protocol"

"""What can go wrong for the person who installs."""

from __future__ import annotations


class InstallError(Exception):
    """``message`` says in one sentence what is wrong, ``tip`` what to do about it."""

    def __init__(self, message: str, tip: str) -> None:
        super().__init__(message)
        self.message = message
        self.tip = tip

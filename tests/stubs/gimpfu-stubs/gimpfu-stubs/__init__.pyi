from collections.abc import Callable, Sequence
from typing import Any

import gimp as gimp
from gimp import pdb as pdb
from gimpenums import *  # noqa: F403

PF_DRAWABLE: int
PF_FILE: int
PF_IMAGE: int
PF_LAYER: int
PF_RADIO: int
PF_SLIDER: int
PF_SPINNER: int
PF_STRING: int

class CancelError(RuntimeError): ...

def register(
    proc_name: str,
    blurb: bytes,
    help: bytes,
    author: str,
    copyright: str,
    date: str,
    label: bytes,
    imagetypes: str,
    params: Sequence[tuple[Any, ...]],
    results: Sequence[tuple[int, str, str]],
    function: Callable[..., object],
    menu: str,
) -> None: ...
def main() -> None: ...

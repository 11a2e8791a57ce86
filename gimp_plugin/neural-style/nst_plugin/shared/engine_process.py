"""The engine's process: how it is started from within GIMP. Understood by Python 2.7 and 3."""

import errno
import fnmatch
import os
import signal
import subprocess
import sys

from nst_plugin.shared import messages
from nst_plugin.shared.engine_log import EngineLog
from nst_plugin.shared.errors import EngineError
from nst_plugin.shared.translation import N_, _

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, Callable, Dict, List, Mapping, Optional

PR_SET_PDEATHSIG = 1
"""Linux: the signal that a process gets when the one that started it is gone."""

CREATE_NO_WINDOW = 0x08000000
"""Windows: no console window for the engine."""

NO_START = N_("The engine cannot be started (%s): close other programs, then try again.")
NOT_ALLOWED = N_("The engine may not be started (%s): install it in a folder that programs may run from.")

MISSING = (errno.ENOENT, errno.ENOTDIR, errno.ENOEXEC)
"""Why a program does not start that is not, or not wholly, installed."""

KEPT_FROM_ENGINE = (
    ("PYTHONHOME", "is where GIMP's own Python has its library"),
    ("PYTHONPATH", "holds modules for GIMP's Python"),
    ("__PYVENV_LAUNCHER__", "makes a Mac's Python take GIMP's for its own"),
    ("LD_LIBRARY_PATH", "holds libraries of GIMP's bundle"),
    ("LD_PRELOAD", "names libraries of GIMP's bundle"),
    ("DYLD_*", "name libraries of GIMP's bundle on a Mac"),
    ("GI_*", "are for GIMP's libraries"),
    ("GIMP*", "are GIMP's own settings"),
)
"""Variables, as patterns, that GIMP sets for its plug-ins and that would mislead the engine; and why."""


WITHOUT_WINDOW = {"SSH_ASKPASS_REQUIRE": "never"}
"""What keeps an ssh that another one starts, to go through a computer, from opening a window with a question."""


def engine_environment(environ):
    # type: (Mapping[str, str]) -> Dict[str, str]
    """GIMP's environment without what would mislead the engine."""
    patterns = [pattern for pattern, _why in KEPT_FROM_ENGINE]
    return {
        name: value
        for name, value in environ.items()
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }


def start(command, log, missing, asks_nobody=False):
    # type: (List[str], EngineLog, str, bool) -> subprocess.Popen[bytes]
    """Start a command whose stdin and stdout are pipes and whose stderr is the log.

    EngineError when it does not start; ``missing`` says that there is no such program. One that ``asks_nobody`` finds
    no terminal, and no window for passwords.
    """
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.stream,
            env=dict(engine_environment(os.environ), **(WITHOUT_WINDOW if asks_nobody else {})),
            close_fds=os.name != "nt" or sys.version_info[0] > 2,  # Python 2.7 cannot do it on Windows
            creationflags=CREATE_NO_WINDOW if os.name == "nt" else 0,
            preexec_fn=_preparation(asks_nobody),
        )
    except (IOError, OSError) as error:
        if error.errno in MISSING:
            raise EngineError(missing)
        sentence = NOT_ALLOWED if error.errno in (errno.EACCES, errno.EPERM) else NO_START
        raise EngineError(_(sentence) % messages.plain(error.strerror or str(error)))
    except (ValueError, TypeError):  # a command with a NUL in it, say
        raise EngineError(missing)


def _preparation(asks_nobody):
    # type: (bool) -> Optional[Callable[[], object]]
    """What the process does before it becomes the engine: it leaves the terminal, and ends with the plug-in."""
    leave = [os.setsid] if asks_nobody and hasattr(os, "setsid") else []  # type: List[Callable[[], Any]]
    steps = leave + _dying_with_the_plug_in()
    return (lambda: [step() for step in steps]) if steps else None


def _dying_with_the_plug_in():
    # type: () -> List[Callable[[], Any]]
    """What has Linux kill the engine once the plug-in is gone: one that is stuck would not notice by itself."""
    if not sys.platform.startswith("linux"):
        return []
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, AttributeError, OSError):
        return []
    return [lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL)]

"""What the installer left beside the plug-in, and where its log goes. Understood by Python 2.7 and 3."""

import io
import json
import os
import sys
import tempfile

from nst_plugin.shared.errors import EngineError
from nst_plugin.shared.translation import N_, _

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, Dict, List, Mapping, Optional

FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HELP_FOLDER = os.path.join(FOLDER, "help")
FORMAT = 1
INSTALLER = os.path.join(FOLDER, "install", "install.py")
"""Comes with a plug-in from an archive, and is worked by GIMP's own menu; a clone has one that is run beside GIMP."""

TEXT = (str, type(json.loads('""')))
"""What texts are: under Python 2.7 those of JSON are others."""

NOT_INSTALLED = N_(
    "The engine of Neural Style is not installed. "
    'Run "python3 install/install.py" in the folder of Neural Style for GIMP, then try again.'
)
NOT_INSTALLED_HERE = N_(
    "The engine of Neural Style is not installed. Choose Filters > Neural Style Engine, then try again."
)


def engine_entries(folder=FOLDER):
    # type: (str) -> List[Dict[str, Any]]
    """The engines that engine.json lists, as ``engines.py`` says, but for what is none. EngineError without any."""
    try:
        engines = [entry for entry in _read(os.path.join(folder, "engine.json"))["engines"] if _is_entry(entry)]
    except (IOError, ValueError, LookupError, TypeError):
        engines = []
    if not engines:
        raise EngineError(not_installed())
    return engines


def _is_entry(entry):
    # type: (Any) -> bool
    """Whether something means an engine: an object with texts and lists of texts that say where and how it starts."""
    if not isinstance(entry, dict):
        return False
    name, host = entry.get("name", ""), entry.get("host", "")
    command, ssh = entry.get("command", []), entry.get("ssh", [])
    if not (isinstance(command, list) and isinstance(ssh, list)):
        return False
    return all(isinstance(text, TEXT) for text in [name, host] + command + ssh) and bool(host or command)


def remedy(beside_gimp, in_gimp):
    # type: (str, str) -> str
    """What to do, where an installer is to be run: of two sentences, the one that is true of this plug-in."""
    return _(in_gimp if os.path.isfile(INSTALLER) else beside_gimp)


def not_installed():
    # type: () -> str
    return remedy(NOT_INSTALLED, NOT_INSTALLED_HERE)


def has_engine(folder=FOLDER):
    # type: (str) -> bool
    """Whether the engine that is to be used is there, as far as that can be seen from here."""
    try:
        engine = engine_entries(folder)[0]
    except EngineError:
        return False
    program = engine["command"][0] if not engine.get("host") else ""
    return os.path.exists(program) or not os.path.isabs(program)


def host(folder=FOLDER):
    # type: (str) -> str
    """The other computer that the engine in use is on; empty for this one, or none."""
    try:
        return engine_entries(folder)[0].get("host") or ""
    except EngineError:
        return ""


def version(folder=FOLDER):
    # type: (str) -> str
    """The version of the engine that was installed, with which the plug-in was released, too."""
    try:
        return str(_read(os.path.join(folder, "engine.json")).get("version", ""))
    except (IOError, ValueError, LookupError):
        return ""


def release(folder=FOLDER):
    # type: (str) -> str
    """The version of a plug-in that came in an archive, which people unzip over an older one; else none."""
    try:
        return str(_read(os.path.join(folder, "release.json"))["version"])
    except (IOError, ValueError, LookupError):
        return ""


def is_up_to_date(folder=FOLDER):
    # type: (str) -> bool
    """Whether the engine is there and as new as the plug-in."""
    return has_engine(folder) and release(folder) in ("", version(folder))


def option_rows(folder=FOLDER):
    # type: (str) -> List[Dict[str, Any]]
    """The rows of options.json: what the user may ask of the engine, in the order of GIMP's arguments."""
    rows = _read(os.path.join(folder, "options.json"))["options"]  # type: List[Dict[str, Any]]
    return rows


def argument_name(option):
    # type: (str) -> str
    """How GIMP calls an option."""
    return str(option).replace("_", "-")


def log_folders(environ=os.environ, platform=sys.platform):
    # type: (Mapping[str, str], str) -> List[str]
    """Where logs may go, best first: where the system keeps such files, or else among the temporary ones."""
    home = os.path.expanduser("~")
    if platform == "win32":
        state = environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif platform == "darwin":
        state = os.path.join(home, "Library", "Logs")
    else:
        state = _absolute(environ.get("XDG_STATE_HOME")) or os.path.join(home, ".local", "state")
    folders = [os.path.join(state, "neural-style"), os.path.join(_temporary(), "neural-style-%s" % _user())]
    return [folder for folder in folders if _absolute(folder)]


def _absolute(path):
    # type: (Optional[str]) -> Optional[str]
    """The path, unless it is of no use: who has no home has a "~" that stays one."""
    return path if path and os.path.isabs(path) else None


def _temporary():
    # type: () -> str
    try:
        return tempfile.gettempdir()
    except (IOError, OSError):  # not even those may be written
        return ""


def _user():
    # type: () -> object
    return os.getuid() if hasattr(os, "getuid") else "user"


def native(word):
    # type: (Any) -> str
    """A word of a command line as this Python hands it to the system: 2.7 has bytes."""
    if sys.version_info[0] > 2:
        return str(word)
    return word.encode("mbcs" if os.name == "nt" else "utf-8")


def _read(path):
    # type: (str) -> Dict[str, Any]
    with io.open(path, encoding="utf-8") as stream:
        content = json.load(stream)  # type: Dict[str, Any]
    if content["format"] != FORMAT:
        raise ValueError("%s has format %s, expected %d" % (path, content["format"], FORMAT))
    return content

"""The engines that may be used, as engine.json lists them: on this computer and on others. For Python 2.7 and 3.

Each is an object with a ``name`` and, on this computer, the ``command`` that starts it. One on another computer has a
``host``, as ssh takes it; there ``command`` is what runs on the other side, if it is not the engine as its installer
puts it, and ``ssh`` is how ssh is started here, if not as ``ssh``.
"""

import collections

from nst_plugin.shared import settings, ssh
from nst_plugin.shared.engine_client import Engine
from nst_plugin.shared.errors import BadRequest, EngineError
from nst_plugin.shared.translation import N_, _

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, Callable, Dict, List, Tuple

HERE = N_("This computer")
UNKNOWN = N_('There is no engine "%s": choose one of these: %s.')

Known = collections.namedtuple("Known", "name host words ssh")
"""An engine of the list: ``words`` start it on its own computer, ``host`` is empty for this one."""


def known(folder=settings.FOLDER):
    # type: (str) -> List[Known]
    """All engines, the one first that is used where none is chosen. EngineError where there is none."""
    return [understood(entry) for entry in settings.engine_entries(folder)]


def chosen(name="", folder=settings.FOLDER):
    # type: (str, str) -> Known
    """The engine of this name, or the first. BadRequest for a name that none has."""
    engines = known(folder)
    found = [engine for engine in engines if engine.name == name] if name else engines
    if not found:
        raise BadRequest(_(UNKNOWN) % (name, ", ".join(engine.name for engine in engines)))
    return found[0]


def command(engine):
    # type: (Known) -> List[str]
    """The command that starts it. EngineError where there is none."""
    if engine.host:
        return ssh.command(engine.host, engine.words, engine.ssh)
    if not engine.words:
        raise EngineError(settings.not_installed())
    return list(engine.words)


def start(engine, idle=lambda: None, may_fail=False):
    # type: (Known, Callable[[], None], bool) -> Engine
    """Start it; ``idle`` and ``may_fail`` are those of :class:`Engine`."""
    return Engine(command(engine), settings.log_folders(), idle, engine.host, may_fail)


def start_for_choice(name, idle=lambda: None, folder=settings.FOLDER):
    # type: (str, Callable[[], None], str) -> Tuple[Engine, str]
    """Start the engine of this name for somebody who can choose another one; returns by what name to choose it again.

    Where it cannot be started, one on this computer takes its place. To go to another computer takes the user's click:
    the engine has failed until then.
    """
    engines = known(folder)
    here = [engine for engine in engines if not ssh.leads_away(engine.host, engine.words)]
    named = [engine for engine in engines if engine.name == (name or engine.name)]
    first = (named or here or engines)[0]
    again = name if named else first.name
    for engine in [first] + [other for other in here if other != first]:
        try:
            return start(engine, idle), again if engine == first else engine.name
        except EngineError:
            continue
    return start(first, idle, may_fail=len(here) < len(engines)), again


def change(engine, name):
    # type: (Engine, str) -> None
    """Let the engine of this name take the place of one that was started."""
    other = chosen(name)
    engine.change(command(other), other.host)


def understood(entry):
    # type: (Dict[str, Any]) -> Known
    """An engine of the list, from its object there."""
    host = entry.get("host") or ""
    name = entry.get("name") or host or HERE
    return Known(name, host, _words(entry, "command"), _words(entry, "ssh") or list(ssh.SSH))


def _words(entry, name):
    # type: (Dict[str, Any], str) -> List[str]
    return [settings.native(word) for word in entry.get(name) or ()]

"""An engine on another computer: the ssh that starts it there, and what to do when that fails.

The user's own ssh is used, with his configuration and keys. Nobody is there to answer its questions, so it asks none.
The pixels are those of 16-bit numbers, and ssh compresses them. Understood by Python 2.7 and 3.
"""

import re

from nst_plugin.shared import frames, messages, settings
from nst_plugin.shared.errors import EngineAway, EngineError, EngineMissing, LineBroken
from nst_plugin.shared.translation import N_, _

try:
    from shlex import quote
except ImportError:
    from pipes import quote  # Python 2.7

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import List, Optional, Sequence, Tuple

SSH = ("ssh",)

OPTIONS = (
    ("BatchMode=yes", "nobody is there to type a password or to look at a key"),
    (
        "Compression=yes",
        "leaves two fifths of a photograph's pixels, at a speed that few lines have",
    ),
    ("ConnectTimeout=20", "a computer that is away is no reason to wait longer"),
    ("ServerAliveInterval=15", "a line that is cut without a word is noticed"),
    ("ServerAliveCountMax=4", "after a minute"),
    ("RemoteCommand=none", "the user's own would take the place of the engine"),
    ("RequestTTY=no", "a terminal would change what goes through"),
    ("ClearAllForwardings=yes", "another ssh may have these ports"),
    ("PermitLocalCommand=no", "what it prints would go into the pipe"),
    ("ControlMaster=no", "other sessions would end with this one"),
    ("LogLevel=INFO", "what goes wrong is to be told"),
)
"""What ssh is told, whatever the user's configuration says; and why."""

FIND = (
    'for python in "${XDG_DATA_HOME:-$HOME/.local/share}/neural-style/venv/bin/python" '
    '"$HOME/Library/Application Support/NeuralStyle/venv/bin/python"; '
    'do if [ -x "$python" ]; then "$python" -I -m nst_engine worker; exit; fi; done; nst-engine worker; exit'
)
"""What runs there: the engine where its installer puts it, else the one in the PATH. A shell that stays around it tells
how it ended, which ssh by itself would not."""

NOT_FOUND = 127
"""How a shell says that there is no such program."""

FAILED = 255
"""How ssh says that it had trouble itself."""

WORDS_LENGTH = 200
"""Most characters of ssh's own words that are shown."""

HOST = re.compile(r"(ssh://)?(?!-)([\w.+%=@\\-]+(?<!\\)@(?!-))?(?!\[-)[\w.:%\[\]-]+\Z", re.UNICODE)
"""What may be meant by a host: nothing in it makes a shell that the user's configuration may start do anything, or is
an option of ssh. A user of a Windows domain is DOMAIN\\user."""

PROGRAM = re.compile(r"(.*[/\\])?ssh(\.exe)?\Z")

ADDRESS = re.compile(r"(ssh://)?(.*@)?(\[.+\]|[^:]+)(?::([0-9]+))?\Z")
"""User, computer and port, if one is named. An address of IPv6 without brackets is nothing of the kind."""

CHANGED_KEY = re.compile("Host key for (.+) has changed")
KEY_FILE = re.compile("Offending .* key in (.+):[0-9]+")
"""Where ssh found another key, and by what name."""

NO_HOST = N_('"%s" is no name of a computer: name one as you would to ssh, as in user@host.')
NO_SSH = N_("The program ssh is missing on this computer: install OpenSSH, then try again.")
CHANGED = N_(
    "%(host)s has another key than before, so nothing was sent there: ask who runs it whether that is right, and if it "
    'is, run "ssh-keygen %(key)s" and then "ssh %(way)s" once in a terminal.'
)
UNKNOWN_KEY = N_(
    "The key of %(host)s is not known yet, so nothing was sent there: "
    'run "ssh %(way)s" once in a terminal and confirm it.'
)
NO_ENTRY = N_(
    "%(host)s lets nobody in from here without a password: put a key of yours there with ssh-copy-id, and where the "
    "key has a password, add it to your agent with ssh-add."
)
NO_NAME = N_("No computer of the name %(host)s is known: see that the name is right and that you are online.")
AWAY = N_("%(host)s cannot be reached (%(words)s): see that it is running and that you are online.")
OTHERWISE = N_('ssh cannot start the engine on %(host)s (%(words)s): see that "ssh %(way)s" works in a terminal.')
BROKEN = N_("The line to %(host)s broke (%(words)s): see that you are online, then try again.")
MEND = N_('run "python3 install/install.py --remote %s" to mend its installation')
MISSING = N_(
    "The engine of Neural Style is not installed on %(host)s. "
    'Run "python3 install/install.py --remote %(host)s" in the folder of Neural Style for GIMP, then try again.'
)
MISSING_HERE = N_(
    "The engine of Neural Style is not installed on %(host)s. Choose Filters > Neural Style Engine, then try again."
)
OTHER_VERSION = N_(
    "The engine on %(host)s speaks version %(there)s of the protocol and the plug-in version %(here)d. "
    'Run "python3 install/install.py --remote %(host)s" to bring both up to date, then restart GIMP.'
)
OTHER_VERSION_HERE = N_(
    "The engine on %(host)s speaks version %(there)s of the protocol and the plug-in version %(here)d. "
    "Choose Filters > Neural Style Engine to bring the engine up to date."
)
TALKATIVE = N_(
    "The login on %(host)s prints something before the engine speaks (%(words)s): "
    "let its startup files, such as ~/.bashrc, print nothing where there is no terminal."
)

MEANINGS = (
    (re.compile("IDENTIFICATION HAS CHANGED"), CHANGED),
    (re.compile("Host key verification failed|host key is known"), UNKNOWN_KEY),
    (re.compile("Permission denied|Too many authentication failures"), NO_ENTRY),
    (re.compile("(?i)could not resolve"), NO_NAME),
    (re.compile("(?i)connection (refused|timed out|reset|closed)|no route|unreachable|banner exchange"), AWAY),
    (re.compile("(?i)broken pipe|server .* not responding"), AWAY),
    (re.compile("kex_exchange_identification|identification string"), AWAY),
)
"""What ssh prints when it cannot log in, and what to say of it; the first that fits."""


def command(host, words=(), ssh=SSH):
    # type: (str, Sequence[str], Sequence[str]) -> List[str]
    """The command that starts an engine there: these words, or the engine that is found. EngineError for no host."""
    return run(host, " ".join(quote(word) for word in words) + "; exit" if words else FIND, ssh)


def run(host, there, ssh=SSH):
    # type: (str, str, Sequence[str]) -> List[str]
    """The command that has another computer run a line of shell, whatever the shell there. EngineError for no host."""
    check_host(host)
    port, name = _destination(host)
    quoted = quote(there).replace("!", "'\\!'")  # which csh takes for itself even between quotes
    return list(ssh) + _options() + port + ["--", settings.native(name), "sh -c " + quoted]


def leads_away(host, words):
    # type: (str, Sequence[str]) -> bool
    """Whether an engine is on another computer: at this host, or where an ssh in the words that start it leads."""
    return bool(host) or any(PROGRAM.match(word) for word in words)


def check_host(host):
    # type: (str) -> None
    """EngineError for what is no host, such as an option of ssh."""
    is_url = host.startswith("ssh://")
    if not HOST.match(host) or (is_url and not ADDRESS.match(host)):
        raise EngineError(_(NO_HOST) % host)


def _options():
    # type: () -> List[str]
    return [word for option, _why in OPTIONS for word in ("-o", option)]


def _destination(host):
    # type: (str) -> Tuple[List[str], str]
    """The words for the port, if one is named, and the computer as ssh takes it: no port behind it, no brackets."""
    parts = ADDRESS.match(host)
    if not parts:
        return [], host
    scheme, user, address, port = parts.groups("")
    if scheme and not address.startswith("["):
        return [], host
    return ["-p", port] if port else [], user + address.strip("[]")


def explained(host, status, printed, is_ready):
    # type: (str, Optional[int], str, bool) -> Optional[EngineError]
    """Why there is no engine at the other end any more, as far as ssh or the shell there tells; else None."""
    if status == NOT_FOUND and not is_ready:
        return EngineMissing(settings.remedy(MISSING, MISSING_HERE) % {"host": host})
    if status != FAILED:
        return None
    words = _last_line(printed)
    if is_ready:
        return LineBroken(_(BROKEN) % {"host": host, "words": words})
    sentence = ([meaning for pattern, meaning in MEANINGS if pattern.search(printed)] + [OTHERWISE])[0]
    return EngineAway(_(sentence) % {"host": host, "way": _way(host), "key": _known_key(host, printed), "words": words})


def talkative(host, status, said):
    # type: (str, Optional[int], str) -> EngineError
    """The login there says something that is none of the engine's: because it ends with that, or beside the engine."""
    sentence = OTHERWISE if status and status < NOT_FOUND else TALKATIVE
    return EngineError(_(sentence) % {"host": host, "way": _way(host), "words": messages.plain(said).rstrip(".")})


def other_version(host, protocol):
    # type: (str, object) -> EngineMissing
    """The engine there is another one."""
    words = settings.remedy(OTHER_VERSION, OTHER_VERSION_HERE)
    return EngineMissing(words % {"host": host, "there": messages.plain(str(protocol)), "here": frames.PROTOCOL})


def _last_line(printed):
    # type: (str) -> str
    lines = [line.strip() for line in printed.split("\n") if line.strip()]
    return messages.plain(lines[-1].rstrip("."))[:WORDS_LENGTH] if lines else _("it did not say why")


def _way(host):
    # type: (str) -> str
    """What to type after ssh."""
    port, name = _destination(host)
    return " ".join(port + [name.replace("\\", "\\\\")])


def _known_key(host, printed):
    # type: (str, str) -> str
    """What to tell ssh-keygen of the key that is not that of the computer any more."""
    name, file = CHANGED_KEY.search(printed), KEY_FILE.search(printed)
    return " ".join((["-f", quote(file.group(1))] if file else []) + ["-R", quote(name.group(1) if name else host)])

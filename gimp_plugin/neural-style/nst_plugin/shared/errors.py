"""What can go wrong in the plug-in. The text of each error is a sentence for the user that says what to do."""

import os
import sys
import traceback

from nst_plugin.shared.translation import N_, _

NO_MEMORY = N_("There is too little memory for this picture: close other programs and images, or paint a smaller part.")


class PluginError(Exception):
    """Base of all mishaps that end a run with a message."""


class BadRequest(PluginError):
    """What the user chose, or the script passed, cannot be stylized."""


class EngineError(PluginError):
    """The engine is missing, broke off, or refused the job."""


class EngineMissing(EngineError):
    """The engine on another computer is not installed there, or not wholly, or of another version."""


class EngineAway(EngineError):
    """The other computer cannot be reached, or lets nobody in."""


class LineBroken(EngineError):
    """The other computer cannot be reached any more."""


class Canceled(Exception):
    """The user thought better of it: no message."""


def too_little_memory():
    # type: () -> EngineError
    """Here, or for the pictures on their way from the engine."""
    return EngineError(_(NO_MEMORY))


def explained(error):
    # type: (Exception) -> PluginError
    """What nobody expected, as a sentence; to be called while the error is being handled."""
    if isinstance(error, PluginError):
        return error
    if isinstance(error, MemoryError):
        return too_little_memory()
    path, line = traceback.extract_tb(sys.exc_info()[2])[-1][:2]
    place = "%s:%d" % (os.path.basename(path), line)
    sentence = _("Neural Style met an unexpected fault (%s at %s): please report it, with what you did before.")
    return PluginError(sentence % (repr(error), place))

"""What can go wrong in the plug-in. The text of each error is a sentence for the user that says what to do."""


class PluginError(Exception):
    """Base of all mishaps that end a run with a message."""


class BadRequest(PluginError):
    """What the user chose, or the script passed, cannot be stylized."""


class EngineError(PluginError):
    """The engine is missing, broke off, or refused the job."""


class Canceled(Exception):
    """The user thought better of it: no message."""

"""A time to wait, in words. Understood by Python 2.7 and 3."""

from nst_plugin.shared.translation import _


def time_left(seconds):
    # type: (float) -> str
    return _("about {time} left").format(time=duration(seconds))


def duration(seconds):
    # type: (float) -> str
    """As precise as a guess deserves."""
    if seconds < 90:
        return _("{count} s").format(count=max(1, int(round(seconds))))
    if seconds < 90 * 60:
        return _("{count} min").format(count=int(round(seconds / 60)))
    return _("{count} h").format(count=int(round(seconds / 3600)))

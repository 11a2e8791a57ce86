"""The plug-in's words in the user's language. Understood by Python 2.7 and 3.

A catalog for each language lies in the folder ``locale`` beside the plug-in; what none of them has stays English.
"""

import gettext
import itertools
import os
import re

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, List, Optional

DOMAIN = "neural-style"
ENGLISH = ("en", "C", "POSIX")
"""How the names of languages begin in which nothing has to be translated."""

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "locale")


def use(languages=None):
    # type: (Optional[List[str]]) -> None
    """Speak the first of these languages that there is a catalog for; without a list, the environment's language.

    English needs no catalog: what comes after it in the list is not asked for.
    """
    global _catalog
    if languages:
        languages = list(itertools.takewhile(lambda name: re.split("[_.@]", name)[0] not in ENGLISH, languages)) or [
            "C"
        ]
    _catalog = gettext.translation(DOMAIN, FOLDER, languages, fallback=True)


def N_(sentence):
    # type: (str) -> str
    """Marks a sentence that is translated where it is shown."""
    return sentence


def _(sentence):
    # type: (str) -> str
    """The sentence as the user reads it."""
    if sentence == "":
        return sentence  # gettext would return the catalog's own header
    translated = getattr(_catalog, "ugettext", _catalog.gettext)(sentence)  # ugettext: Python 2.7
    return translated  # type: ignore[no-any-return]


_catalog = gettext.NullTranslations()  # type: Any

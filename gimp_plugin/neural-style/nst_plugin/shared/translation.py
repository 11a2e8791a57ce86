"""The plug-in's words in the user's language. Understood by Python 2.7 and 3.

A catalog for each language lies in the folder ``locale`` beside the plug-in; what none of them has stays English.
Engine and installer speak English, and tell what their texts are made of, so that catalogs can have those, too.
"""

import gettext
import itertools
import os
import re

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, Dict, List, Mapping, Optional

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


def said(facts, name):
    # type: (Mapping[str, Any], str) -> str
    """A text of what engine or installer told, by its name, in the user's language where there are words for it."""
    parts = facts.get("words")
    parts = parts.get(name) if isinstance(parts, dict) else None
    return _put_together(parts, facts[name]) if isinstance(parts, dict) else _(facts[name])


def _put_together(parts, english):
    # type: (Dict[str, Any], str) -> str
    """A text from the catalog's words for its template; what others call a template is never filled in itself."""
    try:
        template = _(parts["template"])
        if template == parts["template"]:
            return english
        values = {str(name): _value(value) for name, value in parts["values"].items()}
        return template.format(**values)
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        RuntimeError,
    ):  # RuntimeError: parts of parts of parts...
        return english


def _value(value):
    # type: (Any) -> Any
    return _put_together(value, value["text"]) if isinstance(value, dict) else value


_catalog = gettext.NullTranslations()  # type: Any

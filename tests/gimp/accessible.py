"""Works GIMP's dialogs as a screen reader sees them: widgets are found by their names and labels.

Runs in the Python beside GIMP, which has gi, with the display and bus of a session. Each line of stdin is a JSON list
of one of these, in which DIALOG is a regular expression for the whole title; each line of stdout is JSON, too: whether
it was done, and what there is to tell.

    tree
    press DIALOG BUTTON
    choose DIALOG LABEL VALUE
    toggle DIALOG LABEL on|off
    set DIALOG LABEL NUMBER
    get DIALOG LABEL
    chosen DIALOG LABEL
    where DIALOG NAME
    unexplained DIALOG
    nameless DIALOG
    tour DIALOG
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi

CONTROLS = (
    Atspi.Role.CHECK_BOX, Atspi.Role.COMBO_BOX, Atspi.Role.IMAGE, Atspi.Role.PROGRESS_BAR, Atspi.Role.PUSH_BUTTON,
    Atspi.Role.RADIO_BUTTON, Atspi.Role.SLIDER, Atspi.Role.SPIN_BUTTON, Atspi.Role.TEXT, Atspi.Role.TOGGLE_BUTTON,
)  # fmt: skip


def children(node: Any) -> list[Any]:
    found = (node.get_child_at_index(index) for index in range(node.get_child_count()))
    return [child for child in found if child is not None]


def descendants(node: Any) -> Iterator[Any]:
    for child in children(node):
        yield child
        yield from descendants(child)


def names(node: Any) -> list[str]:
    """What a widget is called: by itself, and by the labels that stand for it."""
    labels = [
        relation.get_target(index).get_name()
        for relation in node.get_relation_set()
        if relation.get_relation_type() == Atspi.RelationType.LABELLED_BY
        for index in range(relation.get_n_targets())
    ]
    return [name.rstrip(":") for name in [node.get_name(), *labels] if name]


def dialog(title: str) -> Any:
    for application in children(Atspi.get_desktop(0)):
        for window in children(application):
            if re.fullmatch(title, window.get_name()):
                return window
    raise LookupError(f"No window is titled {title!r}.")


def widget(title: str, name: str, is_wanted: Callable[[Any], Any]) -> Any:
    for node in descendants(dialog(title)):
        if name in names(node) and is_wanted(node):
            return node
    raise LookupError(f"The window {title!r} has no such widget named {name!r}.")


def has_state(node: Any, state: Any) -> bool:
    return bool(node.get_state_set().contains(state))


def press(title: str, name: str) -> None:
    button = widget(title, name, lambda node: node.get_action_iface() and has_state(node, Atspi.StateType.SENSITIVE))
    button.get_action_iface().do_action(0)


def choose(title: str, label: str, value: str) -> None:
    """Choose from a drop-down list, or among radio buttons, which GIMP 3.2 shows for a short list."""
    group = widget(title, label, lambda node: node.get_role() in (Atspi.Role.COMBO_BOX, Atspi.Role.PANEL))
    roles = (Atspi.Role.MENU_ITEM, Atspi.Role.RADIO_BUTTON)
    entries = [node for node in descendants(group) if node.get_role() in roles]
    for index, entry in enumerate(entries):
        if entry.get_name() == value:
            if entry.get_role() == Atspi.Role.RADIO_BUTTON:
                entry.get_action_iface().do_action(0)
            else:
                group.get_selection_iface().select_child(index)
            return
    raise LookupError(f"{label!r} offers {[entry.get_name() for entry in entries]}, not {value!r}.")


def toggle(title: str, label: str, wanted: str) -> None:
    node = widget(title, label, lambda node: node.get_action_iface())
    if has_state(node, Atspi.StateType.CHECKED) != (wanted == "on"):
        node.get_action_iface().do_action(0)


def set_number(title: str, label: str, number: str) -> None:
    widget(title, label, lambda node: node.get_value_iface()).get_value_iface().set_current_value(float(number))


def get_number(title: str, label: str) -> None:
    print(widget(title, label, lambda node: node.get_value_iface()).get_value_iface().get_current_value())


def chosen(title: str, label: str) -> None:
    """Print what a drop-down list is set to."""
    print(widget(title, label, lambda node: node.get_role() == Atspi.Role.COMBO_BOX).get_name())


def unexplained(title: str) -> None:
    """Print what can be worked and has no tooltip, nor is in something that has one."""
    roles = (Atspi.Role.COMBO_BOX, Atspi.Role.SPIN_BUTTON, Atspi.Role.TEXT, Atspi.Role.PUSH_BUTTON, Atspi.Role.IMAGE)
    for node in descendants(dialog(title)):
        if node.get_role() in roles and not is_explained(node):
            print(" / ".join(names(node)))


def is_explained(node: Any) -> bool:
    while node.get_role() not in (Atspi.Role.DIALOG, Atspi.Role.APPLICATION):
        if node.get_description():
            return True
        node = node.get_parent()
    return False


def nameless(title: str) -> None:
    """Print what can be worked, or shows something, and has no name that could be read out."""
    for node in descendants(dialog(title)):
        if node.get_role() in CONTROLS and has_state(node, Atspi.StateType.SHOWING) and not any(spoken(node)):
            print(f"{node.get_role_name()} in {' / '.join(spoken(node.get_parent()))}")


def spoken(node: Any) -> list[str]:
    """The names of a widget that say something."""
    return [name for name in names(node) if name.strip()]


def tour(title: str) -> None:
    """Press Tab until the keyboard is where it was at first, and print on the way what it could work.

    Of drop-down lists GTK does not tell which one has the focus.
    """
    stops = [node for node in descendants(dialog(title)) if has_state(node, Atspi.StateType.FOCUSABLE)]
    seen: list[Any] = []
    for _ in range(2 * len(stops)):
        focused = next(filter(has_focus, stops), None)
        if focused in seen:
            return
        if focused is not None:
            seen.append(focused)
        print("a list" if focused is None else " / ".join(names(focused)), flush=True)
        subprocess.run(["xdotool", "key", "Tab"], check=True, stdin=subprocess.DEVNULL)
        time.sleep(0.1)


def has_focus(node: Any) -> bool:
    node.clear_cache()  # or it would stay as it was when it was first looked at
    return has_state(node, Atspi.StateType.FOCUSED)


def where(title: str, name: str) -> None:
    """Print where on the screen the middle of a widget is."""
    node = widget(title, name, lambda node: has_state(node, Atspi.StateType.SHOWING))
    place = node.get_component_iface().get_extents(Atspi.CoordType.SCREEN)
    print(place.x + place.width // 2, place.y + place.height // 2)


def tree() -> None:
    for application in children(Atspi.get_desktop(0)):
        print(f"{application.get_role_name()} {application.get_name()!r}")
        for window in children(application):
            if not window.get_name().endswith("GIMP"):
                branch(window, 1)


def branch(node: Any, depth: int) -> None:
    print("  " * depth + f"{node.get_role_name()} {' / '.join(names(node))!r}")
    for child in children(node):
        branch(child, depth + 1)


COMMANDS: dict[str, Callable[..., None]] = {
    "tree": tree,
    "press": press,
    "choose": choose,
    "toggle": toggle,
    "set": set_number,
    "get": get_number,
    "chosen": chosen,
    "unexplained": unexplained,
    "nameless": nameless,
    "tour": tour,
    "where": where,
}


def answer(command: str, *words: str) -> tuple[bool, str]:
    """Do it in a process of its own, which sees everything anew."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writer, sys.stdout.fileno())
        os._exit(obey(command, *words))
    os.close(writer)
    with open(reader) as pipe:
        told = pipe.read()
    return os.waitpid(child, 0)[1] == 0, told


def obey(command: str, *words: str) -> int:
    try:
        COMMANDS[command](*words)
        return 0
    except LookupError as missing:
        print(missing)
    except Exception:  # a program that ends while it is looked at
        traceback.print_exc(file=sys.stdout)
    finally:
        sys.stdout.flush()
    return 1


for line in sys.stdin:
    print(json.dumps(answer(*json.loads(line))), flush=True)

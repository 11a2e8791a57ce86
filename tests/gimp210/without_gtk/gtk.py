"""In PyGTK's place, which is not to be had any more: what gimpfu's dialog needs of it, with nobody to look at it.

Every call is welcome. Numbers, texts and choices keep what they are given. The user presses OK at once, and
closes the window while the filter runs as soon as there is a file where CLOSE_DIALOG in the environment says.
"""

import os
import traceback

RESPONSE_OK, RESPONSE_CANCEL, RESPONSE_DELETE_EVENT = -5, -6, -4
_loop = {"running": False, "dialog": None}


class Widget(object):
    def __init__(self, *_, **__):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None

    def show(self):
        pass


class Entry(Widget):
    text = ""

    def set_text(self, text):
        self.text = text

    def get_text(self):
        return self.text


class Adjustment(Widget):
    def __init__(self, value, lower, upper, step, page, page_size):
        assert lower <= value <= upper, (lower, value, upper)
        assert step > 0
        self.value = float(value)


class SpinButton(Widget):
    def __init__(self, adjustment, climb_rate, digits):
        self.adjustment = adjustment

    def get_value(self):
        return self.adjustment.value


class RadioButton(Widget):
    def __init__(self, group, label):
        assert isinstance(label, str) and label


class Dialog(Widget):
    vbox = Widget()

    def connect(self, signal, respond):
        _loop["dialog"] = self
        self.respond = respond


class MessageDialog(Widget):
    """What gimpfu shows of an exception that it did not expect."""

    def __init__(self, *_):
        traceback.print_exc()
        self.vbox = Widget()


def main():
    _loop["running"] = True
    _loop["dialog"].respond(_loop["dialog"], RESPONSE_OK)
    assert not _loop["running"]


def main_quit():
    _loop["running"] = False


def events_pending():
    return os.path.exists(os.environ.get("CLOSE_DIALOG", ""))


def main_iteration(block):
    assert not block
    _loop["dialog"].respond(_loop["dialog"], RESPONSE_DELETE_EVENT)
    return not _loop["running"]


Alignment = Button = CellRendererText = ComboBox = Expander = FileChooserButton = HBox = HScale = Image = Label = Widget
ListStore = ScrolledWindow = Table = TextView = ToggleButton = VBox = Widget
FILL = STOCK_CANCEL = STOCK_FILE = STOCK_OK = STOCK_OPEN = ICON_SIZE_BUTTON = SHADOW_IN = POLICY_AUTOMATIC = None
DIALOG_DESTROY_WITH_PARENT = MESSAGE_ERROR = BUTTONS_CLOSE = None

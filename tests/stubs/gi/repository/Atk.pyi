from gi.repository import GObject

class Object(GObject.Object):
    def set_name(self, name: str) -> None: ...

import enum

from gi.repository import GLib, GObject

class Colorspace(enum.Enum):
    RGB = ...

class InterpType(enum.Enum):
    NEAREST = ...

class Pixbuf(GObject.Object):
    @staticmethod
    def new_from_bytes(
        data: GLib.Bytes,
        colorspace: Colorspace,
        has_alpha: bool,
        bits_per_sample: int,
        width: int,
        height: int,
        rowstride: int,
    ) -> Pixbuf: ...
    @staticmethod
    def new_from_file_at_size(filename: str | None, width: int, height: int) -> Pixbuf: ...
    def apply_embedded_orientation(self) -> Pixbuf | None: ...
    def composite(
        self,
        dest: Pixbuf,
        dest_x: int,
        dest_y: int,
        dest_width: int,
        dest_height: int,
        offset_x: float,
        offset_y: float,
        scale_x: float,
        scale_y: float,
        interp_type: InterpType,
        overall_alpha: int,
    ) -> None: ...
    def composite_color_simple(
        self,
        dest_width: int,
        dest_height: int,
        interp_type: InterpType,
        overall_alpha: int,
        check_size: int,
        color1: int,
        color2: int,
    ) -> Pixbuf: ...
    def copy(self) -> Pixbuf: ...
    def get_height(self) -> int: ...
    def get_width(self) -> int: ...
    def saturate_and_pixelate(self, dest: Pixbuf, saturation: float, pixelate: bool) -> None: ...

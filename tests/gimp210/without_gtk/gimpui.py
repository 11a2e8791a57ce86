"""In the place of pygimp's module of that name, which needs PyGTK. The user chooses the image's lowest layer."""

import gimp
import gtk

Dialog = gtk.Dialog
ColorSelector = ImageSelector = ChannelSelector = DrawableSelector = VectorsSelector = FontSelector = gtk.Widget
BrushSelector = PatternSelector = GradientSelector = PaletteSelector = HintBox = ProgressBar = gtk.Widget


class LayerSelector(gtk.Widget):
    def get_value(self):
        return gimp.image_list()[0].layers[-1]


def gimp_ui_init():
    pass

"""Makes the only monitor of an X display smaller than its screen, or as large again: WIDTH HEIGHT. Runs beside GIMP."""

import ctypes
import sys


class Monitor(ctypes.Structure):
    """Xrandr's XRRMonitorInfo."""

    _fields_ = [
        ("name", ctypes.c_ulong),
        *((name, ctypes.c_int) for name in ("primary", "automatic", "noutput", "x", "y", "width", "height")),
        *((name, ctypes.c_int) for name in ("mwidth", "mheight")),
        ("outputs", ctypes.POINTER(ctypes.c_ulong)),
    ]


class Resources(ctypes.Structure):
    """The beginning of Xrandr's XRRScreenResources."""

    _fields_ = [
        *((name, ctypes.c_ulong) for name in ("timestamp", "configTimestamp")),
        ("ncrtc", ctypes.c_int),
        ("crtcs", ctypes.c_void_p),
        ("noutput", ctypes.c_int),
        ("outputs", ctypes.POINTER(ctypes.c_ulong)),
    ]


x11, xrandr = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXrandr.so.2")
x11.XOpenDisplay.restype = ctypes.c_void_p
x11.XDefaultRootWindow.restype = x11.XInternAtom.restype = ctypes.c_ulong
xrandr.XRRGetScreenResources.restype = ctypes.POINTER(Resources)

display = ctypes.c_void_p(x11.XOpenDisplay(None))
root = ctypes.c_ulong(x11.XDefaultRootWindow(display))
output = ctypes.c_ulong(xrandr.XRRGetScreenResources(display, root).contents.outputs[0])
width, height = map(int, sys.argv[1:])
name = x11.XInternAtom(display, f"{width} x {height}".encode(), 0)
monitor = Monitor(name, 1, 0, 1, 0, 0, width, height, 300, 200)
monitor.outputs = ctypes.pointer(output)
xrandr.XRRSetMonitor(display, root, ctypes.byref(monitor))
x11.XSync(display, 0)

"""Neural Style inside GIMP: asks, reads layers, lets the engine paint, adds the result as a layer."""

VERSION = "0.1.0"
"""The same as the engine's, since both are released and installed together."""

"""Neural Style inside GIMP: asks, reads layers, lets the engine paint, adds the result as a layer."""

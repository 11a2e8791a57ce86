"""The image: its layers, masks and styles, read and written."""

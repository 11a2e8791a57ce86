"""Speed and looks, measured against other people's programs on the same machine."""

"""VGG-19: the networks there are, how they come here, and their features."""

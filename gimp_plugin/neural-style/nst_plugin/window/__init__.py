"""What is shown: the dialog, and the window of a run."""

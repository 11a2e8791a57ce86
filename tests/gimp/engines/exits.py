"""An engine that does not start."""

import sys

sys.exit("ModuleNotFoundError: No module named 'torch'")

"""An engine that takes longer to start than anybody waits."""

import sys

sys.stdin.read()

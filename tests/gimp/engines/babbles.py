"""An engine behind a shell that greets by itself."""

import sys

print("Welcome to gpu-box!", flush=True)
sys.stdin.read()

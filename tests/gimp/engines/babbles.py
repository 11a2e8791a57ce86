"""An engine behind a shell that greets by itself."""

import time

print("Welcome to gpu-box!", flush=True)
time.sleep(600)

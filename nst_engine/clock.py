"""Where the time of a job goes."""

from __future__ import annotations

import time
from typing import Any

from nst_engine.pixels import Size


class Clock:
    """Wall seconds of the parts of a job."""

    def __init__(self, started: float | None) -> None:
        self.started = self.last = time.perf_counter() if started is None else started
        self.laps: dict[str, Any] = {"start_up": 0.0, "features": 0.0, "scales": []}

    def lap(self, name: str) -> None:
        """Add the time since the last lap to this part."""
        self.laps[name] += self._since_last()

    def scale_lap(self, size: Size) -> None:
        """Note the time since the last lap as that of a scale."""
        self.laps["scales"].append({"height": size.height, "width": size.width, "seconds": self._since_last()})

    def total(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def _since_last(self) -> float:
        previous, self.last = self.last, time.perf_counter()
        return self.last - previous

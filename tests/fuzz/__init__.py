"""Properties that must hold whatever comes, for a short look in the tests and a long one by ``python -m tests.fuzz``.

A kind is a module here with a tuple ``PROPERTIES`` of functions under ``hypothesis.given``.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, settings

KINDS = ("frames", "options", "messages", "files", "sessions")


def looked_for(known: Callable[[], None], examples: int, derandomize: bool = False) -> None:
    """Try a property with so many examples; raises what the smallest one that breaks it raises."""
    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
    )
    chosen(known)()

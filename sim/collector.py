"""Python's cyclic collector, kept away for a while."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["collector_off"]


@contextlib.contextmanager
def collector_off() -> Iterator[None]:
    """Keep the cyclic collector out of what makes much and no garbage in cycles: a run, the reading of a large file.

    Whoever has still work to do with what a run made wraps that too: a look at all of it finds nothing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

"""What containers did in one of two worlds, the simulated and the real one, in the same words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Event", "Lived", "Who"]

Who = tuple[str, str]
"""Pod, as namespace/name, and container."""


@dataclass(frozen=True, slots=True)
class Event:
    """A start or an end of a container.

    Attributes:
        time_s: Since the run began.
        who: The container.
        what: Which of the two.
        nth: Of how manieth start of this container, from 0.
        code: Exit code; None of a start.
        oom: Whether the kernel killed in it for want of memory.
    """

    time_s: float
    who: Who
    what: Literal["started", "exited"]
    nth: int
    code: int | None = None
    oom: bool = False

    @property
    def key(self) -> tuple[Who, str, int]:
        """By which the same event is found in the other world."""
        return self.who, self.what, self.nth

    @property
    def said(self) -> str:
        """In words."""
        pod = self.who[0].removeprefix("default/")
        times = f" ({self.nth + 1})" if self.nth else ""
        how = "" if self.code is None else f" with {self.code}{', OOM killed' if self.oom else ''}"
        return f"{pod}/{self.who[1]} {self.what}{times}{how}"


@dataclass(frozen=True, slots=True)
class Lived:
    """What happened in a world.

    Attributes:
        events: In the order of time.
        cpu_s: CPU seconds that each container used in all.
        curves: Of each container, (time, CPU seconds used by then), as far as it is known.
        others_cores: Cores that something else on the host took in the mean; None: it cannot be told.
        problem: Why it was not watched to the end, as a sentence; empty where it was.
    """

    events: Sequence[Event]
    cpu_s: Mapping[Who, float]
    curves: Mapping[Who, Sequence[tuple[float, float]]] = field(default_factory=dict)
    others_cores: float | None = None
    problem: str = ""
